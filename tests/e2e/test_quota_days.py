"""Three days' quota with the installed program: it stops at the end of each day, and continues when the day has rolled."""

from __future__ import annotations

from .arrivals import DAY_S, arrivals_at, most_in
from .clocks import later
from .harness import Program, SandboxMaker

A_DAY = 20  # calls
WORDS = ("--calls-per-day", str(A_DAY), "--on-quota", "stop", "--json")


def test_a_run_of_three_days_stops_at_the_end_of_each_and_is_resumed(bulkzoho: Program, new_sandbox: SandboxMaker) -> None:
    strict = new_sandbox("--calls-per-day", str(A_DAY), "--edition", "ultimate", "--licences", "1000")
    bulkzoho.leads("leads.csv", 3_800)
    passed_s = 0.0
    arrived: list[int] = []

    def let_pass(seconds: float) -> None:
        nonlocal passed_s
        strict.advance(seconds)
        passed_s += seconds

    def run(*words: str, status: int) -> None:
        ended = bulkzoho.run(*words, *WORDS, environment={**strict.environment, **later(passed_s)}).expect(status)
        arrived.append(len(arrivals_at(strict)))
        assert ended.summary["rows"]["accepted"] == strict.count()

    # bulkzoho import leads.csv --module Leads --calls-per-day 20 --on-quota stop, then bulkzoho resume
    run("import", "leads.csv", "--module", "Leads", status=7)  # the first day is used up
    let_pass(DAY_S - 600)
    run("resume", status=7)  # ten minutes early: not one call
    let_pass(720)
    run("resume", status=7)  # the second day
    let_pass(DAY_S - 120)
    run("resume", status=7)  # the third has not begun
    let_pass(240)
    run("resume", status=0)

    assert arrived[:4] == [A_DAY, A_DAY, 2 * A_DAY, 2 * A_DAY]
    assert strict.count() == 3_800
    assert most_in(DAY_S, arrivals_at(strict)) == A_DAY
    assert strict.state()["violations"]["total"] == 0
