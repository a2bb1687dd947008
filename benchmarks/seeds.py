"""What benchmarks share that train a row with several seeds."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import unpaired
from unpaired.config import Config, Direction
from unpaired.run import checkpoint, checkpoints

Picture = NDArray[np.uint8]
Found = dict[str, float]
"""Named values of one training."""


def command(doc: str | None, rows: Iterable[str]) -> argparse.ArgumentParser:
    """What each of these benchmarks may be told."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="*", default=list(rows), choices=list(rows))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    return parser


def found_before(path: Path) -> dict[str, dict[str, Found]]:
    """By row and seed, what an earlier call left."""
    return json.loads(path.read_text()) if path.exists() else {}


def tell(results: Mapping[str, Mapping[str, Found]], out: Path) -> None:
    """Print the table, and keep it."""
    text = table({name: list(runs.values()) for name, runs in results.items()})
    (out / "table.md").write_text(text)
    print(text)


def generator(**values: Any) -> Callable[[Config], Config]:
    """A row with another generator."""
    return lambda config: replace(config, generator=replace(config.generator, **values))


def discriminator(**values: Any) -> Callable[[Config], Config]:
    """A row with other discriminators."""
    return lambda config: replace(config, discriminator=replace(config.discriminator, **values))


def method(name: str) -> Callable[[Config], Config]:
    """A row with another method."""
    return lambda config: replace(config, method=name)


def trained(config: Config, a: Path, b: Path, run: Path, *, images: int, seed: int) -> Path:
    """A run on all of two folders, or two pictures, that saw so many images; one that was begun goes on."""
    if checkpoints.latest(run) is not None:
        unpaired.resume(run, images=images)
    else:
        shutil.rmtree(run, ignore_errors=True)  # of one that was killed before its first checkpoint nothing is left
        training = replace(config.training, seed=seed, images=images, minutes=None, held_out=0, preview_minutes=1e6)
        unpaired.train(a, b, out=run, config=replace(config, training=training))
    newest = checkpoints.latest(run)
    if newest is None or checkpoint.read(newest).manifest.images < images:
        sys.exit(f"{run} was stopped before {images} images: type the command again.")
    return run


def translated(run: Path, direction: Direction, pictures: Sequence[Picture]) -> list[Picture]:
    """What the newest weights of a run make of pictures."""
    return unpaired.Translator.load(run, direction=direction, checkpoint="latest").translate_arrays(pictures)


def table(rows: Mapping[str, Sequence[Mapping[str, float]]]) -> str:
    """Markdown: a line for each row, which holds the same named values of each seed; NaN is left blank."""
    names = list(next(iter(rows.values()))[0])
    lines = [f"| | {' | '.join(names)} | seeds |", "|---" * (len(names) + 2) + "|"]
    for row, runs in rows.items():
        lines.append(f"| {row} | {' | '.join(spread([run[name] for run in runs]) for name in names)} | {len(runs)} |")
    return "\n".join(lines) + "\n"


def spread(values: Sequence[float]) -> str:
    """The mean, ± the standard deviation where there are several."""
    mean = statistics.fmean(values)
    if math.isnan(mean):
        return ""
    digits = 0 if mean > 100 else 1 if mean > 5 else 4
    return f"{mean:,.{digits}f}" + (f" ± {statistics.stdev(values):,.{digits}f}" if len(values) > 1 else "")
