"""The files of one domain as its networks take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from unpaired.config import DataConfig, Domain
from unpaired.data.decode import framed, seen
from unpaired.data.layout import cut, part_of
from unpaired.data.picture import Values
from unpaired.data.pixels import read_bytes
from unpaired.data.scale import scale_of
from unpaired.errors import UserError


def pages(
    path: Path,
    data: DataConfig,
    domain: Domain,
    *,
    most: int | None = None,
    side: int | None = None,
    resampling: Image.Resampling = Image.Resampling.BICUBIC,
) -> list[Values]:
    """The pages of a file, at most `most` of them evenly spread (the middle one of 1): (side, side, C) each, `side`
    the crop's if not given.

    uint8, or float32 in [-1, 1] where the domain has a scale of its own. Raises `UserError` for a file that can't be
    read, or whose bands or values are not the domain's.
    """
    channels = data.channels_a if domain == "a" else data.channels_b
    found = seen(read_bytes(path), path, background=data.background, channels=channels, axis=data.axis).pages
    scale = scale_of(data, domain)
    if found.shape[3] != channels or (scale is None and found.dtype != np.uint8):
        expected = f"{channels} of uint8" if scale is None else f"{channels}"
        raise UserError(f"{path} has {found.shape[3]} bands of {found.dtype}, and domain {domain.upper()} {expected}.")
    last = len(found) - 1
    if most is None or most > last:
        chosen = list(range(last + 1))
    else:
        chosen = [len(found) // 2] if most == 1 else [round(i * last / (most - 1)) for i in range(most)]
    side, part = side or data.crop, part_of(data.layout, domain)
    cuts = [framed(cut(found[i], part), side, data.resize, resampling) for i in chosen]
    return cuts if scale is None else [scale.to_network(values) for values in cuts]
