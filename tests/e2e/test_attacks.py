"""Wrong input for every command: each ends with its exit code and one line that says what to do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bulkzoho.cli.program import COMMANDS

from .harness import Ended, Program, SandboxProcess

Prepare = Callable[[Program, SandboxProcess], object]


@dataclass(frozen=True, slots=True)
class Attack:
    """One row of the table."""

    name: str
    command: str
    words: str  #: after the command's name
    status: int
    says: str  #: part of the first line on standard error
    prepare: Prepare = lambda program, sandbox: None  # noqa: ARG005  most need nothing


def _file(name: str, content: str | bytes) -> Prepare:
    return lambda program, _sandbox: program.file(name, content)


def _good(program: Program, _sandbox: SandboxProcess) -> None:
    program.leads("good.csv", 3)


def _environment(**changes: str) -> Prepare:
    def prepare(program: Program, sandbox: SandboxProcess) -> None:
        _good(program, sandbox)
        program.environment |= changes

    return prepare


def _no_server(program: Program, sandbox: SandboxProcess) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    _environment(BULKZOHO_API_URL=url, BULKZOHO_ACCOUNTS_URL=url)(program, sandbox)


def _revoked(program: Program, sandbox: SandboxProcess) -> None:
    _good(program, sandbox)
    sandbox.revoke(refresh=True)


def _fault(kind: str, **entry: object) -> Prepare:
    def prepare(program: Program, sandbox: SandboxProcess) -> None:
        _good(program, sandbox)
        sandbox.script({"kind": kind, **entry})

    return prepare


def _no_keyring(program: Program, _sandbox: SandboxProcess) -> None:
    (program.folder / "modules").mkdir()
    (program.folder / "modules" / "keyring.py").write_text("raise ImportError")  # also if this machine has one
    program.environment["PYTHONPATH"] = str(program.folder / "modules")


def _bad_profiles(program: Program, _sandbox: SandboxProcess) -> None:
    program.home.mkdir()
    (program.home / "profiles.json").write_text("[]")


def _no_scopes(_program: Program, sandbox: SandboxProcess) -> None:
    sandbox.change(scopes=["ZohoCRM.org.READ"])


def _home_is_a_file(program: Program, sandbox: SandboxProcess) -> None:
    _good(program, sandbox)
    program.home.write_text("not a folder")


def _damaged_ledger(program: Program, _sandbox: SandboxProcess) -> None:
    (program.home / "quota").mkdir(parents=True)
    (program.home / "quota" / "org.db").write_bytes(b"no ledger")


def _rejected_row(**changes: object) -> Prepare:
    row = {
        "v": 1,
        "run": "r",
        "source": "good.csv",
        "row": 1,
        "crm_module": "Leads",
        "operation": "insert",
        "code": "INVALID_DATA",
        "record": {"Last_Name": "A"},
        **changes,
    }
    return _file("d.jsonl", json.dumps(row) + "\n")


def _one_lead(name: str, *words: str, status: int, says: str, content: str | bytes, file: str = "f.csv") -> Attack:
    return Attack(name, "import", " ".join([file, "--module", "Leads", *words]), status, says, _file(file, content))


def _users_are_kept_secret(program: Program, sandbox: SandboxProcess) -> None:
    program.file("f.csv", "Last_Name,Owner\nA,ana@sandbox.example.com\n")
    sandbox.script({"kind": "scope_mismatch", "path_contains": "/users", "times": 99})


def _folder(name: str) -> Prepare:
    return lambda program, _sandbox: (program.folder / name).mkdir()


TABLE = (
    # the command line alone
    Attack("no module", "import", "f.csv", 2, "--module"),
    Attack("no file", "import", "--module Leads", 2, "FILE"),
    Attack("an option that is not built", "import", "f.csv --module Leads --dry-run", 2, "--dry-run"),
    Attack("an operation that does not exist", "import", "f.csv --module Leads --operation merge", 2, "merge"),
    Attack("an upsert without a key", "import", "f.csv --module Leads --operation upsert", 2, "--match-on"),
    Attack("a batch too large", "import", "f.csv --module Leads --batch-size 101", 2, "101"),
    Attack("one file twice", "import", "f.csv ./f.csv --module Leads", 2, "twice"),
    Attack("rejected rows over the input", "import", "f.csv --module Leads --dead-letter f.csv", 2, "--dead-letter"),
    Attack(
        "an import key for a delete", "import", "f.csv --module Leads --operation delete --import-key County", 2, "--import-key"
    ),
    # files
    Attack("no such file", "import", "missing.csv --module Leads", 4, "missing.csv"),
    Attack("a folder", "import", "sub --module Leads", 4, "sub", _folder("sub")),
    Attack("a disk that cannot be read", "import", "/proc/self/mem --module Leads", 1, "mem: read error"),
    _one_lead("an empty file", status=4, says="f.csv", content=""),
    _one_lead("an empty JSON Lines file", status=4, says="f.jsonl", content="", file="f.jsonl"),
    _one_lead("nothing but a byte order mark", status=4, says="f.csv", content=b"\xef\xbb\xbf"),
    _one_lead("blank lines only", status=4, says="f.csv", content="\n\n\n"),
    _one_lead("a header with a blank name", status=4, says="f.csv", content="Last_Name,,Email\na,b,c\n"),
    _one_lead("a header with a name twice", status=4, says="f.csv", content="Last_Name,last_name\na,b\n"),
    _one_lead("a JSON array", status=4, says="f.jsonl", content='[{"Last_Name": "A"}]', file="f.jsonl"),
    _one_lead("a damaged gzip file", status=1, says="f.csv.gz", content=b"\x1f\x8b\x08\x00" + bytes(60), file="f.csv.gz"),
    _one_lead("a program", status=4, says="f.csv", content=b"\x7fELF\x02\x01\x01\x00\x00\x00"),
    _one_lead("a wrong encoding", "--encoding", "utf-16", status=4, says="f.csv", content="Last_Name,Email\nA,a@example.com\n"),
    Attack("a mapping that is not there", "import", "good.csv --module Leads --mapping m.toml", 4, "m.toml", _good),
    Attack(
        "a mapping that is invalid TOML",
        "import",
        "good.csv --module Leads --mapping m.toml",
        4,
        "m.toml",
        _file("m.toml", "[columns"),
    ),
    Attack(
        "rejected rows into a missing folder",
        "import",
        "good.csv --module Leads --dead-letter no/d.csv",
        4,
        "no/d.csv",
        _good,
    ),
    # columns
    _one_lead("an unknown column", status=4, says='"Emial"', content="Last_Name,Emial\nA,a@example.com\n"),
    _one_lead("two columns of one field", status=4, says="Last_Name", content="Last_Name,Last Name\nA,B\n"),
    _one_lead("a read-only column", status=4, says="Created_Time", content="Last_Name,Created_Time\nA,2026-01-01T00:00:00Z\n"),
    _one_lead("no mandatory column", status=4, says="Last_Name", content="Email\na@example.com\n"),
    _one_lead("a map to no field", "--map", "Last_Name=Nonsense", status=4, says="Nonsense", content="Last_Name\nA\n"),
    _one_lead("a map of no column", "--map", "Nonsense=Email", status=4, says="Nonsense", content="Last_Name\nA\n"),
    _one_lead("a value for no field", "--set", "Nonsense=1", status=4, says="Nonsense", content="Last_Name\nA\n"),
    _one_lead("an update without ids", "--operation", "update", status=4, says="id", content="Last_Name\nA\n"),
    _one_lead(
        "a key that is no column",
        "--operation",
        "upsert",
        "--match-on",
        "Email",
        status=4,
        says="Email",
        content="Last_Name\nA\n",
    ),
    _one_lead("an import key that is no field", "--import-key", "Nonsense", status=4, says="Nonsense", content="Last_Name\nA\n"),
    _one_lead(
        "an import key that is a column", "--import-key", "County", status=4, says="County", content="Last_Name,County\nA,B\n"
    ),
    _one_lead("an import key that is short", "--import-key", "Zip_Code", status=4, says="30", content="Last_Name\nA\n"),
    _one_lead(
        "a lookup by another field", "--map", "Boss=Owner@email", status=4, says="Owner alone", content="Last_Name,Boss\nA,B\n"
    ),
    # owners
    _one_lead(
        "an unknown fallback user",
        "--owner-fallback",
        "unknown@example.com",
        status=4,
        says="unknown@example.com",
        content="Last_Name,Owner\nA,B\n",
    ),
    _one_lead(
        "an inactive fallback user",
        "--owner-fallback",
        "cy@sandbox.example.com",
        status=4,
        says="not active",
        content="Last_Name,Owner\nA,B\n",
    ),
    _one_lead("an unknown owner", "--set", "Owner=unknown@example.com", status=4, says="Owner", content="Last_Name\nA\n"),
    Attack("a fallback without a name", "import", "f.csv --module Leads --owner-fallback=", 2, "--owner-fallback"),
    Attack(
        "a fallback for a delete", "import", "f.csv --module Leads --operation delete --owner-fallback bo", 2, "--owner-fallback"
    ),
    Attack("users that may not be read", "import", "f.csv --module Leads", 6, "users", _users_are_kept_secret),
    _one_lead("ids of a spreadsheet", "--operation", "delete", status=3, says="", content="id\n5.72E+17\n"),
    # the service
    Attack("a module that does not exist", "import", "good.csv --module Leds", 4, "Leads", _good),
    Attack(
        "no credentials",
        "import",
        "good.csv --module Leads",
        6,
        "BULKZOHO_REFRESH_TOKEN",
        _environment(BULKZOHO_REFRESH_TOKEN=""),
    ),
    Attack("a wrong client", "import", "good.csv --module Leads", 6, "client", _environment(BULKZOHO_CLIENT_ID="1000.X")),
    Attack("a wrong secret", "import", "good.csv --module Leads", 6, "secret", _environment(BULKZOHO_CLIENT_SECRET="x")),
    Attack("a wrong token", "import", "good.csv --module Leads", 6, "token", _environment(BULKZOHO_REFRESH_TOKEN="1000.x.y")),
    Attack("a revoked token", "import", "good.csv --module Leads", 6, "token", _revoked),
    Attack(
        "plain http to another host",
        "import",
        "good.csv --module Leads",
        6,
        "http",
        _environment(BULKZOHO_API_URL="http://example.com"),
    ),
    Attack("no such data center", "import", "good.csv --module Leads", 6, "BULKZOHO_DC", _environment(BULKZOHO_DC="moon")),
    Attack("no permission", "import", "good.csv --module Leads", 6, "NO_PERMISSION", _fault("403", on_call=1)),
    Attack("no scope", "import", "good.csv --module Leads", 6, "scope", _fault("scope_mismatch", on_call=1)),
    Attack("no network", "import", "good.csv --module Leads --give-up-after 1s", 5, "127.0.0.1", _no_server),
    Attack(
        "a service that is down",
        "import",
        "good.csv --module Leads --give-up-after 1s",
        5,
        "",
        _fault("502_page", path_contains="/org", times=999),
    ),
    # this machine
    Attack("a home that is a file", "import", "good.csv --module Leads", 1, "home", _home_is_a_file),
    # replay
    Attack("no dead-letter file", "replay", "", 2, "DEADLETTER"),
    Attack("rejected rows from standard input", "replay", "-", 2, "standard input"),
    Attack("a missing dead-letter file", "replay", "d.jsonl", 4, "d.jsonl"),
    Attack("an empty dead-letter file", "replay", "d.jsonl", 4, "d.jsonl", _file("d.jsonl", "")),
    Attack("records instead of rejected rows", "replay", "d.jsonl", 4, "d.jsonl", _file("d.jsonl", '{"Last_Name": "A"}\n')),
    Attack("a table instead of rejected rows", "replay", "d.csv", 4, "d.csv", _file("d.csv", "Last_Name\nA\n")),
    Attack("rows in doubt", "replay", "d.jsonl", 4, "resume", _rejected_row(in_doubt=True)),
    Attack("rejected rows of a module that does not exist", "replay", "d.jsonl", 4, "Leds", _rejected_row(crm_module="Leds")),
    Attack("an unknown fallback user for a replay", "replay", "d.jsonl --owner-fallback unknown", 4, "unknown", _rejected_row()),
    Attack(
        "rejected rows of an operation that does not exist", "replay", "d.jsonl", 4, "d.jsonl", _rejected_row(operation="merge")
    ),
    # resume
    Attack("a run that does not exist", "resume", "20200101-000000-x-0000", 4, "20200101-000000-x-0000"),
    Attack("two runs", "resume", "a b", 2, "b"),
    Attack("a limit that is none", "resume", "--limit 0", 2, "--limit"),
    Attack("a path for a run", "resume", "../../etc", 4, "../../etc"),
    # verify
    Attack("no run to verify", "verify", "", 2, "RUN"),
    Attack("a run to verify that does not exist", "verify", "20200101-000000-x-0000", 4, "20200101-000000-x-0000"),
    Attack("a sample of nothing", "verify", "x --sample 0", 2, "--sample"),
    Attack("differences to standard output", "verify", "x -o -", 2, "-o"),
    # runs
    Attack("a word too many", "runs", "x", 2, "x"),
    Attack("runs in a home that is a file", "runs", "", 1, "home", _home_is_a_file),
    # quota
    Attack("a word too many for the quota", "quota", "x", 2, "x"),
    Attack("a plan that is none", "quota", "--plan platinum", 2, "platinum"),
    Attack("all and one", "quota", "--all --profile live", 2, "--all"),
    Attack("a quota of a profile that does not exist", "quota", "--profile live", 6, "live"),
    Attack("a quota without credentials", "quota", "", 6, "BULKZOHO_REFRESH_TOKEN", _environment(BULKZOHO_REFRESH_TOKEN="")),
    Attack("a quota in a home that is a file", "quota", "", 1, "home", _home_is_a_file),
    Attack("a damaged ledger", "quota", "--all", 1, "org.db", _damaged_ledger),
    # auth
    Attack("no word after auth", "auth", "", 2, "command"),
    Attack("a word that auth does not know", "auth", "join", 2, "join"),
    Attack("a login without credentials", "auth", "login", 6, "BULKZOHO_CLIENT_SECRET", _environment(BULKZOHO_CLIENT_SECRET="")),
    Attack("a login under a name that is none", "auth", "login --profile ../x", 2, "../x"),
    Attack("a login to no data center", "auth", "login --dc moon", 6, "moon"),
    Attack("a login with a file that is not there", "auth", "login --file no.json", 4, "no.json"),
    Attack("a login with a file that is invalid JSON", "auth", "login --file f.json", 4, "f.json", _file("f.json", "{")),
    Attack("a login with numbers for texts", "auth", "login --file f.json", 4, "code", _file("f.json", '{"code": 1}')),
    Attack("a login with a binary file", "auth", "login --file f.json", 4, "f.json", _file("f.json", b"\x00\xff\xfe")),
    Attack("a login with an unknown client", "auth", "login", 6, "client", _environment(BULKZOHO_CLIENT_ID="1000.X")),
    Attack("a login with a dead token", "auth", "login", 6, "refresh token", _revoked),
    Attack("client credentials without organization", "auth", "login --method client-credentials", 2, "--org"),
    Attack("a login into a home that is a file", "auth", "login", 1, "home", _home_is_a_file),
    Attack("a login without a server", "auth", "login", 5, "127.0.0.1", _no_server),
    Attack("a keyring where there is none", "auth", "login --store keyring", 6, "--store file", _no_keyring),
    Attack("a status of no profile", "auth", "status --profile live", 6, "live"),
    Attack("profiles that are no profiles", "auth", "list", 4, "profiles.json", _bad_profiles),
    Attack("a logout of nothing", "auth", "logout", 6, "auth list"),
    # doctor: its checks are tested in test_doctor.py
    Attack("a word too many for the doctor", "doctor", "x", 2, "x"),
    Attack("a use that does not exist", "doctor", "--for fun", 2, "fun"),
    # modules, fields
    Attack("a word too many for modules", "modules", "x", 2, "x"),
    Attack("modules of a profile that does not exist", "modules", "--profile live", 6, "live"),
    Attack("modules without a scope", "modules", "", 6, "ZohoCRM.settings.modules.READ", _no_scopes),
    # export
    Attack("an export of nothing", "export", "-o x.csv", 2, "MODULE"),
    Attack("an export of a module that does not exist", "export", "Leds -o x.csv", 4, "Leads"),
    Attack("an export of a field that does not exist", "export", "Leads -o x.csv --fields Emial", 4, "Did you mean Email"),
    Attack("an export of a field without a name", "export", "Leads -o x.csv --fields Email,", 2, "--fields"),
    Attack("an export into a folder that is not there", "export", "Leads -o no/x.csv", 4, "no/x.csv"),
    Attack("an export onto a folder", "export", "Leads -o d", 4, "is a folder", _folder("d")),
    Attack("an export under a condition that is none", "export", "Leads -o x.csv --where City=", 2, "syntax error in --where"),
    Attack("an export under a condition on no field", "export", "Leads -o x.csv --where Citi=1", 4, "Did you mean City"),
    Attack("an export since no time", "export", "Leads -o x.csv --since yesterday", 2, "--since"),
    Attack("an export with a state and no since", "export", "Leads -o x.csv --state n", 2, "--state"),
    Attack("an export by a route that there is not", "export", "Leads -o x.csv --route fax", 2, "fax"),
    Attack("a list under a condition", "export", "Leads -o x.csv --route list --where City='a'", 4, "has no conditions"),
    Attack("ids out of a file that is not there", "export", "Leads -o x.csv --ids no.txt", 4, "no.txt"),
    Attack("a line without an id", "export", "Leads -o x.csv --ids i.txt", 4, "row 2", _file("i.txt", "57\nx\n")),
    Attack("ids out of an empty standard input", "export", "Leads -o x.csv --ids -", 4, "standard-input"),
    Attack("converted contacts", "export", "Contacts -o x.csv --converted true", 4, "--converted is for Leads"),
    Attack("an export without a server", "export", "Leads -o x.csv --give-up-after 1s", 5, "cannot be reached", _no_server),
    Attack("fields of nothing", "fields", "", 2, "MODULE"),
    Attack("fields of a module that does not exist", "fields", "Leds", 4, "Leads"),
    Attack("fields of a name that is no name", "fields", "../Leads", 4, "../Leads"),
    Attack("fields in a data center that is none", "fields", "Leads --dc moon", 6, "moon"),
    # sandbox
    Attack("a port out of range", "sandbox", "--port 70000", 2, "70000"),
    Attack("a fault that does not exist", "sandbox", "--fault earthquake=1", 2, "earthquake"),
    Attack("a script that is not there", "sandbox", "--script no.json", 4, "no.json"),
    Attack("a script that is invalid JSON", "sandbox", "--script s.json", 4, "s.json", _file("s.json", "{")),
    Attack("a script of something else", "sandbox", "--script s.json", 4, "s.json", _file("s.json", '[{"kind": "flood"}]')),
    # demo
    Attack("a word too many for the demo", "demo", "x", 2, "x"),
)


@pytest.mark.parametrize("attack", TABLE, ids=lambda attack: f"{attack.command}: {attack.name}")
def test_an_attack_ends_with_one_line_and_one_json_object(bulkzoho: Program, sandbox: SandboxProcess, attack: Attack) -> None:
    attack.prepare(bulkzoho, sandbox)
    speaks_json = attack.command in ("import", "replay", "resume", "verify", "export", "quota", "modules", "fields")

    # bulkzoho <command> <words> --json
    ended = bulkzoho.run(attack.command, *attack.words.split(), *(["--json"] if speaks_json else []))

    ended.expect(attack.status)
    if attack.status != 3:  # a finished run with rejected rows has no error
        lines = [line for line in ended.err.splitlines() if line.startswith("bulkzoho: ")]
        assert len(lines) == 1, ended.err
        assert attack.says in ended.err.replace(str(bulkzoho.folder), "")
    if attack.status == 2 or not speaks_json:
        assert ended.out == ""
    else:
        _check_object(ended, attack.status)


def _check_object(ended: Ended, status: int) -> None:
    rows = ended.summary["rows"]
    assert ended.summary["exit_code"] == status
    assert rows["read"] == sum(rows[term] for term in ("accepted", "dead_lettered", "in_doubt", "unsent", "already_settled"))
    assert status == 3 or {"code", "message", "hint"} <= ended.summary["error"].keys()


def test_every_command_is_attacked() -> None:
    assert {attack.command for attack in TABLE} == set(COMMANDS)


@pytest.mark.parametrize("words", [["import", "good.csv", "--module", "Leads"], ["runs"]])
def test_a_closed_pipe_is_not_an_error(bulkzoho: Program, words: list[str]) -> None:
    bulkzoho.leads("good.csv", 3)
    bulkzoho.run("import", "good.csv", "--module", "Leads", "--again").expect(0)
    reader, writer = os.pipe()
    os.close(reader)

    # bulkzoho ... --json | true
    ended = bulkzoho.run(*words, "--json", out=writer)
    os.close(writer)

    assert ended.status in (0, 3, 4)
    assert "Traceback" not in ended.err
    assert "BrokenPipe" not in ended.err


def test_a_full_output_is_reported_in_one_line(bulkzoho: Program) -> None:
    with Path("/dev/full").open("wb") as full:
        # bulkzoho runs --json > /dev/full
        ended = bulkzoho.run("runs", "--json", out=full.fileno())

    assert (ended.status, ended.err.splitlines()[0]) == (
        1,
        "bulkzoho: standard output cannot be written: No space left on device.",
    )
