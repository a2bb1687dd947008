"""The pictures that came out best and worst, and those that are most and least like the training pictures, each under a
slider between input and translation.
"""

from __future__ import annotations

from html import escape
from typing import Any

from PIL import Image

from unpaired.report.images import embedded, opened
from unpaired.report.pieces import ends, img, section, thousands
from unpaired.report.progress import measured
from unpaired.run.folder import Record, is_number, mapping

LARGEST = 256
"""Pixels of a picture."""


def gallery(record: Record, *, quality: int) -> str:
    """Of the best evaluation that left pictures."""
    found = [e for e in measured(record) if mapping(e.get("gallery"))]
    event = next((e for e in reversed(found) if e.get("best") is True), found[-1] if found else None)
    if event is None:
        return ""
    cards = _cards(record, event["gallery"], ("Best", "Worst"), quality)
    if not cards:
        return ""
    by = next((str(mapping(told).get("by")) for told in event["gallery"].values()), "")
    return section(
        "Best and worst",
        f"Of the held-out pictures after {thousands(event['images'])} images, those that came out best and worst by "
        f"their {by}. Move the slider: left of the line is the picture, right of it its translation.",
        f'<div class="pair">{cards}</div>',
    )


def usual(record: Record, *, quality: int) -> str:
    """Of the newest look back at what was trained on."""
    event = next(reversed(record.of("trust")), None)
    if event is None:
        return ""
    cards = _cards(record, mapping(event.get("gallery")), ("Most usual", "Least usual"), quality)
    reason, limit = str(event.get("reason") or ""), event.get("limit")
    if not cards:
        told = f"Which held-out pictures are unlike the training pictures can't be said: {reason}"
        return section("Usual and unusual", told, "") if reason else ""
    mind = (
        f" From {limit:g} on, mind the translation; unpaired translate names such inputs." if is_number(limit) else ""
    )
    return section(
        "Usual and unusual",
        "A generator is to be trusted with what is like the pictures that it was trained on. Of the held-out pictures, "
        "those most and least like them; the number is the percentage of the training pictures that lie nearer to the "
        f"others.{mind}",
        f'<div class="pair">{cards}</div>',
    )


def _cards(record: Record, told: dict[str, Any], names: tuple[str, str], quality: int) -> str:
    return "".join(_card(record, direction, mapping(sheet), names, quality) for direction, sheet in told.items())


def _card(record: Record, direction: str, told: dict[str, Any], names: tuple[str, str], quality: int) -> str:
    file = record.inside(str(told.get("file")))
    sheet = opened(file) if file else None
    rows = told.get("rows")
    columns = told.get("columns")
    if sheet is None or not isinstance(rows, list) or not rows or columns not in (2, 3):
        return ""
    side = sheet.width // columns
    source, target = ends(record, direction)
    items = [_item(sheet, y, side, columns, mapping(row), source, target, quality) for y, row in enumerate(rows)]
    half = (len(items) + 1) // 2
    return (
        f'<article class="card wipes"><h3>{escape(source)} <span class="arrow">→</span> {escape(target)}</h3>'
        '<input type="range" min="0" max="100" value="50" aria-label="Where the translation begins, in per cent of the '
        'width">'
        f'<p class="small soft">{names[0]}</p><div class="items">{"".join(items[:half])}</div>'
        f'<p class="small soft">{names[1]}</p><div class="items">{"".join(items[half:])}</div></article>\n'
    )


def _item(
    sheet: Image.Image, y: int, side: int, columns: int, row: dict[str, Any], source: str, target: str, quality: int
) -> str:
    height = sheet.height // max(1, sheet.height // side)
    parts = [sheet.crop((x * side, y * height, (x + 1) * side, (y + 1) * height)) for x in range(columns)]
    pictures = [embedded(part, side=LARGEST, quality=quality) for part in parts]
    name, distance = escape(str(row.get("name", ""))), row.get("distance")
    true = f'<div class="true">{img(pictures[2], f"The true counterpart of {name}")}</div>' if columns == 3 else ""
    value = "" if not is_number(distance) else f" · {distance:.3f}" if distance < 1 else f" · {distance:.3g}"
    return (
        f'<figure><div class="sides"><div class="wipe">{img(pictures[0], f"{name}, of {source}")}'
        f"{img(pictures[1], f'{name} translated to {target}')}</div>{true}</div>"
        f"<figcaption>{name}{value}</figcaption></figure>"
    )
