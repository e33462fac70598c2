"""Validity of rounds, statistics and output."""

from __future__ import annotations

import pytest

from benchmarks.chart import bars
from benchmarks.page import markdown_table
from benchmarks.profiler import stage_of
from benchmarks.rounds import Figures, Round, is_valid, medians, ratio


def figures(rate: float, cpu: float = 1.0) -> Figures:
    return Figures(
        rows=1000,
        seconds=1.0,
        start_seconds=0.1,
        net_per_s=rate,
        whole_per_s=rate,
        net_cpu_s_per_million=cpu,
        whole_cpu_s_per_million=cpu,
        server_cpu_share=0.1,
        peak_mb=40.0,
    )


@pytest.mark.parametrize(("d1", "is_counted"), [(25_000, False), (26_000, True), (36_000, True), (37_000, False)])
def test_a_measured_roundis_valid_only_if_the_reference_is_in_range_of_the_floor(d1: int, is_counted: bool) -> None:
    measured_round = Round(figures={"a": figures(100_000), "d1": figures(d1), "bulkzoho": figures(50_000)})

    assert is_valid(measured_round, latency_s=0.0, in_flight=10) is is_counted


@pytest.mark.parametrize(("floor", "is_counted"), [(4_700, False), (4_800, True)])
def test_a_measured_roundwith_latency_is_valid_only_if_the_floor_reaches_its_rate(floor: int, is_counted: bool) -> None:
    assert is_valid(Round(figures={"a": figures(floor), "d1": figures(4_000)}), latency_s=0.2, in_flight=10) is is_counted


def test_every_measured_roundis_valid_without_floor_and_reference() -> None:
    assert is_valid(Round(figures={"bulkzoho": figures(100)}), latency_s=0.0, in_flight=10)
    assert is_valid(Round(figures={"bulkzoho": figures(100)}), latency_s=0.2, in_flight=10)


def test_ratios_are_computed_within_a_round() -> None:
    rounds = [
        Round(figures={"d1": figures(rate), "bulkzoho": figures(rate * share)}) for rate, share in ((10, 2), (20, 1), (90, 3))
    ]

    assert ratio(rounds, "bulkzoho", "d1", "net_per_s") == {"median": 2.0, "least": 1.0, "most": 3.0}
    assert (medians(rounds, "d1")["net_per_s"], medians(rounds, "d1")["net_per_s_most"]) == (20, 90)


def test_the_chart_has_a_bar_per_client_fastest_first() -> None:
    chart = bars({"slow <sdk>": 4_000.0, "bulkzoho": 150_000.0})

    assert chart.index(">bulkzoho<") < chart.index(">slow &lt;sdk&gt;<")
    assert ">150,000<" in chart


def test_a_table_is_markdown_with_right_aligned_figures() -> None:
    assert markdown_table(("", "s"), [("a", "1")]) == "|  | s |\n| --- | ---: |\n| a | 1 |"


def test_a_function_belongs_to_the_stage_of_its_module() -> None:
    assert stage_of("bulkzoho/formats/csv_reader.py:_take") == "read: bytes to rows"
    assert stage_of("bulkzoho/formats/dead_letter/writer.py:encode") == "results and rejected rows"
    assert stage_of("aiohttp/client.py:request") == "aiohttp"
    assert stage_of("start") == "everything else"
