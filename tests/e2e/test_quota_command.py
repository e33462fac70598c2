"""``bulkzoho quota``: what is used and left, by which runs, and when it comes back."""

from __future__ import annotations

import re
import signal
import time
from datetime import datetime
from typing import Any

from .harness import Program, SandboxMaker, SandboxProcess, wait_until

LIMITED = ("--calls-per-minute", "300", "--calls-per-day", "5000")


def _only(program: Program, *words: str) -> dict[str, Any]:
    """Return the one organization that ``bulkzoho quota --json`` shows."""
    (organization,) = program.run("quota", *words, "--json").expect(0).summary["organizations"]
    assert isinstance(organization, dict)
    return organization


def test_used_and_left_are_shown_by_window_and_by_run(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 1_000)
    summary = bulkzoho.run("import", "leads.csv", "--module", "Leads", *LIMITED, "--json").expect(0).summary
    calls, credits_, arrived = summary["calls"]["total"], summary["credits"], len(sandbox.calls())

    shown = _only(bulkzoho)
    page = bulkzoho.run("quota").expect(0).out

    assert len(sandbox.calls()) == arrived  # the organization is known: no call
    minute, day = shown["windows"]["calls_per_minute"], shown["windows"]["calls_per_day"]
    assert (shown["plan"], shown["limits_of_run"]) == ("ultimate", summary["run"])
    assert (minute["limit"], minute["used"], minute["left"]) == (300, calls, 300 - calls)
    assert (day["limit"], day["used"], day["left"]) == (5_000, calls, 5_000 - calls)
    assert shown["windows"]["credits_per_day"]["used"] == credits_
    assert [(one["run"], one["calls"], one["processes"]) for one in shown["runs"]] == [(summary["run"], calls, 0)]
    back_s = datetime.fromisoformat(minute["comes_back"][-1]["by"]).timestamp() - time.time()
    assert 0 < back_s <= 61
    assert sum(one["amount"] for one in minute["comes_back"]) == calls
    assert re.search(rf"^API calls per minute +300 +{calls} +{300 - calls}  .*all \d\d:\d\d", page, re.MULTILINE), page
    assert re.search(rf"^{summary['run']} +{calls} ", page, re.MULTILINE), page


def test_a_running_run_is_shown_with_its_calls_in_flight(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.leads("leads.csv", 20_000)
    running = bulkzoho.start("import", "leads.csv", "--module", "Leads", "--calls-per-minute", "600")
    wait_until(lambda: sandbox.count() > 0, what="work")
    sandbox.change(latency_s=3)
    time.sleep(2.5)  # it reports once a second

    shown = _only(bulkzoho)
    sandbox.change(latency_s=0)
    running.signal(signal.SIGINT)
    running.wait().expect(5)

    in_flight = shown["windows"]["calls_in_flight"]
    assert in_flight["used"] == shown["runs"][0]["calls_in_flight"] > 0
    assert in_flight["left"] == in_flight["limit"] - in_flight["used"]
    assert shown["runs"][0]["processes"] == 1


def test_the_given_limits_are_shown(bulkzoho: Program) -> None:
    bulkzoho.leads("leads.csv", 10)
    bulkzoho.run("import", "leads.csv", "--module", "Leads", *LIMITED).expect(0)

    shown = _only(bulkzoho, "--plan", "enterprise", "--reserve", "50%")

    assert (shown["plan"], shown["limits_of_run"]) == ("enterprise", None)
    assert shown["windows"]["calls_per_minute"]["limit"] == 250


def test_an_unknown_organization_costs_one_call(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    shown = _only(bulkzoho)
    again = _only(bulkzoho)

    assert [call["operation"] for call in sandbox.calls() if call["operation"] != "token"] == ["org"]
    assert (shown["name"], shown["edition"]) == ("Sandbox Company", "ultimate")
    assert again["windows"]["calls_per_day"]["used"] == shown["windows"]["calls_per_day"]["used"] == 1


def test_all_organizations_are_shown_without_credentials(bulkzoho: Program, new_sandbox: SandboxMaker) -> None:
    described = bulkzoho.file("other.toml", 'edition = "standard"\norg_id = "650000002"\n')
    other = new_sandbox("--config", str(described))
    bulkzoho.run("quota").expect(0)
    bulkzoho.run("quota", environment=other.environment).expect(0)
    nobody = dict.fromkeys((*other.environment, "BULKZOHO_CLIENT_ID"), "")

    listed = bulkzoho.run("quota", "--all", "--json", environment=nobody).expect(0).summary
    page = bulkzoho.run("quota", "--all", environment=nobody).expect(0).out

    assert sorted((one["org"], one["plan"]) for one in listed["organizations"]) == [
        ("650000001", "ultimate"),
        ("650000002", "standard"),
    ]
    assert page.count("API calls per minute") == 2


def test_an_empty_state_directory_shows_how_to_begin(bulkzoho: Program) -> None:
    ended = bulkzoho.run("quota", "--all").expect(0)

    assert (ended.out, ended.err) == (
        "",
        "bulkzoho: no organization is known yet. Log in first: bulkzoho auth login\n",
    )
