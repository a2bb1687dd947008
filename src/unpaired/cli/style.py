"""`unpaired style`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console

from unpaired.cli.options import parsed, refuse
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
    """Paint a picture as others are painted (neural style transfer), by optimising it. Takes about a minute a picture;
    for many pictures train `--preset johnson`.

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
    refuse(_refusals(told))  # all that can be known before minutes are spent
    content, shown, styles = read_picture(told.content), _read(told.content), [_read(path) for path in told.styles]
    with progress(Console(stderr=True, highlight=False), "painting") as done:
        made = stylise(shown, styles, told.options, tell=done)
    alpha = content.alpha
    if alpha is not None:
        height, width = made.shape[:2]
        alpha = resized(alpha[len(alpha) // 2][..., None], width, height)[None, ..., 0]  # of the page that was shown
    try:
        told.out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_written(told.out, error) from error
    write_picture(made, Picture(made[None], alpha, content.format, content.exif, content.dpi), told.out)
    print(told.out)


def _refusals(told: Arguments) -> Iterator[tuple[object, str]]:
    """What can't be done, and the sentence about it."""
    out = told.out
    inputs = {path.resolve() for path in (told.content, *told.styles)}
    above = next(path for path in out.absolute().parents if path.exists())
    yield not told.styles, "Name at least one style picture after the content."
    yield out.resolve() in inputs, f"{out} is one of the inputs and would be overwritten: take another --out."
    yield out.exists() and not told.overwrite, f"{out} exists already: take another --out, or give --overwrite."
    yield (
        format_named(out) is None,
        f"{out} does not say which format to write: end its name with .png or .jpg, for instance.",
    )
    yield not above.is_dir(), f"{above} is no folder: take another --out."


def _read(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3), transparency over white."""
    values = decode(path)
    if values.dtype != np.uint8 or values.shape[2] != 3:
        raise UserError(
            f"{path} holds {counted(values.shape[2], 'band')} of {values.dtype}, and style transfer takes grey or "
            "coloured pictures of 8 bits: save it as an 8-bit PNG or JPEG first."
        )
    return values
