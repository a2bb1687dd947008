"""Grids of pictures for people to look at: rows are pictures, columns are what was made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

BACKGROUND = (243, 243, 246)
INK = (72, 74, 84)
LEGIBLE = 96
"""Pixels below which a picture is enlarged."""
T = TypeVar("T")


def spread(items: Sequence[T], count: int) -> list[T]:
    """At most `count` of `items`, evenly spread, the first and the last among them."""
    if len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / max(1, count - 1))] for i in range(count)]


def preview_grid(
    columns: Sequence[Sequence[NDArray[np.uint8]]], labels: Sequence[str] | None = None, *,
    scale: int | None = None, gap: int | None = None,
) -> Image.Image:  # fmt: skip
    """Pictures in columns under their captions, with even gaps on a soft background.

    Args:
        columns: for each column its pictures from top to bottom, (H, W, 3), (H, W, 1) or (H, W) uint8.
            Columns may end early; pictures of several sizes are centred in cells of the largest.
        labels: a caption for each column, or None for no captions.
        scale: how many times to enlarge (bicubic); by default just enough for pictures of at least 96 px.
        gap: pixels between pictures; by default a twelfth of a cell.

    Raises:
        ValueError: nothing to show, or captions that don't match the columns.
    """
    pictures = [[_rgb(p) for p in column] for column in columns]
    if not any(pictures):
        raise ValueError("a grid needs at least one picture")
    if labels is not None and len(labels) != len(columns):
        raise ValueError(f"{len(labels)} captions for {len(columns)} columns")
    sizes = [p.size for column in pictures for p in column]
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)
    scale = scale or max(1, -(-LEGIBLE // min(width, height)))
    width, height = width * scale, height * scale
    gap = max(6, min(width, height) // 12) if gap is None else gap
    font = ImageFont.load_default(size=_font_size(labels or [], width + gap // 2))
    caption = round(font.size * 1.9) if labels and isinstance(font, ImageFont.FreeTypeFont) else 20 if labels else 0
    rows = max(len(column) for column in pictures)
    sheet = Image.new(
        "RGB",
        (gap + len(columns) * (width + gap), max(gap, caption) + rows * (height + gap)),
        BACKGROUND,
    )
    draw = ImageDraw.Draw(sheet)
    for x, column in enumerate(pictures):
        left = gap + x * (width + gap)
        if labels:
            draw.text((left + width / 2, caption / 2), _cut(labels[x], font, width + gap // 2), INK, font, anchor="mm")
        for y, picture in enumerate(column):
            if scale > 1:
                size = (picture.width * scale, picture.height * scale)
                picture = picture.resize(size, Image.Resampling.BICUBIC)
            top = max(gap, caption) + y * (height + gap)
            place = (left + (width - picture.width) // 2, top + (height - picture.height) // 2)
            sheet.paste(picture, place, _rounded(picture.size, max(2, min(picture.size) // 32)))
    return sheet


def _rgb(picture: NDArray[Any]) -> Image.Image:
    if picture.dtype != np.uint8:
        raise ValueError(f"a picture of a grid is uint8, not {picture.dtype}")
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    return Image.fromarray(np.ascontiguousarray(picture)).convert("RGB")


def _font_size(labels: Sequence[str], room: int) -> int:
    """The largest size, from 18 down to 10, at which every caption fits above its column."""
    for size in range(18, 10, -1):
        font = ImageFont.load_default(size=size)
        if all(font.getlength(label) <= room for label in labels):
            return size
    return 10


def _cut(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: int) -> str:
    """The caption, or its two ends where it is too long: names of runs often differ at their end only."""
    shown, kept = label, len(label)
    while font.getlength(shown) > room and kept > 2:
        kept -= 1
        shown = f"{label[: (kept + 1) // 2]}…{label[len(label) - kept // 2 :]}"
    return shown


def _rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A mask whose corners are round, so that white pictures don't look cut out with scissors."""
    times = 4  # drawn larger and reduced: Pillow does not smooth edges itself
    mask = Image.new("L", (size[0] * times, size[1] * times), 0)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius * times, 255)
    return mask.resize(size, Image.Resampling.BOX)
