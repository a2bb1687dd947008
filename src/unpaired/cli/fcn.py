"""`unpaired evaluate fcn train`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from unpaired.cli.options import parsed
from unpaired.errors import UserError
from unpaired.evaluation.fcn_training import train_fcn
from unpaired.evaluation.labels import CITYSCAPES, VOID, read_palette


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train the network of the FCN score on real photos and their label maps; then evaluate runs with --fcn FILE.

    unpaired evaluate fcn train data/trainB data/trainA --out fcn-128.safetensors --size 128
    """

    photos: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTOS")]
    """Folder of photos."""
    labels: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="LABELS")]
    """Folder of their colour label maps, under the same names."""
    out: Path
    """File for the network, a .safetensors."""
    size: int = 128
    """Side in px of the pictures that it is to judge: the --crop of the runs."""
    minutes: float = 10
    """How long to train."""
    images: int | None = None
    """Stop after so many photos seen, if that is earlier."""
    palette: Path | None = None
    """JSON file with the colours of the label maps; those of Cityscapes if not given."""
    seed: int = 0
    """Seed of everything random."""
    overwrite: bool = False
    """Replace a file that is there already."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def main(arguments: list[str]) -> None:
    if arguments[:1] != ["train"]:
        raise UserError("After unpaired evaluate fcn comes train (for a run in a folder named fcn: ./fcn).")
    told = parsed(arguments[1:], Arguments, "evaluate fcn train")
    if told.out.suffix != ".safetensors":
        raise UserError(f"{told.out} is no name for the network: let --out end in .safetensors.")
    if told.out.exists() and not told.overwrite:
        raise UserError(f"{told.out} exists already: take another --out, or give --overwrite.")
    palette, void = read_palette(told.palette) if told.palette else (CITYSCAPES, VOID)
    console = Console(stderr=True, highlight=False)
    with console.status("") as status:
        judge, reached = train_fcn(
            told.photos, told.labels, side=told.size, minutes=told.minutes, images=told.images,
            palette=palette, void=void, seed=told.seed, device=told.device, tell=status.update,
        )  # fmt: skip
    judge.save(told.out)
    a, b, c = reached.three()
    print(
        f"{told.out}: FCN-8s for pictures of {told.size} px, {judge.facts.images:,} photos seen. On pairs kept from "
        f"training: per-pixel accuracy {a:.3f}, per-class accuracy {b:.3f}, class IoU {c:.3f}."
    )
