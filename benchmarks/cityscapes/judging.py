"""One protocol for all rows: 499 true pairs, label scores both ways, KID, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired import Translator
from unpaired.config import Direction, Domain
from unpaired.data.decode import decode, resized
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.evidence import LabelMaps
from unpaired.evaluation.fcn import Judge
from unpaired.evaluation.features import LiteExtractor
from unpaired.evaluation.measure import evaluate as measured
from unpaired.evaluation.result import DirectionScores
from unpaired.evaluation.run import evaluate
from unpaired.evaluation.shelf import Shelf

Pictures = list[NDArray[np.uint8]]
MEASURES = ("kid", "swd", "labels", "fcn")


def files(folder: Path, limit: int | None, names: set[str] | None = None) -> list[Path]:
    """The pictures of a folder that have a partner in the other, by name."""
    return sorted(p for p in folder.iterdir() if names is None or p.stem in names)[:limit]


def test_pairs(data: Path, limit: int | None) -> tuple[list[Path], list[Path]]:
    """The files of testA and testB that belong together."""
    both = {p.stem for p in files(data / "testA", None)} & {p.stem for p in files(data / "testB", None)}
    return files(data / "testA", limit, both), files(data / "testB", limit, both)


def judge_run(run: Path, data: Path, judge: Judge, *, swapped: bool, limit: int | None) -> dict[str, Any]:
    """Scores of the newest checkpoint. `swapped`: the run's domain A is photos."""
    folders = [data / "testA", data / "testB"]
    labels: Domain = "b" if swapped else "a"
    result = evaluate(
        Translator.load(run, checkpoint="latest"), *(reversed(folders) if swapped else folders),
        paired=True, measures=MEASURES, labels=labels, segmenter=judge, limit=limit,
    )  # fmt: skip
    back: dict[Direction, Direction] = {"a2b": "b2a", "b2a": "a2b"}
    return _scores({back[d] if swapped else d: scores for d, scores in result.directions.items()})


def judge_folders(
    fakes: dict[Direction, Path], data: Path, judge: Judge, side: int, limit: int | None
) -> dict[str, Any]:
    """The same for translations that another program left in folders, under the names of their inputs."""
    files_a, files_b = test_pairs(data, limit)
    a, b = ([resized(decode(p), side, side) for p in paths] for paths in (files_a, files_b))
    maps = Shelf.of(resized(decode(p), side, side, Image.Resampling.NEAREST) for p in files_a)
    eyes = LiteExtractor()
    seen_a, seen_b = Collection(a, eyes), Collection(b, eyes)
    found: dict[Direction, DirectionScores] = {}
    for direction, folder in fakes.items():
        inputs, paths = (a, files_a) if direction == "a2b" else (b, files_b)
        made = {x.tobytes(): decode(folder / f"{p.stem}.png") for x, p in zip(inputs, paths, strict=True)}

        def translate(pictures: Sequence[NDArray[np.uint8]], made: dict[bytes, Any] = made) -> Pictures:
            return [made[np.asarray(p).tobytes()] for p in pictures]

        result = measured(
            {direction: translate}, seen_a, seen_b, pairs=[(i, i) for i in range(len(a))], measures=MEASURES,
            labels=LabelMaps("a", maps), segmenter=judge,
        )  # fmt: skip
        found |= result.directions
    return _scores(found)


def _scores(directions: dict[Direction, DirectionScores]) -> dict[str, Any]:
    """The numbers of a table's row, and its yardsticks: label maps are domain A."""
    row: dict[str, Any] = {}
    for direction, into, suffix in (("a2b", "photos", " (FCN-8s)"), ("b2a", "labels", "")):
        if direction not in directions:
            continue
        scores = directions[direction].measures
        for name in ("per-pixel accuracy", "per-class accuracy", "class IoU"):
            score = scores[name + suffix]
            row[f"{into} {name}"] = score.translator
            row[f"{into} {name}, nothing"] = score.do_nothing
            row[f"{into} {name}, truth"] = score.floor if into == "photos" else 1.0
        kid = next(score for name, score in scores.items() if name.startswith("KID"))
        row |= {f"{into} KID": kid.translator, f"{into} KID, nothing": kid.do_nothing, f"{into} KID, truth": kid.floor}
    return row
