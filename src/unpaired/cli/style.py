"""`unpaired style`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

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
from unpaired.style.options import StyleOptions
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
    overwrite: bool = False
    """Replace the file where it is there already. An input is never replaced."""
    options: Annotated[StyleOptions, tyro.conf.arg(name="")] = field(default_factory=StyleOptions)


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
        made = stylise(picture, styles, told.options, tell=done)
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
