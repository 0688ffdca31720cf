"""Plots of cost against size, as SVG: one line a server, both axes logarithmic."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Samples

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 70, 120, 40, 50
COLOURS = ("#1f6feb", "#d1495b", "#2e933c", "#8d6a9f", "#c58b00", "#555555", "#0a9396")


@dataclass(frozen=True)
class Plot:
    """A figure of several workloads against their sizes."""

    name: str
    title: str
    figure: str
    sizes: Mapping[str, int]
    inverse: float = 0.0
    """Where it is not 0, its quotient by the figure is drawn: a cost in place of a rate."""


PLOTS = (
    Plot(
        "W2",
        "W2: microseconds a delivery, by the size of the room",
        "deliveries_per_s",
        {"W2-100": 100, "W2-1000": 1_000, "W2-5000": 5_000},
        inverse=1e6,
    ),
    Plot(
        "W6",
        "W6: ms from connecting to the last missed message (p50), by the size of the table",
        "each_p50_ms",
        {"W6-10^4": 10_000, "W6-10^6": 1_000_000, "W6-10^7": 10_000_000},
    ),
)

Point = tuple[int, float]


def lines(plot: Plot, samples: Samples) -> dict[str, list[Point]]:
    """Return the points of each server that was measured at two sizes at least."""
    found: dict[str, list[Point]] = {}
    for workload, size in plot.sizes.items():
        for server in samples.servers(workload):
            value = samples.median(workload, server, plot.figure)
            if value:
                found.setdefault(server, []).append((size, plot.inverse / value if plot.inverse else value))
    return {server: points for server, points in found.items() if len(points) > 1}


def drawn(plot: Plot, found: Mapping[str, Sequence[Point]]) -> str:
    """Return the SVG."""
    sizes = sorted({size for points in found.values() for size, _value in points})
    values = [value for points in found.values() for _size, value in points]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def x(size: float) -> float:
        share = math.log10(size / sizes[0]) / math.log10(sizes[-1] / sizes[0])
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/><text x="{LEFT}" y="22" font-size="14">{plot.title}</text>',
    ]
    for power in range(low, high + 1):
        at = y(10**power)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:g}</text>')
    parts += [
        f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{size:,}</text>'
        for size in sizes
    ]
    for colour, (server, points) in zip(COLOURS, found.items(), strict=False):
        path = "L".join(f"{x(size):.1f} {y(value):.1f}" for size, value in points)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        end_x, end_y = x(points[-1][0]), y(points[-1][1])
        parts.append(f'<text x="{end_x + 8:.1f}" y="{end_y + 4:.1f}" fill="{colour}">{server}</text>')
    return "\n".join([*parts, "</svg>\n"])


def write(samples: Samples, folder: Path) -> list[Path]:
    """Write each plot for which there are lines, and return where they are."""
    written = []
    for plot in PLOTS:
        if found := lines(plot, samples):
            path = folder / f"performance-{plot.name}.svg"
            path.write_text(drawn(plot, found), encoding="utf-8")
            written.append(path)
    return written
