"""A plot of what grows with the log: plain SVG, readable on light and dark pages."""

from __future__ import annotations

import math
from html import escape

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 760, 400, 60, 290, 46, 40
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#17becf", "#8c564b", "#e377c2", "#7f7f7f")
_LEAST, _MOST = 0.1, 10.0


def growth(rows: dict[int, dict[str, float]]) -> str:
    """Each measure relative to its value at the smallest size: a level line does not grow with the log."""
    sizes = sorted(rows)
    first = rows[sizes[0]]
    # Building and rebuilding a small log is mostly the start of what does it.
    names = [name for name in first if not name.startswith(("built", "rebuild"))]
    lines = [
        _series(index, name, [rows[size][name] / first[name] for size in sizes], sizes)
        for index, name in enumerate(names)
    ]
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"'
            ' font-family="sans-serif" font-size="12">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            f'<text x="{_LEFT}" y="24" font-size="14">Relative to a log of {sizes[0]:,} events</text>',
            *_axes(sizes),
            *lines,
            "</svg>\n",
        )
    )


def _x(size: int, sizes: list[int]) -> float:
    low, high = math.log10(sizes[0]), math.log10(sizes[-1])
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (math.log10(size) - low) / ((high - low) or 1)


def _y(ratio: float) -> float:
    low, high = math.log10(_LEAST), math.log10(_MOST)
    place = (math.log10(min(max(ratio, _LEAST), _MOST)) - low) / (high - low)
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * place


def _axes(sizes: list[int]) -> list[str]:
    right = _WIDTH - _RIGHT
    marks = [
        f'<line x1="{_LEFT}" x2="{right}" y1="{_y(ratio):.0f}" y2="{_y(ratio):.0f}" stroke="#ddd"/>'
        f'<text x="{_LEFT - 8}" y="{_y(ratio) + 4:.0f}" text-anchor="end">{ratio:g}</text>'
        for ratio in (0.1, 0.2, 0.5, 1, 2, 5, 10)
    ]
    ticks = [
        f'<text x="{_x(size, sizes):.0f}" y="{_HEIGHT - 16}" text-anchor="middle">{size:,}</text>' for size in sizes
    ]
    return marks + ticks


def _series(index: int, name: str, ratios: list[float], sizes: list[int]) -> str:
    colour = _COLOURS[index % len(_COLOURS)]
    points = " ".join(f"{_x(size, sizes):.0f},{_y(ratio):.0f}" for size, ratio in zip(sizes, ratios, strict=True))
    label = f"{name.partition(',')[0]}: {ratios[-1]:.2g}"
    return (
        f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        f'<text x="{_WIDTH - _RIGHT + 12}" y="{_TOP + 14 + 20 * index}" fill="{colour}">{escape(label)}</text>'
    )
