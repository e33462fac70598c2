"""Write the figures that were kept into docs/benchmarks.md, between marks; what stands around them is written by hand."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks import results
from benchmarks.chart import bars
from benchmarks.measurement import TOP

PAGE: Final = TOP / "docs" / "benchmarks.md"
PICTURE: Final = TOP / "docs" / "benchmarks.svg"
_SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {}


def section(name: str) -> Callable[[Callable[[dict[str, Any]], str]], Callable[[dict[str, Any]], str]]:
    """Take a function for what makes the section *name* of the results of that name."""

    def kept(make: Callable[[dict[str, Any]], str]) -> Callable[[dict[str, Any]], str]:
        _SECTIONS[name] = make
        return make

    return kept


def write() -> None:
    """Write every section whose results there are, and the picture."""
    text = PAGE.read_text(encoding="utf-8")
    for name, make in _SECTIONS.items():
        found = results.load(name)
        mark = re.compile(rf"(<!-- {name}: written by [^\n]* -->\n).*?(<!-- end -->)", re.DOTALL)
        if found:
            made = make(found).replace("\\", "\\\\")
            text = mark.sub(rf"\g<1>\n{made}\n\n\g<2>", text)
    PAGE.write_text(text, encoding="utf-8")


def rows_of(heads: tuple[str, ...], lines: Sequence[tuple[str, ...]]) -> str:
    """Give a table in Markdown; the first column is text, the others are numbers."""
    rule = "| --- |" + " ---: |" * (len(heads) - 1)
    return "\n".join(["| " + " | ".join(heads) + " |", rule, *("| " + " | ".join(line) + " |" for line in lines)])


@section("import")
def imports(found: dict[str, Any]) -> str:
    """One table a latency."""
    parts = [_machine(found["machine"])]
    for name, setup in found["setups"].items():
        shares = [share for share in setup["d1_of_a"] if share is not None]
        judged = f"; d1/(a) from {min(shares):.2f} to {max(shares):.2f}" if shares else ""
        longest_ms, usual_ms = (1000 * setup["stall"][key] for key in ("longest_s", "p999_s"))
        parts.append(
            f"### At {name}, {setup['in_flight']} calls in flight\n\n"
            f"{setup['rounds']} rounds count, {setup['void_rounds']} are void{judged}.  Longest stall of the product's event "
            f"loop: {longest_ms:.0f} ms; 999 of 1,000 ticks of a millisecond were late by at most {usual_ms:.1f} ms."
        )
        parts.append(_clients(setup["clients"]))
    first = next(iter(found["setups"].values()))
    PICTURE.write_text(bars({name: one["net_per_s"] for name, one in first["clients"].items()}), encoding="utf-8")
    return "\n\n".join(parts)


def _clients(clients: Mapping[str, Any]) -> str:
    heads = (
        "",
        "records/s",
        "least to most",
        "CPU s a million",
        "of (a)",
        "of d1",
        "CPU of d1",
        "start, s",
        "peak MB",
        "stand-in busy",
    )
    lines = []
    for name, one in clients.items():
        shares = [f"{one[key]['median']:.2f}" if key in one else "" for key in ("of_a", "of_d1", "cpu_of_d1")]
        line = (
            f"**{name}**: {one['about']}",
            f"{one['net_per_s']:,.0f}",
            f"{one['net_per_s_least']:,.0f} to {one['net_per_s_most']:,.0f}",
            f"{one['net_cpu_s_per_million']:.1f}",
            *shares,
            f"{one['start_seconds']:.2f}",
            f"{one['peak_mb']:.0f}",
            f"{100 * one['server_cpu_share']:.0f} %",
        )
        lines.append(line)
    if "zoho" not in clients:
        lines.append(("**zoho**: the package; *not measured here*, reported elsewhere", "52,000", *[""] * 8))
    return rows_of(heads, lines)


def _machine(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in (machine["packages"] | machine.get("clients", {})).items())
    return (
        f"Taken {machine['taken']} at revision {machine['revision']}, on {machine['cores']} cores of {machine['processor']}, "
        f"{machine['system']}, {machine['python']}, SQLite {machine['sqlite']}; {versions}.  "
        f"Load of the machine before: {machine['load_before']}."
    )


@section("export")
def exports(found: dict[str, Any]) -> str:
    """One table."""
    heads = "", "records", "records/s", "least to most", "CPU s a million", "start, s", "peak MB", "peak MB of"
    lines = [
        (
            f"**{route}**: {'the least: aiohttp, orjson, csv.writer, no journal' if name == 'least' else name}",
            f"{found_of['records']:,.0f}",
            f"{one['per_s']:,.0f}",
            f"{one['per_s_least']:,.0f} to {one['per_s_most']:,.0f}",
            f"{one['cpu_s_per_million']:.1f}",
            f"{one['start_seconds']:.2f}",
            f"{one['peak_mb']:.0f}",
            f"{found_of['other_peak_mb']:.0f} ({found_of['other_records']:,.0f})" if name == "bulkzoho" else "",
        )
        for route, found_of in found["routes"].items()
        for name, one in found_of["clients"].items()
    ]
    return _machine(found["machine"]) + "\n\n" + rows_of(heads, lines)


@section("growth")
def growth(found: dict[str, Any]) -> str:
    """One table."""
    heads = "rows", "peak MB", "seconds", "CPU s"
    lines = [
        (f"{one['rows']:,}", f"{one['peak_mb']:.1f}", f"{one['seconds']:.1f}", f"{one['cpu_seconds']:.1f}")
        for one in found["runs"]
    ]
    return _machine(found["machine"]) + "\n\n" + rows_of(heads, lines)


@section("start")
def start(found: dict[str, Any]) -> str:
    """One table."""
    heads = "", "ms", "least to most", "times bare Python"
    lines = [
        (f"`{name}`", f"{one['ms']:.0f}", f"{one['ms_least']:.0f} to {one['ms_most']:.0f}", f"{one['of_python']:.1f}")
        for name, one in found["commands"].items()
    ]
    return _machine(found["machine"]) + "\n\n" + rows_of(heads, lines)


@section("minute")
def minute(found: dict[str, Any]) -> str:
    """One table."""
    heads = "", "seconds", "CPU s", "of a core for a minute"
    lines = [
        (name, f"{one['seconds']:.1f}", f"{one['cpu_seconds']:.2f}", f"{100 * one['share']:.1f} %")
        for name, one in found["clients"].items()
    ]
    told = f"{found['calls']:,} calls of 100 records; the product at {1000 * found['latency_s']:.0f} ms a call and its own pace."
    return "\n\n".join([_machine(found["machine"]), told, rows_of(heads, lines)])


@section("profile")
def profile(found: dict[str, Any]) -> str:
    """Two tables."""
    whole = found["cpu_s_per_million"]
    told = f"{found['samples']:,} samples over {found['rows']:,} rows; {whole:.1f} CPU s a million rows in all."
    tables = []
    for head, kind, form in (("stage", "stages", "{}"), ("function", "functions", "`{}`")):
        lines = [(form.format(name), f"{one:.2f}", f"{100 * one / whole:.0f} %") for name, one in found[kind].items()]
        tables.append(rows_of((head, "CPU s a million", "share"), lines))
    return "\n\n".join([_machine(found["machine"]), told, *tables])
