"""What `unpaired translate` says beside its translations: which inputs are unusual, what was changed where, and where
attention was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from rich.console import Console

from unpaired import config
from unpaired.config import Direction
from unpaired.data.decode import read_picture, write_picture
from unpaired.data.files import not_written
from unpaired.errors import DiskFull, UserError, reason
from unpaired.evaluation.changes import write_change_map
from unpaired.evaluation.trust import UNUSUAL, Trust, meant
from unpaired.translation import values
from unpaired.translation.batch import BatchReport
from unpaired.translation.translator import Translator

MOST_LOOKED_AT = 1000
"""Pictures of one call that are looked at: the first ones."""
NAMED = 10


def warn_of_unusual(report: BatchReport, run: Path, direction: Direction, console: Console) -> None:
    """Name the inputs that lie farther from the training pictures than nearly all of these from each other.

    They are read a second time: ranks and workers of Ray do not share what they decoded, and of a long call most
    inputs are gone from memory by then.
    """
    unusual: list[tuple[float, str]] = []
    looked = 0
    try:
        with console.status("") as status:
            trust = Trust.load(run, config.source(direction), tell=status.update)
            for outcome in islice(report.outcomes("translated"), MOST_LOOKED_AT):
                try:
                    percentile = trust(outcome.input)
                except UserError:  # it was translated, as a film or a stack, but is no single 8-bit picture
                    continue
                looked += 1
                if percentile >= UNUSUAL:
                    unusual.append((percentile, outcome.input))
    except UserError as error:
        console.print(f"Whether these pictures are unusual for this run can't be said: {error}", soft_wrap=True)
        return
    for percentile, path in unusual[:NAMED]:
        console.print(
            f"Unusual: {path} is farther from the training pictures than {percentile:.0f} % of them are from each "
            "other; mind its translation.", soft_wrap=True, markup=False,
        )  # fmt: skip
    if len(unusual) > NAMED:
        console.print(f"Unusual: {len(unusual) - NAMED:,} more of {looked:,} looked at.", soft_wrap=True)
    if 2 * len(unusual) > looked and (other := meant(run, direction, [path for _, path in unusual[:NAMED]])):
        domain = config.source(other).upper()
        console.print(f"They are like the training pictures of {domain}: was --direction {other} meant?")


def write_changes(report: BatchReport, inputs: Sequence[str], folder: Path, console: Console) -> None:
    """A map of what was changed for every translation of `inputs`, in `folder`, under the translation's name.

    Raises `DiskFull`.
    """
    _write_maps(report, inputs, folder, "what was changed", write_change_map, console)


def write_attention(
    report: BatchReport, inputs: Sequence[str], translator: Translator, folder: Path, console: Console
) -> None:
    """A map of where each translation of `inputs` was painted anew, in `folder`, under the translation's name: what
    --masks takes. Raises `UserError` where the generator learnt none, and `DiskFull`.
    """
    maps = translator.attention(report.direction)

    def write(source: Path, _: Path, target: Path) -> None:
        (made,) = values.translated(maps, [read_picture(source, axis=maps.config.data.axis)], report.direction)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_written(target, error) from error
        write_picture(made.pages, made, target)

    _write_maps(report, inputs, folder, "attention", write, console)


def _write_maps(
    report: BatchReport, inputs: Sequence[str], folder: Path, what: str, write: Callable[[Path, Path, Path], None],
    console: Console,
) -> None:  # fmt: skip
    """`write` takes an input, its translation, and where its map goes. Translations that were kept have theirs made,
    too: the call that made them may have been stopped before its maps, or was not asked for any.
    """
    written = 0
    for outcome in report.done(inputs):
        assert outcome.output is not None
        source = Path(outcome.input)
        try:
            write(source, report.manifest.parent / outcome.output, (folder / outcome.output).with_suffix(".png"))
            written += 1
        except DiskFull:
            raise
        except UserError as error:
            console.print(f"No map of {source}: {reason(error, source)}", soft_wrap=True, markup=False)
    console.print(f"{written:,} maps of {what} in {folder}", soft_wrap=True, markup=False)
