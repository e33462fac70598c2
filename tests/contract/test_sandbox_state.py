"""State in a file between two starts of the sandbox."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from bulkzoho.sandbox import Sandbox, SandboxSettings
from bulkzoho.sandbox.__main__ import main
from bulkzoho.sandbox.state.persistence import StateFileError
from bulkzoho.sandbox.testing import ManualClock, calling

LEAD = {"Last_Name": 'A "quoted"\nname', "External_Id": "x1", "Languages": ["Korean"], "Email": "a@example.com"}


async def test_records_bin_and_secrets_are_there_at_the_next_start(tmp_path: Path) -> None:
    settings = SandboxSettings(state_file=str(tmp_path / "crm.state"), seed=1)
    async with calling(settings) as caller:
        ids = caller.sandbox.add("Leads", [LEAD, {"Last_Name": "B"}, {"Last_Name": "C", "Email": "c@example.com"}])
        caller.sandbox.add("Accounts", [{"Account_Name": "Acme"}], by="bo@sandbox.example.com")
        await caller.write("POST", f"Leads/{ids[2]}/actions/convert", [])
        caller.sandbox.remove("Leads", [ids[1]])
        before = {name: list(caller.sandbox.records(name)) for name in ("Leads", "Accounts", "Contacts")}
        environment = caller.sandbox.environment

    async with calling(SandboxSettings(state_file=settings.state_file, seed=2)) as caller:
        same = {name: list(caller.sandbox.records(name)) for name in before}
        again = await caller.insert("Leads", LEAD)
        update = await caller.write("PUT", "Leads", [{"id": ids[2], "City": "Oslo"}])
        caller.sandbox.restore("Leads", [ids[1]])
        new = await caller.insert("Leads", {"Last_Name": "D"})

        assert same == before
        assert (again.codes, update.codes) == (["DUPLICATE_DATA"], ["CONVERTED_RECORD"])
        assert caller.sandbox.count("Leads") == 4
        assert int(new.body["data"][0]["details"]["id"]) > max(map(int, ids))
        for name in ("BULKZOHO_CLIENT_ID", "BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN"):
            assert caller.sandbox.environment[name] == environment[name]


async def test_the_file_is_its_owner_s_alone_and_can_be_written_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "crm.state"
    async with calling(SandboxSettings(state_file=str(path))) as caller:
        caller.sandbox.add("Leads", [LEAD])
        saved = await caller.call("POST", "/__sandbox/save")

        assert saved.status == 200
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert Sandbox(SandboxSettings(state_file=str(path))).count("Leads") == 1
        assert [each.name for each in tmp_path.iterdir()] == ["crm.state"]


async def test_without_a_file_there_is_nothing_to_save_to() -> None:
    async with calling() as caller:
        refused = await caller.call("POST", "/__sandbox/save")

        assert refused.status == 400
        with pytest.raises(StateFileError, match="no file to save to"):
            caller.sandbox.save()


async def test_time_goes_on_from_where_a_faster_clock_had_come(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.advance(10.0**9)
    settings = SandboxSettings(state_file=str(tmp_path / "crm.state"))
    async with Sandbox(settings, clock=clock):
        pass
    async with calling(settings) as caller:
        now = await caller.call("POST", "/__sandbox/clock", json={})

        assert now.body["now_s"] >= clock.seconds


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "holds no state of a sandbox"),
        ("hello\n", "holds no state of a sandbox"),
        ('{"format":1}\n', "is of format 1"),
        ('{"format":2,"org_id":"7"}\n', "is of organization 7"),
        ('{"format":2,"org_id":"650000001","last_id":1}\n', "holds no state of a sandbox"),
    ],
)
def test_a_file_that_is_none_is_told_in_one_line(
    content: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "crm.state"
    path.write_text(content)

    assert main(["--state", str(path)]) == 1

    [line] = capsys.readouterr().err.splitlines()
    assert told in line
    assert path.read_text() == content


def test_a_file_that_is_cut_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "crm.state"
    sandbox = Sandbox()
    sandbox.add("Leads", [LEAD, LEAD | {"External_Id": "x2"}])
    sandbox.save(str(path))
    whole = path.read_bytes()
    ends_of_lines = [each.end() for each in re.finditer(rb"\n", whole)][:-1]
    for size in (len(whole) - 60, len(whole) // 2, len(whole) // 3, *ends_of_lines):
        path.write_bytes(whole[:size])

        with pytest.raises(StateFileError, match="only a part of one"):
            Sandbox(SandboxSettings(state_file=str(path)))


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateFileError, match="cannot be written: No such file"):
        Sandbox().save(str(tmp_path / "none" / "crm.state"))
    for path, told in (("none/crm.state", "there is no folder"), (".", "is no file"), ("/dev/zero", "is no file")):
        with pytest.raises(StateFileError, match=told):
            Sandbox(SandboxSettings(state_file=str(tmp_path / path)))
