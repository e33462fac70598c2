"""``python -m bulkzoho.sandbox``: configuration file, flags and error messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, FaultKind
from bulkzoho.sandbox.__main__ import main
from bulkzoho.sandbox.configuration import read_configuration
from bulkzoho.sandbox.routes.router import ADDRESSES
from bulkzoho.sandbox.state.faults import OPERATIONS, FaultPlan

FILE = """
edition = "ultimate"
latency_s = 0.25
time_scale = 480.0
scopes = ["ZohoCRM.modules.ALL"]

[strict]
unknown_fields = "ignore"

[faults]
script = [{kind = "500", on_call = 2}]

[faults.random]
429 = 0.5
"""


def test_a_configuration_file_sets_settings_and_faults(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.toml"
    path.write_text(FILE)

    configuration = read_configuration(path)
    settings = configuration.build_settings()
    faults = FaultPlan()
    configuration.apply_faults(faults)
    kinds = [faults.choose(path="/crm/v8/Leads", operation="insert", writes=True, body=b"") for _ in range(40)]

    assert (settings.edition, settings.latency_s, settings.time_scale) == (Edition.ULTIMATE, 0.25, 480.0)
    assert settings.scopes == ("ZohoCRM.modules.ALL",)
    assert settings.strict.unknown_fields == "ignore"
    assert kinds[1] is not None
    assert kinds[1].kind is FaultKind.INTERNAL_ERROR
    assert {each.kind.value for each in kinds if each} == {"500", "429"}


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ('nonsense = "x"', (), "unknown setting nonsense"),
        ("[strict]\nnonsense = true", (), "unknown setting strict.nonsense"),
        ("[faults]\nother = 1", (), "the table faults accepts only script and random"),
        ('edition = "gold"', (), "edition must be one of free, standard, professional, enterprise, ultimate, not 'gold'"),
        ("latency_s = -1", (), "latency_s must not be negative"),
        ("latency_s = ", (), "sandbox.toml: is not valid TOML: Invalid value"),
        ('latency_s = "much"', (), "latency_s must be a number, not 'much'"),
        ("strict = 3", (), "strict must be a table of switches, not 3"),
        ('[strict]\nemoji = "maybe"', (), "strict.emoji must be one of keep, replace, refuse, not 'maybe'"),
        ('scopes = "x"', (), "scopes must be a list of strings, not 'x'"),
        ("port = 70000", (), "port must be at most 65535"),
        ('time_zone = "Mars/X"', (), "unknown time zone Mars/X"),
        ('calls_as = "zorro"', (), "unknown user zorro"),
        ('[unique_fields]\nNope = ["x"]', (), "unique_fields: unknown module Nope"),
        ('[unique_fields]\nOrders = ["Order_Lines"]', (), "Orders has no field Order_Lines to make unique"),
        ("[faults]\nscript = 3", (), "a script must be a list of faults, not 3"),
        ("[faults]\nscript = [3]", (), "a fault must be an object such as {'kind': '500'}, not 3"),
        ('[[faults.script]]\nkind = "hang"\nseconds = "x"', (), "seconds must be a number, not 'x'"),
        ('[[faults.script]]\nkind = "hang"\ntimes = -1', (), "seconds and times must not be negative"),
        ('[[faults.script]]\nkind = "hang"\non_call = ["x"]', (), "on_call must be call numbers from 1"),
        ('[[faults.script]]\nkind = "500"\noperation = "inserting"', (), "unknown operation 'inserting'"),
        ('[[faults.script]]\nkind = "refuse_all_400"', (), "refuse_all_400 needs a marker"),
        ("[faults]\nrandom = 3", (), "rates must map kinds to shares of calls, not 3"),
        ('[faults.random]\n429 = "x"', (), "429 must be a number, not 'x'"),
        ("", ("--fault", "429"), "'429' is not KIND=RATE"),
        ("", ("--fault", "nope=0.1"), "unknown fault 'nope'"),
        ("", ("--time-scale", "0"), "time_scale must be above 0"),
    ],
)
def test_an_invalid_setting_is_a_one_line_error(
    content: str, flags: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "sandbox.toml"
    path.write_text(content)

    with pytest.raises(SystemExit) as ended:
        main(["--config", str(path), *flags])

    assert ended.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_fault_can_name_every_operation_of_the_api() -> None:
    assert {each.operation for _, routes in ADDRESSES for each in routes} | {"token"} == OPERATIONS


def test_flags_override_the_configuration_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "sandbox.json"
    path.write_text('{"latency_s": -1}')

    with pytest.raises(SystemExit):
        main(["--config", str(path), "--latency", "1", "--jitter", "-2"])

    assert "jitter_s must not be negative" in capsys.readouterr().err
