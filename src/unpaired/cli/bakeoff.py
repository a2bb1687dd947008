"""`unpaired bakeoff`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.status import Status

from unpaired.bakeoff.run import bakeoff
from unpaired.cli.display import Display
from unpaired.cli.options import parsed
from unpaired.cli.train import Preset, rank_console
from unpaired.config import Layout, MethodName
from unpaired.errors import UserError
from unpaired.presets import PRESETS
from unpaired.training.events import Listener


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train several methods on the same pictures, each for an equal share of the time; measure them on pictures that
    none has seen; say which to go on with. Typed again, it goes on where it was stopped.

    unpaired bakeoff horses zebras --out runs/bakeoff --minutes 60
    """

    folders: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR_A [DIR_B]", help_behavior_hint="(required)")
    ] = ()
    """DIR_A DIR_B, or one folder that holds trainA and trainB. Without testA and testB a tenth is kept to measure."""
    out: Path
    """Folder of the runs, the grid and the numbers."""
    minutes: float = 60
    """Minutes of training, of all methods together. Starting and measuring come on top, and what is left is told after
    each method."""
    methods: tuple[MethodName, ...] = ("cyclegan", "cut", "dclgan")
    """Which methods; pix2pix needs pairs."""
    preset: Preset = "fast"
    """What they share: sizes, networks, optimiser (the help of unpaired train says what each is). The method is not
    taken from it."""
    layout: Layout | None = None
    """How the pictures lie, where not as the preset says."""
    seed: int = 0
    """Seed of everything random."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "bakeoff")
    if not 1 <= len(told.folders) <= 2:
        raise UserError("Name two folders of pictures, DIR_A and DIR_B, or one that holds trainA and trainB.")
    config = PRESETS[told.preset]()
    config = replace(
        config,
        data=replace(config.data, layout=told.layout or config.data.layout),
        training=replace(config.training, seed=told.seed, device=told.device),
    )
    console = rank_console()
    with Shown(console) as shown:
        result = bakeoff(
            told.folders[0], told.folders[1] if len(told.folders) == 2 else None, out=told.out,
            methods=told.methods, minutes=told.minutes, config=config, preset=told.preset,
            listen=shown.training, tell=console.print, busy=shown.busy,
        )  # fmt: skip
    console.print(result.table(), soft_wrap=False)
    console.print(f"Pictures: {told.out / 'bakeoff.png'}")
    console.print(result.advice())


class Shown:
    """What the terminal shows below what was told: a training, or what is being measured; one at a time."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = ExitStack()
        self.status: Status | None = None

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *_: object) -> None:
        self.live.close()

    def training(self, run: Path) -> list[Listener]:
        """The display of the run that trains now."""
        self._clear()
        return [self.live.enter_context(Display(run, self.console))]

    def busy(self, text: str) -> None:
        if self.status is None:
            self._clear()
            self.status = self.live.enter_context(self.console.status(text))
        self.status.update(text)

    def _clear(self) -> None:
        self.live.close()
        self.status = None
