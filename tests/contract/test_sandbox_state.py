"""The state file: saved at exit, loaded at start."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from bulkzoho.sandbox import Sandbox, SandboxSettings
from bulkzoho.sandbox.__main__ import main
from bulkzoho.sandbox.state.persistence import StateFileError
from bulkzoho.sandbox.testing import ManualClock, sandbox_client

LEAD = {"Last_Name": 'A "quoted"\nname', "External_Id": "x1", "Languages": ["Korean"], "Email": "a@example.com"}


async def test_records_recycle_bin_and_secrets_survive_a_restart(tmp_path: Path) -> None:
    settings = SandboxSettings(state_file=str(tmp_path / "crm.state"), seed=1)
    async with sandbox_client(settings) as client:
        ids = client.sandbox.add("Leads", [LEAD, {"Last_Name": "B"}, {"Last_Name": "C", "Email": "c@example.com"}])
        client.sandbox.add("Accounts", [{"Account_Name": "Acme"}], by="bo@sandbox.example.com")
        await client.write("POST", f"Leads/{ids[2]}/actions/convert", [])
        client.sandbox.remove("Leads", [ids[1]])
        before = {name: list(client.sandbox.records(name)) for name in ("Leads", "Accounts", "Contacts")}
        environment = client.sandbox.environment

    async with sandbox_client(SandboxSettings(state_file=settings.state_file, seed=2)) as client:
        same = {name: list(client.sandbox.records(name)) for name in before}
        again = await client.insert("Leads", LEAD)
        update = await client.write("PUT", "Leads", [{"id": ids[2], "City": "Oslo"}])
        client.sandbox.restore("Leads", [ids[1]])
        new = await client.insert("Leads", {"Last_Name": "D"})

        assert same == before
        assert (again.codes, update.codes) == (["DUPLICATE_DATA"], ["CONVERTED_RECORD"])
        assert client.sandbox.count("Leads") == 4
        assert int(new.body["data"][0]["details"]["id"]) > max(map(int, ids))
        for name in ("BULKZOHO_CLIENT_ID", "BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN"):
            assert client.sandbox.environment[name] == environment[name]


async def test_the_state_file_is_private_and_can_be_saved_while_running(tmp_path: Path) -> None:
    path = tmp_path / "crm.state"
    async with sandbox_client(SandboxSettings(state_file=str(path))) as client:
        client.sandbox.add("Leads", [LEAD])
        saved = await client.call("POST", "/__sandbox/save")

        assert saved.status == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert Sandbox(SandboxSettings(state_file=str(path))).count("Leads") == 1
        assert [each.name for each in tmp_path.iterdir()] == ["crm.state"]


async def test_saving_without_a_state_file_is_an_error() -> None:
    async with sandbox_client() as client:
        refused = await client.call("POST", "/__sandbox/save")

        assert refused.status == 400
        with pytest.raises(StateFileError, match="no state file"):
            client.sandbox.save()


async def test_time_continues_from_a_faster_clock(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.advance(10.0**9)
    settings = SandboxSettings(state_file=str(tmp_path / "crm.state"))
    async with Sandbox(settings, clock=clock):
        pass
    async with sandbox_client(settings) as client:
        now = await client.call("POST", "/__sandbox/clock", json={})

        assert now.body["now_s"] >= clock.seconds


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not a sandbox state file"),
        ("hello\n", "is not a sandbox state file"),
        ('{"format":1}\n', "has format 1"),
        ('{"format":2,"org_id":"7"}\n', "belongs to organization 7"),
        ('{"format":2,"org_id":"650000001","last_id":1}\n', "is not a sandbox state file"),
    ],
)
def test_an_invalid_state_file_is_a_one_line_error(
    content: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "crm.state"
    path.write_text(content)

    assert main(["--state", str(path)]) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert message in line
    assert path.read_text() == content


def test_a_truncated_state_file_is_rejected_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "crm.state"
    sandbox = Sandbox()
    sandbox.add("Leads", [LEAD, LEAD | {"External_Id": "x2"}])
    sandbox.save(str(path))
    whole = path.read_bytes()
    ends_of_lines = [each.end() for each in re.finditer(rb"\n", whole)][:-1]
    for size in (len(whole) - 60, len(whole) // 2, len(whole) // 3, *ends_of_lines):
        path.write_bytes(whole[:size])

        with pytest.raises(StateFileError, match="or is incomplete"):
            Sandbox(SandboxSettings(state_file=str(path)))


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match="cannot be written: No such file"):
        Sandbox().save(str(tmp_path / "none" / "crm.state"))
    for path, message in (("none/crm.state", "does not exist"), (".", "is not a file"), ("/dev/zero", "is not a file")):
        with pytest.raises(StateFileError, match=message):
            Sandbox(SandboxSettings(state_file=str(tmp_path / path)))
