"""A translation laid over its picture: only where a mask is white is anything changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from unpaired.config import DataConfig, Direction, source, target
from unpaired.data.picture import Picture
from unpaired.data.scale import scale_of
from unpaired.errors import UserError


def check_alike(data: DataConfig, direction: Direction) -> None:
    """Raise `UserError` where values of one domain can't stand beside values of the other."""
    before, after = scale_of(data, source(direction)), scale_of(data, target(direction))
    if data.channels_a != data.channels_b or before != after:
        raise UserError("Masks keep a part of the input as it is, which needs domains with the same bands and values.")


def laid_over(made: Picture, picture: Picture, mask: NDArray[np.uint8]) -> Picture:
    """`made` where the mask (P or 1, H, W, 1) is 255, `picture` where it is 0, to the bit; between, a mixture.

    Raises `UserError` where they do not fit each other.
    """
    pages, own = made.pages, picture.pages
    if pages.shape != own.shape or pages.dtype != own.dtype or len(mask) not in (1, len(own)):
        raise UserError(
            f"has {len(own)} pages of {picture.bands} × {own.dtype}, its translation {len(pages)} of {made.bands} × "
            f"{pages.dtype} and its mask {len(mask)}: they can't be laid over each other."
        )
    share = mask / 255
    mixed = share * pages + (1 - share) * own
    if np.issubdtype(own.dtype, np.integer):
        mixed = np.rint(mixed)
    return replace(made, pages=np.where(mask == 0, own, np.where(mask == 255, pages, mixed.astype(own.dtype))))
