"""`unpaired train`: every field of the configuration is an option."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import tyro
from rich.console import Console

from unpaired.cli import speaks
from unpaired.cli.display import Display
from unpaired.cli.options import parsed, refuse
from unpaired.compute.ranks import Ranks, joined
from unpaired.config import (
    BridgeConfig,
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    MethodName,
    NceConfig,
    OptimizerConfig,
    PerceptualConfig,
    Pix2PixConfig,
    TrainingConfig,
)
from unpaired.errors import Interrupted, UserError
from unpaired.evaluation.result import Evaluation
from unpaired.presets import PRESETS, explained, fast
from unpaired.report.page import write_report
from unpaired.run import checkpoints
from unpaired.run.record import RunRecord
from unpaired.text import counted
from unpaired.training import loop
from unpaired.training.events import Listener
from unpaired.training.run import find_folders
from unpaired.training.schedule import twice
from unpaired.training.session import Session
from unpaired.training.start import begin, resume
from unpaired.training.tensorboard import TensorBoard

if TYPE_CHECKING:
    Preset = str
else:
    Preset = tyro.extras.literal_type_from_choices(PRESETS)
FLAT = tyro.conf.arg(name="")  # options of this group carry no prefix
NAMES = max(map(len, PRESETS))
RECIPES = "\n".join(
    ["Where all other options of a new run take their defaults from:"]
    + [f"{name:<{NAMES}}  {explained(name)[0]}" for name in PRESETS]
)
"""Each preset on a line of its own, which fits 80 columns."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Train on two folders of pictures, or go on with a training.

    unpaired train horses zebras --out runs/zebra --minutes 60

    unpaired train --resume runs/zebra
    """

    folders: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR_A [DIR_B]", help_behavior_hint="")
    ] = ()
    """DIR_A DIR_B, or one folder that holds trainA and trainB, or the one folder of another --layout. In place of a
    folder, a single picture. Nothing with --resume."""
    out: Path | None = None
    """Folder of the new run."""
    test_a: Path | None = None
    """Pictures of A to measure with, which are not trained on; testA beside trainA if not given."""
    test_b: Path | None = None
    """Pictures of B to measure with; testB beside trainB if not given."""
    masks_a: Path | None = None
    """Masks of A, white where something is to be translated: a folder of files with the pictures' names; the pictures'
    own, with masks such as horse-mask.png beside horse.jpg; or one file for all."""
    masks_b: Path | None = None
    """Masks of B, for methods that also translate from B to A."""
    resume: Path | None = None
    """Folder of a run to go on with, exactly where it was; or of one of its checkpoints, to go on from there."""
    tensorboard: bool = False
    """Also write losses, measures and grids for TensorBoard, into RUN/tensorboard (the extra `tensorboard`)."""
    preset: Annotated[Preset, tyro.conf.arg(metavar="NAME", help=RECIPES, help_behavior_hint="")] = "fast"
    method: MethodName = "cyclegan"
    """Which method learns the translation."""
    training: Annotated[TrainingConfig, FLAT] = field(default_factory=TrainingConfig)
    data: Annotated[DataConfig, FLAT] = field(default_factory=DataConfig)
    loss: Annotated[LossConfig, FLAT] = field(default_factory=LossConfig)
    optimizer: Annotated[OptimizerConfig, FLAT] = field(default_factory=OptimizerConfig)
    nce: NceConfig = field(default_factory=NceConfig)
    pix2pix: Pix2PixConfig = field(default_factory=Pix2PixConfig)
    perceptual: PerceptualConfig = field(default_factory=PerceptualConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)

    def config(self) -> Config:
        return Config(**{f.name: getattr(self, f.name) for f in fields(Config)})


def main(arguments: list[str]) -> None:
    console = rank_console()
    with joined() as ranks:
        # Every rank reads the same words; what a person should know is said once.
        with ranks.together():
            preset, path = _value(arguments, "--preset"), _value(arguments, "--resume")
            _swapped(preset, _value(arguments, "--method"))
            # The preset, or the run to go on with, has to be known before the other options' defaults are.
            base = PRESETS.get(preset or "fast", fast)() if path is None else _recorded(Path(path)).config
            default = Arguments(**{f.name: getattr(base, f.name) for f in fields(Config)})
            told = parsed(arguments, Arguments, "train", default=default, speak=ranks.first)
            refuse(_refusals(told, preset))
        if told.resume is None:
            _start(told, ranks, console)
        else:
            plan = [name for name in ("images", "minutes", "passes") if _value(arguments, f"--{name}") is not None]
            _resume(told, plan, told.resume, ranks, console)


def _swapped(preset: str | None, method: str | None) -> None:
    """Raise `UserError` for the name of a recipe where a method is asked for, and the other way round: both are few
    words, and some are the same.
    """
    methods = get_args(MethodName)
    if method in PRESETS and method not in methods:
        raise UserError(f"{method} is no method but a recipe: give --preset {method}.")
    if preset in methods and preset not in PRESETS:
        raise UserError(f"{preset} is no recipe but a method: give --method {preset}.")


def _refusals(told: Arguments, preset: str | None) -> Iterator[tuple[object, str]]:
    """What does not go together, and the sentence about it. `preset` is the one that was typed, if any."""
    goes_on = told.resume is not None
    folders = (told.folders, told.out, told.test_a, told.test_b, told.masks_a, told.masks_b)
    yield (
        goes_on and any(folders),
        "--resume takes its folders from the run: leave out DIR_A, DIR_B, --out, --test-a, --test-b, --masks-a and "
        "--masks-b.",
    )
    yield goes_on and preset is not None, "--resume takes its options from the run: leave out --preset."
    yield (
        not goes_on and not 1 <= len(told.folders) <= 2,
        "Name two folders of pictures, DIR_A and DIR_B, or one that holds trainA and trainB.",
    )
    yield not goes_on and told.out is None, "Name the folder of the new run with --out."


def _start(told: Arguments, ranks: Ranks, console: Console) -> None:
    assert told.out is not None
    dir_a, dir_b = (*told.folders, None)[:2]
    assert dir_a is not None
    with ranks.together():
        folders = find_folders(
            dir_a, dir_b, told.data.layout,
            test_a=told.test_a, test_b=told.test_b, masks_a=told.masks_a, masks_b=told.masks_b,
        )  # fmt: skip
    with Display(told.out, console) as display:
        listeners = [display, *_more(told, told.out)]
        session = begin(told.config(), folders, told.out, ranks=ranks, listeners=listeners, preset=told.preset)
        finish(session, loop.train(session), console)


def _resume(told: Arguments, plan: list[str], path: Path, ranks: Ranks, console: Console) -> None:
    config = told.config()
    if plan:  # it replaces the earlier one: a longer plan in minutes must not end at the images of the old one
        left_out = {name: None for name in ("images", "minutes") if name not in plan}
        config = replace(config, training=replace(config.training, **left_out))
    run = checkpoints.located(path)[0]
    with Display(run, console) as display:
        session = resume(path, ranks=ranks, change=lambda _: config, listeners=[display, *_more(told, run)])
        finish(session, loop.train(session), console)


def _more(told: Arguments, run: Path) -> list[Listener]:
    """Listeners beside the terminal."""
    return [TensorBoard(run)] if told.tensorboard else []


def _recorded(path: Path) -> RunRecord:
    return RunRecord.read(checkpoints.located(path)[0])


def finish(session: Session, ending: loop.Ending, console: Console) -> None:
    """Write the report and say what is there and how to go on."""
    if not session.ranks.first:
        return
    run, images, plan = shlex.quote(str(session.run)), session.clock.images, session.config.training
    page = write_report(session.run)
    if ending == "interrupted":
        raise Interrupted(f"Stopped at {images:,} images; nothing is lost. Go on with: unpaired train --resume {run}")
    console.print(f"Trained on {counted(images, 'image')} of each domain. Report: {page}")
    for event in session.course.evaluations[-1:]:
        for sentence in Evaluation.from_dict(event["result"]).distances():
            console.print(sentence)
    direction = " --direction a2b" if len(session.engine.method.translators) > 1 else ""
    console.print(f"Translate:  unpaired translate {run} PICTURES --out OUT{direction}")
    console.print(f"Go on with: unpaired train --resume {run} {twice(plan.minutes, plan.images, images)}")


def rank_console() -> Console:
    """A console that speaks in the first process only."""
    return Console(highlight=False, soft_wrap=True, quiet=not speaks())


def _value(arguments: list[str], option: str) -> str | None:
    """What `--option VALUE` or `--option=VALUE` says, before the arguments are parsed."""
    for i, argument in enumerate(arguments):
        if argument == option and i + 1 < len(arguments):
            return arguments[i + 1]
        if argument.startswith(f"{option}="):
            return argument.partition("=")[2]
    return None
