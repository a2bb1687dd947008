"""Numbers and names as they are said to people."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def duration(seconds: float) -> str:
    """48 s, 5 min, 2 h 13 min, 3.1 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes / 60 / 24:.1f} days"


def counted(number: float, what: str) -> str:
    """1 picture, 1,200 pictures, 1.5 minutes, 2 processes."""
    said = f"{number:,}" if isinstance(number, int) else f"{number:,g}"
    return f"{said} {what}{'' if number == 1 else 'es' if what.endswith('s') else 's'}"


def number(value: float | None, spread: float | None = None) -> str:
    """A score as a table shows it, with its spread to as many digits, or to one more where it would be 0."""
    if value is None:
        return "–"
    digits = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    shown = f"{value:.{digits}f}".replace("-0.000", "0.000").replace("-", "−")
    return shown if spread is None else f"{shown} ± {spread:.{digits if round(spread, digits) else digits + 1}f}"


def perhaps(word: str, known: Iterable[str]) -> str:
    """`: perhaps you meant 'fast'` where `word` is nearly one of those that are known, else nothing."""
    close = difflib.get_close_matches(word, list(known), 1)
    return f": perhaps you meant {close[0]!r}" if close else ""
