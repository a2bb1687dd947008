"""Pictures of any type and number of bands through a translator: their values to [-1, 1] as in training, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from unpaired.config import Direction, Domain, DType, source, target
from unpaired.data.decode import LUMINANCE
from unpaired.data.picture import Picture
from unpaired.data.scale import WHOLE, Scale, full, scale_of
from unpaired.data.tensors import to_float, to_uint8
from unpaired.errors import UserError
from unpaired.translation import pictures

if TYPE_CHECKING:
    from unpaired.config import DataConfig
    from unpaired.translation.translator import Translator


def translated(
    translator: Translator, group: Sequence[Picture], direction: Direction, batch: int | None = None
) -> list[Picture]:
    """What becomes of pictures of one size: each keeps its format, what its file said, and, where both domains have
    values of one type, its own type. Pages go through the network as pictures do, `batch` at most together.

    Raises `UserError` for values that are none of the domain's; `fits` tells before.
    """
    made: list[Picture] = []
    ordinary = [p for p in group if _ordinary(translator, p, direction)]
    if ordinary:
        arrays = [page for p in ordinary for page in _coloured(p)]
        results = iter(translator.translate_arrays(arrays, direction, batch=batch))
        by_picture = {id(p): np.stack([next(results) for _ in p.pages]) for p in ordinary}
    else:
        by_picture = dict[int, NDArray[np.uint8]]()
    for picture in group:
        if id(picture) not in by_picture:
            made.append(_translated(translator, picture, direction, batch))
        elif translator.gives_grey(direction, picture.grey):
            grey = [pictures.greyed(page) for page in by_picture[id(picture)]]
            made.append(replace(picture, pages=np.stack(grey)))
        else:
            made.append(replace(picture, pages=by_picture[id(picture)]))
    return made


def through(
    translator: Translator, values: Sequence[NDArray[Any]], direction: Direction
) -> list[NDArray[Any]]:  # fmt: skip
    """Pictures of one size as a run's networks take them (`data.domain.pages`) → as many of the other domain."""
    data = translator.config.data
    plain = scale_of(data, target(direction)) is None
    if plain and all(v.dtype == np.uint8 for v in values):
        return list(translator.translate_arrays(values, direction))
    made: list[NDArray[Any]] = []
    together = translator.at_once(*values[0].shape[:2])
    for start in range(0, len(values), together):
        x = to_float(torch.from_numpy(np.stack(values[start : start + together]).transpose(0, 3, 1, 2).copy()))
        y = translator.translate(x, direction)
        made += list((to_uint8(y).expand(-1, 3, -1, -1) if plain else y).permute(0, 2, 3, 1).cpu().numpy())
    return made


def _ordinary(translator: Translator, picture: Picture, direction: Direction) -> bool:
    """Whether a picture is opaque 8-bit grey or colour and so is what it becomes: the short way."""
    data = translator.config.data
    plain = all(scale_of(data, domain) is None for domain in (source(direction), target(direction)))
    return plain and picture.dtype == np.uint8 and picture.alpha is None and picture.bands in (1, 3)


def _coloured(picture: Picture) -> Sequence[NDArray[np.uint8]]:
    return [np.ascontiguousarray(np.repeat(page, 3, axis=2) if picture.grey else page) for page in picture.pages]


def fits(data: DataConfig, picture: Picture, direction: Direction) -> str | None:
    """Why a picture is none that the run's domain can hold, or None."""
    domain = source(direction)
    channels, dtype = _kind(data, domain)
    if picture.bands != channels and not {picture.bands, channels} <= {1, 3}:
        return f"has {_bands(picture.bands)} of {picture.dtype}, and domain {domain.upper()} of the run {channels}."
    if scale_of(data, domain) is None:
        if picture.dtype.name not in WHOLE:
            return (
                f"holds values of {picture.dtype}, and the run was trained on 8-bit pictures: train on such files, or "
                "save it with 8 or 16 bits."
            )
    elif (picture.dtype == np.uint8) != (dtype == "uint8"):
        return f"holds values of {picture.dtype}, and domain {domain.upper()} of the run {dtype}: convert it."
    return None


def _translated(translator: Translator, picture: Picture, direction: Direction, batch: int | None) -> Picture:
    data = translator.config.data
    if why := fits(data, picture, direction):
        raise UserError(f"The picture {why}")
    scale = scale_of(data, source(direction)) or full(picture.dtype)
    dtype, after = written_as(data, picture, direction)
    height, width = picture.size
    together = translator.at_once(height, width, batch)
    pages: list[NDArray[Any]] = []
    for start in range(0, len(picture.pages), together):
        values = picture.pages[start : start + together]
        alpha = None if picture.alpha is None else _share(picture.alpha[start : start + together])
        x = scale.to_network(values)
        behind = _background(data, max(picture.bands, 3 if translator.config.channels(direction)[0] == 3 else 1))
        shown = x if alpha is None else alpha * x + (1 - alpha) * behind
        y = translator.translate(torch.from_numpy(shown.transpose(0, 3, 1, 2).copy()).float(), direction)
        if translator.gives_grey(direction, picture.grey):
            y = pictures.with_channels(y, 1)
        y = y.permute(0, 2, 3, 1).cpu().numpy()
        if alpha is not None:
            y = _uncovered(y, alpha, behind, x)
        pages.append(after.from_network(y, dtype))
    made = replace(picture, pages=np.concatenate(pages))
    clipped = beyond(picture.pages, scale)
    if clipped:
        note = f"values that lie beyond the run's {scale.text()} were clipped ({_about(clipped)} of all)"
        made = replace(made, notes=(*made.notes, note))
    return made


def _kind(data: DataConfig, domain: Domain) -> tuple[int, DType]:
    channels, dtype = (data.channels_a, data.dtype_a) if domain == "a" else (data.channels_b, data.dtype_b)
    return channels, dtype or "uint8"


def written_as(data: DataConfig, picture: Picture, direction: Direction) -> tuple[np.dtype[Any], Scale]:
    """The type of a translation's values, and what −1 to 1 become in it.

    The picture's own type where both domains have one type, else the type of the domain that is translated to.
    """
    before, after = source(direction), target(direction)
    (_, type_before), (_, type_after) = _kind(data, before), _kind(data, after)
    alike = type_before == type_after
    scale = scale_of(data, after)
    if scale is None:
        own = alike and scale_of(data, before) is None
        dtype = picture.dtype if own else np.dtype(np.uint8)
        return dtype, full(dtype)
    return picture.dtype if alike else np.dtype(type_after), scale


def _share(alpha: NDArray[Any]) -> NDArray[np.float64]:
    """(P, H, W) → (P, H, W, 1) in 0 to 1."""
    top = np.iinfo(alpha.dtype).max if np.issubdtype(alpha.dtype, np.integer) else 1.0
    return (alpha / top)[..., None]


def _background(data: DataConfig, bands: int) -> NDArray[np.float64]:
    """What training laid pictures over, in [-1, 1], (bands,) or (1,)."""
    colour = np.array(data.background) / 127.5 - 1
    if bands == 3:
        return colour
    return (colour @ np.array(LUMINANCE))[None] if bands == 1 else colour.mean(keepdims=True)


def _uncovered(
    y: NDArray[np.float32], alpha: NDArray[np.float64], behind: NDArray[np.float64], x: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Colours that give `y` when laid over the background, so that cut-outs have no rim of it.

    Where nothing shows, the picture keeps what it hid, if its bands are the same.
    """
    if y.shape[-1] != len(behind):
        behind = behind @ np.array(LUMINANCE)[:, None] if len(behind) == 3 and y.shape[-1] == 1 else behind.mean()
    seen = np.where(alpha > 0, (y - (1 - alpha) * behind) / np.maximum(alpha, 1e-9), x if x.shape == y.shape else y)
    return np.clip(seen, -1, 1).astype(np.float32)


def beyond(values: NDArray[Any], scale: Scale) -> float:
    """The share of values that a scale clips."""
    low, high = np.array(scale.low), np.array(scale.high)
    if values.min() >= low.max() and values.max() <= high.min():
        return 0.0
    return float(((values < low) | (values > high)).mean())


def _about(share: float) -> str:
    """A share that many files have in common."""
    return next((f"less than {limit:g} %" for limit in (0.1, 1, 10, 50) if 100 * share < limit), "half or more")


def _bands(count: int) -> str:
    return f"{count} band{'s' if count > 1 else ''}"
