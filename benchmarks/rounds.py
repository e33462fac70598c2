"""Rounds in which everybody runs once, one after the other; what a round is worth; medians and spread over those that count."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.compared_clients import FEW_ROWS, FLOOR, REFERENCE, Contestant
from benchmarks.stub_server.process import Standin

VALID: Final = (0.26, 0.36)  # d1/(a): a slow reference proves nothing, a fast one is none
OF_LATENCY: Final = 0.95  # of the records that calls of that length allow: (a) must get it, or something else had the machine
WARM_UP_ROWS: Final = 5000
MOST_ROUNDS_A_ROUND: Final = 3  # void ones included


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One contestant in one round; ``net`` leaves out what its run over a hundred rows takes: starting, connecting, ending."""

    rows: int
    seconds: float
    start_seconds: float
    net_per_s: float  #: records a second
    whole_per_s: float
    net_cpu_s_per_million: float
    whole_cpu_s_per_million: float
    server_cpu_share: float  #: of the time that it took
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """Everybody once."""

    figures: Mapping[str, Figures]

    @property
    def reference_share(self) -> float | None:
        """d1/(a), when both took part."""
        if FLOOR.name not in self.figures or REFERENCE.name not in self.figures:
            return None
        return self.figures[REFERENCE.name].net_per_s / self.figures[FLOOR.name].net_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Those that count, and those that are void."""

    good: Sequence[Round]
    void: Sequence[Round]


def one_round(contestants: Sequence[Contestant], rows: int, standin: Standin, *, in_flight: int) -> Round:
    """Let each run over a hundred rows and over its rows."""
    found = {}
    for one in contestants:
        count = one.rows_of(rows, latency_s=standin.latency_s)
        few = one.run(FEW_ROWS, standin.url, standin.environment, in_flight=in_flight)
        server = standin.cpu_seconds()
        many = one.run(count, standin.url, standin.environment, in_flight=in_flight)
        seconds, cpu = many.seconds - few.seconds, many.cpu_seconds - few.cpu_seconds
        found[one.name] = Figures(
            rows=count,
            seconds=many.seconds,
            start_seconds=few.seconds,
            net_per_s=(count - FEW_ROWS) / max(seconds, 1e-3),
            whole_per_s=count / many.seconds,
            net_cpu_s_per_million=cpu / (count - FEW_ROWS) * 1e6,
            whole_cpu_s_per_million=many.cpu_seconds / count * 1e6,
            server_cpu_share=(standin.cpu_seconds() - server) / many.seconds,
            peak_mb=many.peak_mb,
        )
    return Round(figures=found)


def measure(
    contestants: Sequence[Contestant],
    *,
    rows: int,
    rounds: int,
    latency_s: float,
    in_flight: int,
    tell: Callable[[str], None],
) -> Rounds:
    """Give the rounds that count and those that are void; one more is run first and thrown away."""
    good: list[Round] = []
    void: list[Round] = []
    with Standin(latency_s=latency_s) as standin:
        one_round(contestants, min(rows, WARM_UP_ROWS), standin, in_flight=in_flight)
        while len(good) < rounds and len(good) + len(void) < rounds * MOST_ROUNDS_A_ROUND:
            found = one_round(contestants, rows, standin, in_flight=in_flight)
            valid = is_valid(found, latency_s=latency_s, in_flight=in_flight)
            (good if valid else void).append(found)
            tell(line_of(found, valid=valid))
    return Rounds(good=good, void=void)


def is_valid(found: Round, *, latency_s: float, in_flight: int) -> bool:
    """Tell whether a round counts: by d1/(a), and at a latency by whether (a) gets what the latency allows.

    Without them every round counts.
    """
    if latency_s:
        return FLOOR.name not in found.figures or found.figures[FLOOR.name].net_per_s >= OF_LATENCY * 100 * in_flight / latency_s
    share = found.reference_share
    return share is None or VALID[0] <= share <= VALID[1]


def line_of(found: Round, *, valid: bool) -> str:
    """Say a round in one line."""
    parts = [f"{name} {one.net_per_s:,.0f}/s {one.net_cpu_s_per_million:.1f} CPU s/M" for name, one in found.figures.items()]
    share = found.reference_share
    said = "" if share is None else f"d1/a {share:.2f}{'' if valid else ' VOID'}; "
    return said + ", ".join(parts)


def medians(rounds: Sequence[Round], name: str) -> dict[str, Any]:
    """Give the median of each figure of *name*, and the least and most of its rate."""
    each = [asdict(one.figures[name]) for one in rounds]
    rates = [one["net_per_s"] for one in each]
    return {
        **{key: statistics.median(one[key] for one in each) for key in each[0]},
        "net_per_s_least": min(rates),
        "net_per_s_most": max(rates),
    }


def ratio(rounds: Sequence[Round], name: str, to: str, figure: str) -> dict[str, float]:
    """Give the median, least and most of *figure* of *name* over that of *to*, each pair out of one round."""
    each = [getattr(one.figures[name], figure) / getattr(one.figures[to], figure) for one in rounds]
    return {"median": statistics.median(each), "least": min(each), "most": max(each)}
