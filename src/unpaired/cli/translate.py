"""`unpaired translate`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro
from rich.console import Console

from unpaired.cli import speaks
from unpaired.cli.doubts import warn_of_unusual, write_attention, write_changes
from unpaired.cli.options import parsed, refuse
from unpaired.cli.progress import progress
from unpaired.compute.device import Precision
from unpaired.compute.ranks import joined
from unpaired.config import Direction
from unpaired.data import passed_over
from unpaired.data.pixels import let_in
from unpaired.text import counted
from unpaired.translation.batch import BatchReport, translate_files
from unpaired.translation.outcome import MANIFEST, Status
from unpaired.translation.ray import translate_on_ray
from unpaired.translation.translator import Translator
from unpaired.translation.video import is_film, translate_film

NAMED = 20  # files named one by one; all are in the manifest
HALVES = (
    "This run learnt from files that show A beside B. Pictures are translated whole: of such files, cut one half off."
)


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Translate pictures, folders of pictures, and films, with a trained run.

    unpaired translate runs/zebra horses/*.jpg --out zebras --direction a2b

    unpaired translate runs/zebra horses.mp4 --out zebras.mp4 --direction a2b
    """

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """A run, or one of its checkpoints."""
    inputs: Annotated[
        tuple[str, ...],
        tyro.conf.Positional,
        tyro.conf.arg(metavar="INPUT [INPUT …]", help_behavior_hint="(required)"),
    ]
    """Pictures, and folders of which everything below is translated; or one film, also by an address such as
    rtsp://camera/live. With --engine ray also addresses of pictures, such as s3://bucket/folder."""
    out: str
    """Folder for the translations, which keep their names, formats and sizes. What is done there is not done again:
    after an interruption, the same command goes on. Of a film: the film to write, or pictures such as
    frames/%05d.png."""
    direction: Direction | None = None
    """a2b or b2a; need not be named where the run translates in one direction only."""
    checkpoint: Literal["best", "latest"] | None = None
    """Which checkpoint of a run: the best where one was marked, else the latest."""
    batch: int | None = None
    """Pictures of one size that go through the network together; chosen by their size if not given."""
    overwrite: bool = False
    """Replace what is there already, and make anew what was done before; repeated after an interruption, it goes on. An
    input is never replaced."""
    format: str | None = None
    """File name ending, such as tif, of a format other than the inputs': where the other domain has bands or values
    that they can't hold."""
    masks: Path | None = None
    """Masks of the pictures: what is black in them stays as it is, what is white is translated. A folder of files with
    the pictures' names; the pictures' own, with masks such as horse-mask.png beside horse.jpg; or one file for all."""
    trust: bool = True
    """Say which inputs are unlike the training pictures, so that their translations may mean nothing. The first time
    for a run, some hundreds of its training pictures are looked at; what is found is kept beside the run. Not for
    addresses."""
    changes: Path | None = None
    """Folder for a map of each translation: dark where nothing was changed, bright where much was."""
    attention: Path | None = None
    """Folder for the map of attention of each translation (of a run with --generator.attention): black where the input
    was left as it is, white where all was painted anew."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Precision = "auto"
    """auto: bfloat16 where the hardware multiplies it, else float32 by whichever convolution is faster. float32: exact
    to 1e-5, and slower; to compare with other programs."""
    draw: int = 0
    """Of a run whose generator has noise (--generator.kind pyramid, or --generator.noise): which noise, 0 to 999. Each
    gives other translations, and the same again."""
    max_memory: str | None = None
    """Memory to take, such as 3GB: a picture that needs more is translated a band of rows at a time, with the same
    result; most of what is free if not given."""
    max_megapixels: float | None = None
    """Pictures with more million pixels are refused, as made to harm: 178 if not given. Streamed TIFFs may have any."""
    fps: float | None = None
    """Make a film of a folder of pictures, in the order of their names: so many in a second."""
    smooth: float = 0.0
    """Of a film: how strongly what stands still in it is held still in its translation, from 0 (not at all) to below 1.
    It lowers flicker; 0.8 is a good beginning."""
    seconds: float | None = None
    """Of a film: how much of it. Streams (rtsp://…) and cameras (/dev/video0) have no end and need it."""
    engine: Literal["local", "ray"] = "local"
    """This process (or those of torchrun); or the workers of a Ray cluster, that of $RAY_ADDRESS or this machine."""
    workers: int | None = None
    """Of --engine ray: as many as there are GPUs, or one for two CPUs, if not given."""


def main(arguments: list[str]) -> None:
    with joined() as ranks:
        with ranks.together():
            told = parsed(arguments, Arguments, "translate", speak=ranks.first)
            far = next((path for path in [*told.inputs, told.out] if "://" in path), None)
            filmed = "://" not in told.out and is_film(told.inputs, Path(told.out))
            refuse(_refusals(told, far, filmed=filmed, torchrun=ranks.world > 1))
            if told.max_megapixels is not None:
                let_in(told.max_megapixels)
        console = Console(stderr=True, highlight=False, quiet=not speaks())
        if filmed:
            film(told, console)
            return
        translator = None
        if told.engine == "local":
            with ranks.together():
                translator = _translator(told)
                if told.attention is not None:
                    translator.attention()  # refuses before anything is written where there is none
        with progress(console, "translating") as done:
            if translator is None:
                report = _with_ray(told, done)
            else:
                report = translate_files(
                    translator, [Path(path) for path in told.inputs], told.out, batch=told.batch,
                    overwrite=told.overwrite, ranks=ranks, progress=done, format=told.format, masks=told.masks,
                )  # fmt: skip
        if ranks.first:
            tell(report, console)
            if translator is not None and translator.config.data.layout == "side-by-side":
                console.print(HALVES, soft_wrap=True)
            if told.changes is not None:
                write_changes(report, told.inputs, told.changes, console)
            if told.attention is not None and translator is not None:
                write_attention(report, told.inputs, translator, told.attention, console)
            if told.trust and report.translated and not far:
                warn_of_unusual(report, told.run, report.direction, console)
    if report.failures:
        sys.exit(1)


def _refusals(told: Arguments, far: str | None, *, filmed: bool, torchrun: bool) -> Iterator[tuple[object, str]]:
    """What does not go together, and the sentence about it. `far` is the first address among inputs and output."""
    ray = told.engine == "ray"
    film_too = "" if far == told.out else ", or for a film or stream an --out that names a film, such as film.mp4"
    yield not told.inputs, "Name pictures or folders to translate."
    yield far and not ray and not filmed, f"{far} is an address: give --engine ray{film_too}."
    yield far and told.changes, f"{far} is an address: --changes is for files of this machine."
    yield ray and told.attention, "--attention is for --engine local."
    yield ray and told.masks, "--masks is for --engine local."
    yield ray and told.precision != "auto", "--precision is for --engine local."
    yield ray and told.draw, "--draw is for --engine local."
    yield ray and told.max_megapixels is not None, "--max-megapixels is for --engine local."
    yield ray and told.format, "--format is not known to --engine ray: leave one of them out."
    yield ray and torchrun and not filmed, "--engine ray starts workers itself: leave out torchrun."
    yield (
        not ray and told.workers is not None,
        "--workers is for --engine ray; torchrun starts processes of this engine.",
    )
    yield (
        filmed and (torchrun or ray),
        "A film is translated by one process: leave out torchrun and --engine.",
    )
    yield (
        filmed and (told.masks or told.attention),
        "--masks and --attention are for pictures: name a folder of frames, and one for --out.",
    )
    yield (
        filmed and len(told.inputs) > 1,
        "Films are translated one by one: name one film, or one folder of its frames.",
    )
    yield (
        not filmed and (told.fps or told.smooth or told.seconds is not None),
        "--fps, --smooth and --seconds are for films: name one to write, such as --out film.mp4.",
    )


def _with_ray(told: Arguments, done: Callable[[int, int], None]) -> BatchReport:
    return translate_on_ray(
        told.run, told.inputs, told.out, told.direction, checkpoint=told.checkpoint, device=told.device,
        batch=told.batch, max_memory=told.max_memory, overwrite=told.overwrite, workers=told.workers, progress=done,
    )  # fmt: skip


def _translator(told: Arguments) -> Translator:
    return Translator.load(
        told.run, direction=told.direction, checkpoint=told.checkpoint, device=told.device, precision=told.precision,
        max_memory=told.max_memory, draw=told.draw,
    )  # fmt: skip


def film(told: Arguments, console: Console) -> None:
    """Translate the one film among the inputs."""
    [source] = told.inputs
    translator = _translator(told)
    with progress(console, "translating", of="frames") as done:
        report = translate_film(
            translator, source, Path(told.out), fps=told.fps, smooth=told.smooth, seconds=told.seconds,
            overwrite=told.overwrite, progress=done,
        )  # fmt: skip
    for note in report.notes:
        console.print(f"Of {source}, {note}.", soft_wrap=True, markup=False)
    print(f"{counted(report.frames, 'frame')} translated into {report.out}.")
    if report.cut:
        console.print(f"{source} {report.cut}: what there is was translated.", soft_wrap=True, markup=False)
        sys.exit(1)


def tell(report: BatchReport, console: Console) -> None:
    """The files that were not translated, and a sentence on all of them."""
    counts: dict[Status, int] = {"skipped": report.passed_over, "failed": report.failures}
    for status, count in counts.items():
        outcomes = ((told.input, told.why) for told in (report.outcomes(status) if count else ()))
        where = f": {_where(report)} says why"
        for line in passed_over.tell(outcomes, status.capitalize(), named=NAMED, where=where):
            console.print(line, soft_wrap=True, markup=False)
    for note, count in report.notes.items():
        console.print(f"Of {counted(count, 'file')}, {note}.", soft_wrap=True, markup=False)
    if report.unrecorded:
        lost = f"{_where(report)} had no space for {len(report.unrecorded):,} of these lines."
        console.print(lost, soft_wrap=True, markup=False)
    kept = f"{report.kept:,} were done before, " if report.kept else ""
    print(
        f"{report.translated:,} translated into {report.place}, {kept}"
        f"{report.passed_over:,} skipped, {report.failures:,} failed."
    )


def _where(report: BatchReport) -> str:
    return f"{report.place.rstrip('/')}/{MANIFEST}"
