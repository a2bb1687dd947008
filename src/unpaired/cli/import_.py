"""`unpaired import`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from unpaired.cli.options import parsed
from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.interop.importing import Networks, Sources, read_networks, write_file, write_run


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Bring in networks that other projects trained: pytorch-CycleGAN-and-pix2pix, CUT, and what is built like theirs.

    unpaired import latest_net_G_A.pth --out horse2zebra.safetensors

    unpaired import checkpoints/horse2zebra --out runs/horse2zebra --pictures horses zebras
    """

    source: Annotated[Path, tyro.conf.Positional]
    """A generator's file (.pth, .pt, .safetensors), or the folder of their training, which holds latest_net_*.pth."""
    out: Path
    """Folder of the new run; or a file.safetensors for a translator alone."""
    direction: Direction = "a2b"
    """The direction in which the generator translates."""
    generator_ba: Path | None = None
    """The generator of the other direction."""
    discriminator_a: Path | None = None
    """The discriminator that judges pictures of A, which is latest_net_D_B.pth of a CycleGAN there."""
    discriminator_b: Path | None = None
    """The discriminator that judges pictures of B: latest_net_D_A.pth of a CycleGAN there, latest_net_D.pth of CUT and
    pix2pix."""
    projector: Path | None = None
    """CUT's latest_net_F.pth."""
    pictures: Annotated[tuple[Path, ...], tyro.conf.arg(metavar="DIR_A [DIR_B]", help_behavior_hint="")] = ()
    """The pictures to go on training with: as for unpaired train."""
    crop: int | None = None
    """Side in px that it was trained at, which the file does not tell; 256 if not given, 128 for a U-Net with seven
    halvings."""


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "import")
    networks = read_networks(_sources(told), crop=told.crop)
    if told.out.suffix == ".safetensors":
        if told.pictures:
            raise UserError("A translator alone can't be trained: name a folder with --out, or leave out --pictures.")
        write_file(networks, told.out)
    else:
        if len(told.pictures) > 2:
            raise UserError("--pictures takes two folders, DIR_A and DIR_B, or one that holds trainA and trainB.")
        write_run(networks, told.out, told.pictures)
    _say(networks, told)


def _sources(told: Arguments) -> Sources:
    others = Sources(
        generator_ba=told.generator_ba, discriminator_a=told.discriminator_a, discriminator_b=told.discriminator_b,
        projector=told.projector,
    )  # fmt: skip
    if told.source.is_dir():
        if others.named() or told.direction != "a2b":
            raise UserError("A folder's networks are found by their names: leave out --direction and other files.")
        return Sources.of_folder(told.source)
    if told.direction == "a2b":
        return replace(others, generator_ab=told.source)
    if told.generator_ba is not None:
        raise UserError("--generator-ba translates from B to A: name the other generator first, with --direction a2b.")
    return replace(others, generator_ba=told.source)


def _say(networks: Networks, told: Arguments) -> None:
    config, gen = networks.config, networks.config.generator
    size = f"{gen.blocks} blocks" if gen.kind == "resnet" else f"{gen.depth} halvings"
    resampling = f", {gen.downsample} halving, {gen.upsample} doubling" if gen.kind == "resnet" else ""
    print(
        f"Imported {', '.join(networks.weights)}: {gen.kind} of {size}, width {gen.width}, norm {gen.norm}"
        f"{resampling}, {config.data.channels_a} and {config.data.channels_b} channels."
    )
    for note in networks.notes:
        print(f"Not told by the file: {note}.")
    way = "a2b" if "generator_ab" in networks.weights else "b2a"
    print(f"Translate with: unpaired translate {told.out} PICTURES --out FOLDER --direction {way}")
    if told.pictures:
        print(f"Go on training with: unpaired train --resume {told.out}")
