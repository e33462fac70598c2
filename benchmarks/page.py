"""Write saved results into the marked sections of docs/benchmarks.md; the prose around them is written by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks import results
from benchmarks.chart import bars
from benchmarks.measurement import TOP

PAGE: Final = TOP / "docs" / "benchmarks.md"
CHART: Final = TOP / "docs" / "benchmarks.svg"
_SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {}


def section(name: str) -> Callable[[Callable[[dict[str, Any]], str]], Callable[[dict[str, Any]], str]]:
    """Register a function that renders the section *name* from the results of that name."""

    def register(render: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
        _SECTIONS[name] = render
        return render

    return register


def write() -> None:
    """Write every section that has results, and the chart."""
    text = PAGE.read_text(encoding="utf-8")
    for name, render in _SECTIONS.items():
        data = results.load(name)
        section_pattern = re.compile(rf"(<!-- {name}: written by [^\n]* -->\n).*?(<!-- end -->)", re.DOTALL)
        if data:
            rendered = render(data).replace("\\", "\\\\")
            text = section_pattern.sub(rf"\g<1>\n{rendered}\n\n\g<2>", text)
    PAGE.write_text(text, encoding="utf-8")


def markdown_table(headings: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    rule = "| --- |" + " ---: |" * (len(headings) - 1)
    return "\n".join(["| " + " | ".join(headings) + " |", rule, *("| " + " | ".join(line) + " |" for line in lines)])


@section("import")
def imports(data: dict[str, Any]) -> str:
    """Render one table per latency."""
    parts = [_describe_machine(data["machine"])]
    for name, setup in data["setups"].items():
        shares = [share for share in setup["d1_of_a"] if share is not None]
        ratio_text = f"; d1/(a) from {min(shares):.2f} to {max(shares):.2f}" if shares else ""
        longest_ms, p999_ms = (1000 * setup["stall"][key] for key in ("longest_s", "p999_s"))
        parts.append(
            f"### At {name}, {setup['in_flight']} calls in flight\n\n"
            f"{setup['rounds']} valid rounds, {setup['void_rounds']} invalid{ratio_text}.  Longest stall of bulkzoho's event "
            f"loop: {longest_ms:.0f} ms; 99.9 % of one-millisecond ticks were at most {p999_ms:.1f} ms late."
        )
        parts.append(_clients(setup["clients"]))
    first = next(iter(data["setups"].values()))
    CHART.write_text(bars({name: figures["net_per_s"] for name, figures in first["clients"].items()}), encoding="utf-8")
    return "\n\n".join(parts)


def _clients(clients: Mapping[str, Any]) -> str:
    headings = (
        "",
        "records/s",
        "min to max",
        "CPU s per million",
        "of (a)",
        "of d1",
        "CPU of d1",
        "start, s",
        "peak MB",
        "server busy",
    )
    lines = []
    for name, figures in clients.items():
        shares = [f"{figures[key]['median']:.2f}" if key in figures else "" for key in ("of_a", "of_d1", "cpu_of_d1")]
        line = (
            f"**{name}**: {figures['about']}",
            f"{figures['net_per_s']:,.0f}",
            f"{figures['net_per_s_least']:,.0f} to {figures['net_per_s_most']:,.0f}",
            f"{figures['net_cpu_s_per_million']:.1f}",
            *shares,
            f"{figures['start_seconds']:.2f}",
            f"{figures['peak_mb']:.0f}",
            f"{100 * figures['server_cpu_share']:.0f} %",
        )
        lines.append(line)
    if "zoho" not in clients:
        lines.append(("**zoho**: the package; *not measured here*, reported by others", "52,000", *[""] * 8))
    return markdown_table(headings, lines)


def _describe_machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in (machine["packages"] | machine.get("clients", {})).items())
    return (
        f"Measured {machine['taken']} at revision {machine['revision']}, on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['system']}, {machine['python']}, SQLite {machine['sqlite']}; {versions}.  "
        f"Load before the run: {machine['load_before']}."
    )


@section("export")
def exports(data: dict[str, Any]) -> str:
    """Render one table."""
    headings = "", "records", "records/s", "min to max", "CPU s per million", "start, s", "peak MB", "peak MB (records)"
    lines = [
        (
            f"**{route}**: {'minimal exporter: aiohttp, orjson, csv.writer, no journal' if name == 'least' else name}",
            f"{found_of['records']:,.0f}",
            f"{figures['per_s']:,.0f}",
            f"{figures['per_s_least']:,.0f} to {figures['per_s_most']:,.0f}",
            f"{figures['cpu_s_per_million']:.1f}",
            f"{figures['start_seconds']:.2f}",
            f"{figures['peak_mb']:.0f}",
            f"{found_of['other_peak_mb']:.0f} ({found_of['other_records']:,.0f})" if name == "bulkzoho" else "",
        )
        for route, found_of in data["routes"].items()
        for name, figures in found_of["clients"].items()
    ]
    return _describe_machine(data["machine"]) + "\n\n" + markdown_table(headings, lines)


@section("growth")
def growth(data: dict[str, Any]) -> str:
    """Render one table."""
    headings = "rows", "peak MB", "seconds", "CPU s"
    lines = [
        (f"{figures['rows']:,}", f"{figures['peak_mb']:.1f}", f"{figures['seconds']:.1f}", f"{figures['cpu_seconds']:.1f}")
        for figures in data["runs"]
    ]
    return _describe_machine(data["machine"]) + "\n\n" + markdown_table(headings, lines)


@section("start")
def start(data: dict[str, Any]) -> str:
    """Render one table."""
    headings = "", "ms", "min to max", "relative to Python"
    lines = [
        (
            f"`{name}`",
            f"{figures['ms']:.0f}",
            f"{figures['ms_least']:.0f} to {figures['ms_most']:.0f}",
            f"{figures['of_python']:.1f}",
        )
        for name, figures in data["commands"].items()
    ]
    return _describe_machine(data["machine"]) + "\n\n" + markdown_table(headings, lines)


@section("minute")
def minute(data: dict[str, Any]) -> str:
    """Render one table."""
    headings = "", "seconds", "CPU s", "of a core over a minute"
    lines = [
        (name, f"{figures['seconds']:.1f}", f"{figures['cpu_seconds']:.2f}", f"{100 * figures['share']:.1f} %")
        for name, figures in data["clients"].items()
    ]
    summary = (
        f"{data['calls']:,} calls of 100 records; bulkzoho with {1000 * data['latency_s']:.0f} ms latency and its own pacing."
    )
    return "\n\n".join([_describe_machine(data["machine"]), summary, markdown_table(headings, lines)])


@section("profile")
def profile(data: dict[str, Any]) -> str:
    """Render two tables."""
    whole = data["cpu_s_per_million"]
    summary = f"{data['samples']:,} samples over {data['rows']:,} rows; {whole:.1f} CPU s per million rows in total."
    tables = []
    for head, kind, form in (("stage", "stages", "{}"), ("function", "functions", "`{}`")):
        lines = [(form.format(name), f"{figures:.2f}", f"{100 * figures / whole:.0f} %") for name, figures in data[kind].items()]
        tables.append(markdown_table((head, "CPU s per million", "share"), lines))
    return "\n\n".join([_describe_machine(data["machine"]), summary, *tables])
