"""Draw a bar chart with a logarithmic scale as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final
from xml.sax.saxutils import escape

WIDTH: Final = 720
BAR: Final = 22
GAP: Final = 8
LEFT: Final = 130
RIGHT: Final = 90
OURS: Final = "bulkzoho"


def bars(rates: Mapping[str, float]) -> str:
    """Return an SVG chart of records per second by client, fastest first; each grid line is a factor of ten."""
    ranked = sorted(rates.items(), key=lambda pair: -pair[1])
    low = math.floor(math.log10(min(rates.values())))
    high = math.ceil(math.log10(max(rates.values())))
    unit = (WIDTH - LEFT - RIGHT) / max(1, high - low)
    height = 48 + len(ranked) * (BAR + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for power in range(low, high + 1):
        x = LEFT + (power - low) * unit
        parts.append(f'<line x1="{x:.0f}" y1="28" x2="{x:.0f}" y2="{height - 8}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.0f}" y="20" text-anchor="middle" fill="#666666">{10**power:,}</text>')
    for place, (name, rate) in enumerate(ranked):
        y, width = 36 + place * (BAR + GAP), (math.log10(rate) - low) * unit
        colour = "#b5472f" if name.startswith(OURS) else "#7a8fa6"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 16}" text-anchor="end" fill="#222222">{escape(name)}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="{BAR}" fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 16}" fill="#222222">{rate:,.0f}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"
