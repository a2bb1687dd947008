"""`unpaired style`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console

from unpaired.cli.options import parsed
from unpaired.cli.progress import progress
from unpaired.data.decode import decode, read_picture, resized, write_picture
from unpaired.data.files import not_written
from unpaired.data.picture import Picture
from unpaired.data.signatures import format_named
from unpaired.errors import UserError
from unpaired.style.transfer import stylise
from unpaired.text import counted


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Paint a picture as others are painted (neural style transfer), by optimising it. Takes minutes a picture; for
    many pictures train `--preset johnson`.

    unpaired style photo.jpg painting.jpg --out painted.png
    """

    content: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="CONTENT")]
    """What the result shows."""
    styles: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="STYLE [STYLE …]", help_behavior_hint="")
    ]
    """How it is painted: one picture, or several together."""
    out: Path
    """File to write; its ending says the format."""
    size: int = 512
    """Pixels of the result's longer side, at most; a smaller content is not enlarged."""
    steps: int = 200
    """Steps of the optimisation, over all sizes from coarse to fine."""
    style_weight: float = 10.0
    """How much the style counts beside the content."""
    smoothness: float = 0.1
    """How much neighbouring pixels should agree."""
    shares: tuple[float, ...] = ()
    """How much each style counts; equally if not given."""
    scale: float = 1.0
    """Size of the styles as a share of the result's: above 1 strokes get larger, below finer."""
    colours: Literal["style", "luminance", "histogram"] = "style"
    """The style's; or the content's, by painting its luminance only, or by bringing the style to its colours first."""
    eyes: str = "lite1"
    """The network that compares: lite0, lite1, lite2, vgg19, or a file of torchvision's VGG-16 or VGG-19."""
    download: bool = False
    """Fetch the weights of vgg19 (548 MB) where they are not here yet. Nothing else is ever fetched."""
    overwrite: bool = False
    """Replace the file where it is there already. An input is never replaced."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "style")
    if not told.styles:
        raise UserError("Name at least one style picture after the content.")
    if told.out.resolve() in {path.resolve() for path in (told.content, *told.styles)}:
        raise UserError(f"{told.out} is one of the inputs and would be overwritten: take another --out.")
    if told.out.exists() and not told.overwrite:
        raise UserError(f"{told.out} exists already: take another --out, or give --overwrite.")
    if format_named(told.out) is None:
        raise UserError(f"{told.out} does not say which format to write: end its name with .png or .jpg, for instance.")
    above = next(path for path in told.out.absolute().parents if path.exists())
    if not above.is_dir():  # known before minutes are spent
        raise UserError(f"{above} is no folder: take another --out.")
    picture, styles = _read(told.content), [_read(path) for path in told.styles]
    with progress(Console(stderr=True, highlight=False), "painting") as done:
        made = stylise(
            picture, styles, eyes=told.eyes, size=told.size, steps=told.steps,
            style_weight=told.style_weight, smoothness=told.smoothness, shares=told.shares, scale=told.scale,
            colours=told.colours, device=told.device, download=told.download, tell=done,
        )  # fmt: skip
    content, (height, width) = read_picture(told.content), made.shape[:2]
    alpha = None if content.alpha is None else resized(content.alpha[0][..., None], width, height)[None, ..., 0]
    try:
        told.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(told.out, error) from error
    write_picture(made, Picture(made[None], alpha, content.format, content.exif, content.dpi), told.out)
    print(told.out)


def _read(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3), transparency over white."""
    values = decode(path)
    if values.dtype != np.uint8 or values.shape[2] != 3:
        raise UserError(
            f"{path} holds {counted(values.shape[2], 'band')} of {values.dtype}, and style transfer takes grey or "
            "coloured pictures of 8 bits: save it as an 8-bit PNG or JPEG first."
        )
    return values
