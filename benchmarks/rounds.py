"""Run clients in rounds, decide which rounds are valid, and compute medians and spread."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.compared_clients import FEW_ROWS, FLOOR, REFERENCE, ClientSpec
from benchmarks.stub_server.process import StubServer

VALID_RATIO: Final = (0.26, 0.36)  # d1/(a): a slower or faster reference is not comparable
MIN_LATENCY_SHARE: Final = 0.95  # share of the rate that the latency allows; if (a) is below, the machine was busy
WARM_UP_ROWS: Final = 5000
MAX_ATTEMPTS_PER_ROUND: Final = 3  # including invalid ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Figures of one client in one round; ``net`` excludes the cost of its run over a hundred rows (start, connect, exit)."""

    rows: int
    seconds: float
    start_seconds: float
    net_per_s: float  #: records per second
    whole_per_s: float
    net_cpu_s_per_million: float
    whole_cpu_s_per_million: float
    server_cpu_share: float  #: server CPU time as a share of the elapsed time
    peak_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One run of every client."""

    figures: Mapping[str, Figures]

    @property
    def reference_share(self) -> float | None:
        """d1/(a), if both are in the round."""
        if FLOOR.name not in self.figures or REFERENCE.name not in self.figures:
            return None
        return self.figures[REFERENCE.name].net_per_s / self.figures[FLOOR.name].net_per_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Valid and invalid rounds."""

    valid: Sequence[Round]
    invalid: Sequence[Round]


def run_round(clients: Sequence[ClientSpec], rows: int, server: StubServer, *, in_flight: int) -> Round:
    """Run each client over a hundred rows and over its own number of rows."""
    figures = {}
    for client in clients:
        count = client.rows_of(rows, latency_s=server.latency_s)
        start_run = client.run(FEW_ROWS, server.url, server.environment, in_flight=in_flight)
        server_cpu_s = server.cpu_seconds()
        full_run = client.run(count, server.url, server.environment, in_flight=in_flight)
        seconds, cpu = full_run.seconds - start_run.seconds, full_run.cpu_seconds - start_run.cpu_seconds
        figures[client.name] = Figures(
            rows=count,
            seconds=full_run.seconds,
            start_seconds=start_run.seconds,
            net_per_s=(count - FEW_ROWS) / max(seconds, 1e-3),
            whole_per_s=count / full_run.seconds,
            net_cpu_s_per_million=cpu / (count - FEW_ROWS) * 1e6,
            whole_cpu_s_per_million=full_run.cpu_seconds / count * 1e6,
            server_cpu_share=(server.cpu_seconds() - server_cpu_s) / full_run.seconds,
            peak_mb=full_run.peak_mb,
        )
    return Round(figures=figures)


def measure(
    clients: Sequence[ClientSpec],
    *,
    rows: int,
    rounds: int,
    latency_s: float,
    in_flight: int,
    report: Callable[[str], None],
) -> Rounds:
    """Return valid and invalid rounds; a first round warms up and is discarded."""
    valid: list[Round] = []
    invalid: list[Round] = []
    with StubServer(latency_s=latency_s) as server:
        run_round(clients, min(rows, WARM_UP_ROWS), server, in_flight=in_flight)
        while len(valid) < rounds and len(valid) + len(invalid) < rounds * MAX_ATTEMPTS_PER_ROUND:
            round_ = run_round(clients, rows, server, in_flight=in_flight)
            counts = is_valid(round_, latency_s=latency_s, in_flight=in_flight)
            (valid if counts else invalid).append(round_)
            report(format_round(round_, valid=counts))
    return Rounds(valid=valid, invalid=invalid)


def is_valid(round_: Round, *, latency_s: float, in_flight: int) -> bool:
    """Return whether a round is valid: by d1/(a), or with latency by whether (a) reaches the rate that the latency allows.

    Without these clients every round is valid.
    """
    if latency_s:
        return (
            FLOOR.name not in round_.figures
            or round_.figures[FLOOR.name].net_per_s >= MIN_LATENCY_SHARE * 100 * in_flight / latency_s
        )
    share = round_.reference_share
    return share is None or VALID_RATIO[0] <= share <= VALID_RATIO[1]


def format_round(round_: Round, *, valid: bool) -> str:
    """Format a round in one line."""
    parts = [
        f"{name} {figures.net_per_s:,.0f}/s {figures.net_cpu_s_per_million:.1f} CPU s/M"
        for name, figures in round_.figures.items()
    ]
    share = round_.reference_share
    prefix = "" if share is None else f"d1/a {share:.2f}{'' if valid else ' INVALID'}; "
    return prefix + ", ".join(parts)


def medians(rounds: Sequence[Round], name: str) -> dict[str, Any]:
    """Return the median of each figure of *name*, and minimum and maximum of its rate."""
    all_figures = [asdict(each.figures[name]) for each in rounds]
    rates = [each["net_per_s"] for each in all_figures]
    return {
        **{key: statistics.median(each[key] for each in all_figures) for key in all_figures[0]},
        "net_per_s_least": min(rates),
        "net_per_s_most": max(rates),
    }


def ratio(rounds: Sequence[Round], name: str, base: str, figure: str) -> dict[str, float]:
    """Return median, minimum and maximum of the ratio of *figure* between *name* and *base*, paired by round."""
    ratios = [getattr(each.figures[name], figure) / getattr(each.figures[base], figure) for each in rounds]
    return {"median": statistics.median(ratios), "least": min(ratios), "most": max(ratios)}
