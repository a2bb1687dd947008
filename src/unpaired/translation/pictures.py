"""Pictures of any kind as (H, W, 3) colours and what else they had, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from unpaired.data.decode import LUMINANCE, Picture
from unpaired.data.pixels import check, to_srgb, upright
from unpaired.data.tensors import luminance
from unpaired.errors import UserError
from unpaired.text import counted

Array = NDArray[Any]


def split(image: Image.Image) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, bool]:
    """An image, upright and in sRGB: (H, W, 3) uint8, (H, W) uint8 alpha or None, and whether it is grey.

    Raises `UserError` where it is animated, deeper than 8 bits, or of a mode that would come out wrong.
    """
    check(image)
    image = to_srgb(upright(image))
    alpha = np.array(image.getchannel("A"), dtype=np.uint8) if "A" in image.mode else None
    return np.array(image.convert("RGB"), dtype=np.uint8), alpha, image.mode in ("L", "LA")


def photo(picture: Picture, path: str | Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None, bool]:
    """Colours, alpha and greyness. Raises `UserError` for what is no 8-bit picture, which a PIL image can't hold."""
    if picture.dtype != np.uint8 or picture.bands not in (1, 3) or len(picture.pages) != 1:
        raise UserError(
            f"{path} has {counted(len(picture.pages), 'page')} of {picture.bands} × {picture.dtype}, "
            "which no PIL image holds: translate it with translate_files (unpaired translate)."
        )
    return picture.rgb, None if picture.alpha is None else picture.alpha[0], picture.grey


def greyed(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 3) → (H, W, 1), its luminance."""
    return np.array(Image.fromarray(np.ascontiguousarray(colours)).convert("L"), dtype=np.uint8)[..., None]


def join(colours: NDArray[np.uint8], alpha: NDArray[np.uint8] | None, *, grey: bool) -> Image.Image:
    """The reverse of `split`: an image of mode L, LA, RGB or RGBA."""
    image = Image.fromarray(np.ascontiguousarray(colours))
    if grey:
        image = image.convert("L")
    if alpha is not None:
        image.putalpha(Image.fromarray(np.ascontiguousarray(alpha)))
    return image


def split_array(array: Array) -> tuple[Array, Array | None, bool]:
    """An array as (H, W, 3) colours, (H, W) alpha or None, and whether it is grey; the dtype stays.

    Raises `UserError` where shape, dtype or range are not those of a picture.
    """
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (1, 3, 4))) or array.size == 0:
        raise UserError(f"An array to translate is (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {array.shape}.")
    if array.dtype != np.uint8:
        if not np.issubdtype(array.dtype, np.floating):
            raise UserError(f"An array to translate is uint8, or floating in 0 to 1, not {array.dtype}.")
        if not (array.min() >= 0 and array.max() <= 1):
            raise UserError(f"A floating array to translate lies in 0 to 1, not in {array.min()} to {array.max()}.")
    flat = array[:, :, None] if array.ndim == 2 else array
    grey = flat.shape[2] == 1
    colours = np.repeat(flat, 3, axis=2) if grey else flat[:, :, :3]
    return np.ascontiguousarray(colours), flat[:, :, 3] if flat.shape[2] == 4 else None, grey


def join_array(colours: Array, alpha: Array | None, *, ndim: int, grey: bool) -> Array:
    """The reverse of `split_array`; grey arrays come back with `ndim` dimensions."""
    if grey:
        mean = colours.astype(np.float64) @ np.array(LUMINANCE)
        value = (mean.round() if colours.dtype == np.uint8 else mean).astype(colours.dtype)
        return value if ndim == 2 else value[:, :, None]
    return colours if alpha is None else np.dstack([colours, alpha])


def over(colours: Array, alpha: Array | None, background: tuple[int, int, int]) -> Array:
    """What training saw of a transparent picture: its colours over `background` (0 to 255), in its dtype."""
    if alpha is None:
        return colours
    share, behind, top = _shares(alpha, background)
    return _like(share * colours + (1 - share) * behind, colours, top)


def out_of(colours: Array, alpha: Array | None, background: tuple[int, int, int]) -> Array:
    """The reverse of `over`: colours that give `colours` when laid over `background` with `alpha`.

    Without it the edge of a translated cut-out would carry a rim of the background's colour.
    """
    if alpha is None:
        return colours
    share, behind, top = _shares(alpha, background)
    seen = np.where(share > 0, (colours - (1 - share) * behind) / np.maximum(share, 1e-3), colours)
    return _like(seen, colours, top)


def _shares(alpha: Array, background: tuple[int, int, int]) -> tuple[Array, Array, float]:
    """Alpha as (H, W, 1) in 0 to 1, the background in the picture's unit, and that unit's greatest value."""
    top = 255.0 if alpha.dtype == np.uint8 else 1.0
    return alpha[:, :, None].astype(np.float64) / top, np.array(background) * (top / 255), top


def _like(values: Array, colours: Array, top: float) -> Array:
    values = np.clip(values, 0, top)
    return (values.round() if colours.dtype == np.uint8 else values).astype(colours.dtype)


def with_channels(x: Tensor, channels: int) -> Tensor:
    """(N, 1 or 3, H, W) → (N, channels, H, W): grey is repeated, colours become their luminance."""
    if x.shape[1] == channels:
        return x
    if channels == 3:
        return x.expand(-1, 3, -1, -1)
    return luminance(x)
