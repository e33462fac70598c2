"""Tables of plain text: a heading, columns two blanks apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence

__all__ = ["table"]


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: Collection[int] = ()) -> str:
    """Give *rows* under *headings*; the columns of *numbers* stand flush right."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
