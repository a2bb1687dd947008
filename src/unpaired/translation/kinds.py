"""The kinds of pictures that a translator is called with; each translation comes back as the kind that was given."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from unpaired.config import Direction
from unpaired.data.decode import read_picture
from unpaired.errors import UserError
from unpaired.translation import pictures

if TYPE_CHECKING:
    from unpaired.translation.translator import Translator

ROUNDING = 1e-2
"""By how much a tensor may leave [-1, 1]: what scaling in half precision costs."""


def of_picture(translator: Translator, picture: str | Path | Image.Image, way: Direction) -> Image.Image:
    """A path or PIL image → a PIL image, upright; grey stays grey, transparency is kept."""
    if isinstance(picture, Image.Image):
        colours, alpha, grey = pictures.split(picture)
    elif not isinstance(picture, str | Path):  # pyright: ignore[reportUnnecessaryIsInstance]
        kind = type(picture).__name__
        raise UserError(f"A picture to translate is a path, PIL image, numpy array or tensor, not {kind}.")
    else:
        colours, alpha, grey = pictures.photo(read_picture(Path(picture)), picture)
    background = translator.config.data.background
    made = translator.translate_arrays([pictures.over(colours, alpha, background)], way)[0]
    made = pictures.out_of(made, alpha, background)
    return pictures.join(made, alpha, grey=translator.gives_grey(way, grey))


def of_array(translator: Translator, array: NDArray[Any], way: Direction) -> NDArray[Any]:
    """(H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 in 0 to 255 or floating in 0 to 1 → the same."""
    colours, alpha, grey = pictures.split_array(array)
    background = translator.config.data.background
    colours = pictures.over(colours, alpha, background)
    if array.dtype == np.uint8:
        made = translator.translate_arrays([colours], way)[0]
    else:
        x = torch.from_numpy(colours).float().permute(2, 0, 1)[None] * 2 - 1
        y = (translator.translate(x, way)[0].expand(3, -1, -1) + 1) / 2
        made = y.permute(1, 2, 0).cpu().numpy().astype(array.dtype)
    made = pictures.out_of(made, alpha, background)
    stays = grey and translator.gives_grey(way, True)
    return pictures.join_array(made, alpha, ndim=array.ndim if stays else 3, grey=stays)


def of_tensor(translator: Translator, tensor: Tensor, way: Direction) -> Tensor:
    """Floating (C, H, W) or (N, C, H, W) in [-1, 1], C 1 or 3 → the same, on the tensor's device."""
    single = tensor.ndim == 3
    x = tensor[None] if single else tensor
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not x.is_floating_point():
        raise UserError(
            f"A tensor to translate is floating, (C, H, W) or (N, C, H, W) with C 1 or 3, in [-1, 1], "
            f"not {tuple(tensor.shape)} {tensor.dtype}."
        )
    if not (x.numel() and x.detach().abs().max() <= 1 + ROUNDING):  # nor is NaN
        raise UserError("A tensor to translate lies in [-1, 1], is finite, and not empty: scale it first.")
    y = translator.translate(x, way).clone()
    stays = x.shape[1] == 1 and translator.gives_grey(way, True)
    y = pictures.with_channels(y, 1 if stays else 3).to(tensor.device, tensor.dtype)
    return y[0] if single else y
