"""Which rounds count, and how figures are summed up and shown."""

from __future__ import annotations

import pytest

from benchmarks.chart import bars
from benchmarks.page import rows_of
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


@pytest.mark.parametrize(("d1", "counts"), [(25_000, False), (26_000, True), (36_000, True), (37_000, False)])
def test_a_round_counts_only_when_the_reference_stands_where_it_should_to_the_floor(d1: int, counts: bool) -> None:
    found = Round(figures={"a": figures(100_000), "d1": figures(d1), "bulkzoho": figures(50_000)})

    assert is_valid(found, latency_s=0.0, in_flight=10) is counts


@pytest.mark.parametrize(("floor", "counts"), [(4_700, False), (4_800, True)])
def test_a_round_at_a_latency_counts_only_when_the_floor_gets_what_that_allows(floor: int, counts: bool) -> None:
    assert is_valid(Round(figures={"a": figures(floor), "d1": figures(4_000)}), latency_s=0.2, in_flight=10) is counts


def test_every_round_counts_without_floor_and_reference() -> None:
    assert is_valid(Round(figures={"bulkzoho": figures(100)}), latency_s=0.0, in_flight=10)
    assert is_valid(Round(figures={"bulkzoho": figures(100)}), latency_s=0.2, in_flight=10)


def test_ratios_are_made_within_a_round() -> None:
    rounds = [
        Round(figures={"d1": figures(rate), "bulkzoho": figures(rate * share)}) for rate, share in ((10, 2), (20, 1), (90, 3))
    ]

    assert ratio(rounds, "bulkzoho", "d1", "net_per_s") == {"median": 2.0, "least": 1.0, "most": 3.0}
    assert (medians(rounds, "d1")["net_per_s"], medians(rounds, "d1")["net_per_s_most"]) == (20, 90)


def test_the_picture_has_a_bar_a_client_the_fastest_first() -> None:
    drawn = bars({"slow <sdk>": 4_000.0, "bulkzoho": 150_000.0})

    assert drawn.index(">bulkzoho<") < drawn.index(">slow &lt;sdk&gt;<")
    assert ">150,000<" in drawn


def test_a_table_is_markdown_with_figures_to_the_right() -> None:
    assert rows_of(("", "s"), [("a", "1")]) == "|  | s |\n| --- | ---: |\n| a | 1 |"


def test_a_function_belongs_to_the_stage_of_its_module() -> None:
    assert stage_of("bulkzoho/formats/csv_reader.py:_take") == "read: bytes to rows"
    assert stage_of("bulkzoho/formats/dead_letter/writer.py:encode") == "results and letters"
    assert stage_of("aiohttp/client.py:request") == "aiohttp"
    assert stage_of("start") == "everything else"
