"""Curves as inline SVG, drawn for a width of about 360 px, where their numbers are still legible."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from unpaired.run.folder import Series

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 10, 26
POINTS = 240
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Level:
    """A yardstick: a horizontal line."""

    value: float
    kind: str
    """Classes for the page's style."""
    name: str


def chart(lines: Mapping[str, Series], label: str, *, smooth: bool = True, levels: Sequence[Level] = ()) -> str:
    """One chart of up to a few lines; each is drawn faintly as it was measured, and smoothed over it.

    The n-th line has the classes `raw sn` and `line sn`; colours are the page's.
    """
    x1 = max((s.images[-1] for s in lines.values() if s.images), default=1.0) or 1.0
    everything = [np.asarray(s.values, np.float64) for s in lines.values()]
    low, high = _range(np.concatenate([*everything, np.asarray([level.value for level in levels], np.float64)]))
    y_ticks, x_ticks = ticks(low, high, 4), ticks(0.0, x1, 4)
    low, high = min(low, y_ticks[0]), max(high, y_ticks[-1])
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">']
    for tick in y_ticks:
        y = _y(np.asarray(tick), low, high).item()
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        said = number(tick).replace("-", "−", int(tick < 0))
        parts.append(f'<text x="{LEFT - 6}" y="{y + 3.5:.1f}" text-anchor="end">{said}</text>')
    for tick in x_ticks:
        x = _x(np.asarray(tick), x1).item()
        anchor = "start" if tick == 0 else "end" if x > WIDTH - RIGHT - 14 else "middle"
        parts.append(f'<text x="{x:.1f}" y="{HEIGHT - 8}" text-anchor="{anchor}">{count(tick)}</text>')
    for level in levels:
        y = _y(np.asarray(level.value), low, high).item()
        parts.append(f'<line class="level {level.kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
    for index, series in enumerate(lines.values()):
        images, values = np.asarray(series.images, np.float64), np.asarray(series.values, np.float64)
        shown = smoothed(values) if smooth else values
        parts.append(f'<path class="raw s{index}" d="{_path(images, values, x1, low, high)}"/>')
        parts.append(f'<path class="line s{index}" d="{_path(images, shown, x1, low, high)}"/>')
    return "".join([*parts, "</svg>"])


def figure(
    name: str, lines: Mapping[str, Series], meaning: str, *, levels: Sequence[Level] = (), smooth: bool = False
) -> str:
    """A chart under its name, with its legend and a sentence on what good looks like."""
    legend = "".join(f'<span class="s{i}"><i></i>{escape(n)}</span>' for i, n in enumerate(lines))
    styles = {level.name: level.kind.split()[0] for level in levels}
    legend += "".join(f'<span class="{kind}"><i></i>{escape(n)}</span>' for n, kind in styles.items())
    shown = f'<div class="legend">{legend}</div>' if list(lines) != [name] else ""
    last = ", ".join(f"{n} ends at {number(s.values[-1])}" for n, s in lines.items())
    reach = count(max(s.images[-1] for s in lines.values()))
    svg = chart(lines, f"{name} over images seen, up to {reach}: {last}", smooth=smooth, levels=levels)
    explained = f'<p class="small soft">{escape(meaning)}</p>' if meaning else ""
    return f'<article class="card chart"><h3>{escape(name)}</h3>{shown}{svg}{explained}</article>\n'


def smoothed(values: Floats) -> Floats:
    """Running mean whose memory is a twentieth of the series, without a pull towards 0 at its start."""
    memory = max(1.0, len(values) / 20)
    keep = 1 - 1 / memory
    total = weight = 0.0
    result = np.empty_like(values)
    for i, value in enumerate(values):
        total, weight = keep * total + value, keep * weight + 1
        result[i] = total / weight
    return result


def ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from the last one below `low` up to `high`."""
    span = high - low or 1.0
    power = 10 ** math.floor(math.log10(span / about))
    step = next(s * power for s in (1, 2, 5, 10) if span / (s * power) <= about)
    first = math.floor(low / step + 1e-9)
    return [float(f"{i * step:.10g}") for i in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A number for a tick or a table: three digits that count, no exponent where it can be avoided."""
    if value == 0:
        return "0"
    if abs(value) < 1e-3 or abs(value) >= 1e5:
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e+")
    return f"{value:.3g}"


def count(value: float) -> str:
    """Images seen: 800, 12k, 1.5M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:g}"


def _range(values: Floats) -> tuple[float, float]:
    """From 0 (or the least) to nearly the greatest: a single spike must not flatten the rest."""
    low, high = float(np.percentile(values, 0.5)), float(np.percentile(values, 99))
    low, high = min(0.0, low), max(0.0, high)
    return low, high if high > low else low + 1.0


def _x(images: Floats, x1: float) -> Floats:
    return LEFT + images / x1 * (WIDTH - LEFT - RIGHT)


def _y(values: Floats, low: float, high: float) -> Floats:
    inside = np.clip(values, low, high)
    return TOP + (high - inside) / (high - low) * (HEIGHT - TOP - BOTTOM)


def _path(images: Floats, values: Floats, x1: float, low: float, high: float) -> str:
    chosen = np.unique(np.linspace(0, len(images) - 1, min(len(images), POINTS)).round().astype(int))
    xs, ys = _x(images[chosen], x1), _y(values[chosen], low, high)
    points = [f"{x:.1f} {y:.1f}" for x, y in zip(xs, ys, strict=True)]
    # A single point would be invisible: a hair of a line with round ends makes it a dot.
    return "M" + "L".join(points) if len(points) > 1 else f"M{points[0]}h.01"
