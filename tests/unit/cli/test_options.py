"""Settings from the options of the command line."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Any

import click
import pytest

from bulkzoho.cli.import_cmd import import_command
from bulkzoho.cli.import_options import import_settings
from bulkzoho.cli.replay_cmd import replay_command, replay_settings
from bulkzoho.domain.model.limits_and_costs import PlanName
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import ErrorThreshold, ImportSettings, QuotaPolicy, QuotaSettings, RunWindow
from bulkzoho.errors import UsageError


def _parsed(*words: str) -> dict[str, Any]:
    with import_command.make_context("import", list(words)) as context:
        return context.params


def _settings(*words: str) -> ImportSettings:
    return import_settings(_parsed("leads.csv", "--module", "Leads", *words))


def test_an_import_with_only_a_module_has_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = _settings()

    assert settings == ImportSettings(inputs=(str(tmp_path / "leads.csv"),), crm_module="Leads")


def test_paths_are_absolute_and_standard_input_stays_a_dash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    settings = import_settings(
        _parsed("-", "../a.csv", "--module", "Leads", "--dead-letter", "d.csv", "--results", "sub/../r.jsonl"),
    )

    assert settings.inputs == ("-", str(tmp_path.parent / "a.csv"))
    assert (settings.dead_letter, settings.results) == (str(tmp_path / "d.csv"), str(tmp_path / "r.jsonl"))


def test_limits_are_parsed() -> None:
    settings = _settings(
        *("--plan", "ultimate", "--calls-per-minute", "60", "--calls-per-day", "7", "--credits-per-day", "9"),
        *("--in-flight", "3", "--reserve", "30%", "--on-quota", "stop"),
    )

    assert settings.quota == QuotaSettings(
        plan=PlanName.ULTIMATE,
        calls_per_minute=60,
        calls_per_day=7,
        credits_per_day=9,
        calls_in_flight=3,
        reserve=0.3,
        on_quota=QuotaPolicy.STOP,
    )


def test_credits_none_is_unlimited() -> None:
    assert _settings("--credits-per-day", "none").quota == QuotaSettings(bound_credits=False)


def test_the_plan_can_come_from_the_environment_and_the_option_overrides_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_PLAN", "enterprise")

    assert _settings().quota.plan is PlanName.ENTERPRISE
    assert _settings("--plan", "auto").quota.plan is None


def test_the_settle_wait_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_SETTLE_WAIT", "2")

    assert _settings().settle_wait_s == 2.0


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90.0), ("15m", 900.0), ("6h", 21600.0), ("1d", 86400.0), ("7", 7.0), ("0.5m", 30.0)]
)
def test_durations_have_units(text: str, seconds: float) -> None:
    assert _settings("--max-duration", text).max_duration_s == seconds


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0", ErrorThreshold(rows=0)),
        ("500", ErrorThreshold(rows=500)),
        ("2%", ErrorThreshold(share=0.02)),
        ("100%", ErrorThreshold(share=1.0)),
    ],
)
def test_max_errors_is_a_number_or_a_percentage(text: str, limit: ErrorThreshold) -> None:
    assert _settings("--max-errors", text).max_errors == limit


def test_a_window_can_span_midnight() -> None:
    assert _settings("--window", "22:00-06:30").window == RunWindow(start=time(22, 0), end=time(6, 30))


def test_a_column_and_a_value_can_contain_an_equals_sign() -> None:
    settings = _settings("--map", "a=b=Email", "--set", "Description=x=y", "--set", "City=")

    assert settings.shape.map == (("a=b", "Email"),)
    assert settings.shape.set == (("Description", "x=y"), ("City", ""))


def test_options_override_the_mapping_file(tmp_path: Path) -> None:
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(
        '[columns]\n"E-mail" = "Secondary_Email"\nTown = "City"\n[set]\nRating = "Low"\nActive = true\n[formats]\nBorn = "%Y"\n'
    )

    settings = _settings("--mapping", str(mapping), "--map", "E-mail=Email", "--set", "Rating=High")

    assert dict(settings.shape.map) == {"E-mail": "Email", "Town": "City"}
    assert dict(settings.shape.set) == {"Rating": "High", "Active": "true"}
    assert settings.shape.column_formats == (("Born", "%Y"),)


@pytest.mark.parametrize(
    ("text", "automations"),
    [
        ("none", ()),
        ("all", ("workflow", "approval", "blueprint", "pathfinder", "orchestration")),
        ("Workflow, approval", ("workflow", "approval")),
    ],
)
def test_automations_are_none_all_or_a_list(text: str, automations: tuple[str, ...]) -> None:
    assert _settings("--trigger", text).trigger == automations


@pytest.mark.parametrize(("text", "character"), [(";", ";"), ("tab", "\t"), ("\\t", "\t"), ("\t", "\t"), ("Pipe", "|")])
def test_a_delimiter_is_a_name_or_a_character(text: str, character: str) -> None:
    assert _settings("--delimiter", text).files.delimiter == character


@pytest.mark.parametrize(
    "words",
    [
        ("--max-duration", "soon"),
        ("--max-duration", "-5s"),
        ("--reserve", "30"),
        ("--reserve", "96%"),
        ("--max-errors", "2.5"),
        ("--max-errors", "101%"),
        ("--max-errors", "-1"),
        ("--window", "25:00-06:00"),
        ("--window", "06:00-06:00"),
        ("--window", "6-7"),
        ("--batch-size", "0"),
        ("--batch-size", "101"),
        ("--limit", "0"),
        ("--calls-per-minute", "0"),
        ("--credits-per-day", "many"),
        ("--credits-per-day", "٣"),
        ("--delimiter", ";;"),
        ("--delimiter", '"'),
        ("--delimiter", "t"),
        ("--delimiter", "7"),
        ("--delimiter", "\n"),
        ("--delimiter", " "),
        ("--encoding", "klingon"),
        ("--encoding", "base64"),
        ("--time-zone", "Middle/Earth"),
        ("--time-zone", "/etc/passwd"),
        ("--time-zone", "../etc"),
        ("--trigger", "workflow,mail"),
        ("--trigger", "none,all"),
        ("--trigger", ""),
        ("--map", "Email"),
        ("--map", "=Email"),
        ("--set", "=x"),
        ("--operation", "merge"),
        ("--operation", "INSERT"),
        ("--nonsense",),
        ("--dry-run",),
    ],
)
def test_an_invalid_value_is_a_usage_error(words: tuple[str, ...]) -> None:
    with pytest.raises(click.UsageError):
        _settings(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("--operation", "upsert"),
        ("--dead-letter", "x.csv", "--results", "./x.csv"),
        ("--dead-letter", "leads.csv"),
        ("--results", "-"),
        ("--results", ""),
        ("--map", "a=Email", "--map", "a=City"),
        ("--set", "City=a", "--set", "City=b"),
    ],
)
def test_options_that_contradict_each_other_are_a_usage_error(words: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        _settings(*words)


@pytest.mark.parametrize("files", [("a.csv", "./a.csv"), ("-", "-"), ("",)])
def test_a_repeated_or_empty_input_is_a_usage_error(files: tuple[str, ...]) -> None:
    with pytest.raises(UsageError):
        import_settings(_parsed(*files, "--module", "Leads"))


def test_a_replay_changes_only_the_options_that_are_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["d.jsonl", "--only-code", "A", "--only-code", "B", "--set", "City=Rome", "--force", "--results", "r.csv"]

    with replay_command.make_context("replay", words) as context:
        settings = replay_settings(context.params)

    assert (settings.letters, settings.only_codes, settings.force) == (str(tmp_path / "d.jsonl"), ("A", "B"), True)
    assert settings.set == (("City", "Rome"),)
    assert dict(settings.overrides) == {"results": str(tmp_path / "r.csv")}


def test_a_replay_can_change_limits() -> None:
    with replay_command.make_context("replay", ["d.jsonl", "--in-flight", "2", "--max-errors", "5"]) as context:
        settings = replay_settings(context.params)

    assert dict(settings.overrides) == {"quota": QuotaSettings(calls_in_flight=2), "max_errors": ErrorThreshold(rows=5)}


def test_a_replay_of_standard_input_is_a_usage_error() -> None:
    with replay_command.make_context("replay", ["-"]) as context, pytest.raises(UsageError):
        replay_settings(context.params)


def test_every_operation_is_supported() -> None:
    for operation in Operation:
        matched = ("--match-on", "Email") if operation is Operation.UPSERT else ()
        assert _settings("--operation", operation.value, *matched).operation is operation
