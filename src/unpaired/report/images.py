"""Pictures inside a page: small enough that a report stays one file that can be sent."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image


@dataclass(frozen=True, slots=True)
class Embedded:
    """A picture as a data address."""

    address: str
    width: int
    height: int


def opened(path: Path) -> Image.Image | None:
    """The picture at `path`; None where it can't be read."""
    try:
        with Image.open(path) as file:
            return file.convert("RGB")
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def embed(path: Path, *, side: int, quality: int) -> Embedded | None:
    """The picture at `path`, at most `side` pixels wide, as WebP; None where it can't be read."""
    image = opened(path)
    return None if image is None else embedded(image, side=side, quality=quality)


def embedded(image: Image.Image, *, side: int, quality: int) -> Embedded:
    """A picture, at most `side` pixels wide, as WebP."""
    if image.width > side:
        image = image.resize((side, max(1, round(image.height * side / image.width))), Image.Resampling.LANCZOS)
    content = io.BytesIO()
    image.save(content, "WEBP", quality=quality, method=4)
    data = base64.b64encode(content.getvalue()).decode("ascii")
    return Embedded(f"data:image/webp;base64,{data}", image.width, image.height)
