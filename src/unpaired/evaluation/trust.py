"""Can a translation of *this* picture be trusted? How far an input lies from what a run was trained on.

A generator makes something of every picture, also of one that is nothing like its training pictures, and nothing in the
result says so. Here the distance of a picture to its nearest training pictures, in the features of a network (Sun et
al. 2022, "Out-of-distribution detection with deep nearest neighbors", section 3: features of length 1, distance to the
k-th nearest), is compared with the same distance of training pictures that were held out. That gives a percentile: 99
means that 99 % of the training pictures lie nearer to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from unpaired.config import Config, Direction, Domain, reverse, source
from unpaired.data.discover import Discovery
from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.evaluation.features import LiteExtractor
from unpaired.evaluation.pictures import Picture
from unpaired.evaluation.run import read
from unpaired.methods import METHODS
from unpaired.run.checkpoints import located
from unpaired.run.held_out import trained_on
from unpaired.run.record import RunRecord
from unpaired.text import counted
from unpaired.translation.single import WEIGHTS

NEIGHBOURS = 5
MOST = 750
"""Training pictures that are looked at, spread evenly over the folder."""
HELD_OUT = 0.2
"""Share of them by which distances are calibrated."""
FEWEST = 50
"""Training pictures without which a percentile says nothing."""
UNUSUAL = 99.0
"""Percentile from which on a picture is worth a warning."""
SIDE = 128
"""Side in px at which pictures are looked at."""

Array = NDArray[np.float32]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Trust:
    """What one domain of a run looked like in training.

        trust = Trust.load("runs/zebra", "a")
        trust("horse.jpg")  # 12.5: a usual picture; 100.0: farther than every training picture

    `reference` is (N, D) features of length 1, `distances` (M,) those of held-out training pictures, sorted.
    """

    config: Config
    domain: Domain
    reference: Array
    distances: Array
    extractor: LiteExtractor

    @staticmethod
    def load(
        run: str | Path, domain: Domain, *, tell: Callable[[str], None] = lambda _: None,
        progress: Progress = lambda _done, _total: None,
    ) -> Trust:  # fmt: skip
        """Of a domain of a run, or of one of its checkpoints. It is kept in RUN/trust-DOMAIN.safetensors, and made the
        first time from the training folder, without what was held out of the training; that takes a while, `progress`
        is told the number of pictures that were looked at and of all, and may raise to give it up.

        Raises `UserError` where there is no such run, its training pictures are gone, or are fewer than `FEWEST`.
        """
        if Path(run).is_file() or (Path(run) / WEIGHTS).is_file():
            raise UserError(f"{run} holds weights only, and only a run's folder knows its training pictures.")
        home, _ = located(Path(run))
        record = RunRecord.read(home)
        path = home / f"trust-{domain}.safetensors"
        extractor = LiteExtractor(side=SIDE)
        digest = (record.digests or {}).get(domain, "")
        found = _read(path, digest)
        if found is None:
            if record.folders is None:
                raise UserError(f"{home} does not say what it was trained on.")
            files = _chosen(trained_on(record.folders, record.config, domain))
            tell(f"Looking at {len(files)} training pictures, once for all")
            found = _calibrated(_features(extractor, files, record.config, domain, progress))
            _write(path, *found, digest)
        return Trust(record.config, domain, *found, extractor)

    def __call__(self, picture: str | Path | Picture) -> float:
        """Percentile, 0 to 100, of a file or of a uint8 picture (H, W, 3): how many of the training pictures are nearer
        to the others than it is. Raises `UserError` where the file can't be read.
        """
        return self.percentiles([picture])[0]

    def percentiles(self, pictures: Sequence[str | Path | Picture]) -> list[float]:
        """Of several pictures."""
        features = np.concatenate([_features(self.extractor, [p], self.config, self.domain) for p in pictures])
        below = np.searchsorted(self.distances, _distance(features, self.reference), side="left")
        return (100 * below / len(self.distances)).tolist()


def meant(run: str | Path, direction: Direction, paths: Sequence[str | Path]) -> Direction | None:
    """The run's other direction, where most of these files are usual pictures of what that one translates; else None,
    as where there is no other direction, or nothing can be said of its pictures.
    """
    other = reverse(direction)
    try:
        if other not in METHODS[RunRecord.read(located(Path(run))[0]).config.method].translators:
            return None
        usual = sum(p < UNUSUAL for p in Trust.load(run, source(other)).percentiles(paths))
    except UserError:
        return None
    return other if 2 * usual > len(paths) else None


def _chosen(found: Discovery) -> list[Path]:
    files = found.files
    if len(files) < FEWEST:
        raise UserError(
            f"{found.folder} holds {counted(len(files), 'training picture')}: at least {FEWEST} are needed to say "
            "what is unusual among them."
        )
    return [files[i] for i in np.unique(np.linspace(0, len(files) - 1, min(len(files), MOST)).round().astype(int))]


def _features(
    extractor: LiteExtractor, pictures: Sequence[str | Path | Picture], config: Config, domain: Domain,
    progress: Progress = lambda _done, _total: None,
) -> Array:  # fmt: skip
    """(N, D) of length 1. Of files that can't be read, training pictures as others, `UserError`."""
    channels = config.data.channels_a if domain == "a" else config.data.channels_b
    rows: list[Array] = []
    for done, given in enumerate(pictures):
        progress(done, len(pictures))
        picture = given if isinstance(given, np.ndarray) else read(Path(given), config, channels, domain=domain)
        if picture.dtype != np.uint8 or picture.shape[2] != 3:
            raise UserError(f"{given} is not a picture of 8 bits, and only of such is known what is unusual.")
        rows.append(extractor([picture]))
    features = np.concatenate(rows)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-9)


def _calibrated(features: Array) -> tuple[Array, Array]:
    """A reference, and the sorted distances of the part that was held out of it."""
    order = np.random.default_rng(0).permutation(len(features))
    held = max(10, round(HELD_OUT * len(features)))
    reference, others = features[order[held:]], features[order[:held]]
    return reference, np.sort(_distance(others, reference)).astype(np.float32)


def _distance(features: Array, reference: Array) -> Array:
    """(N,): to the k-th nearest of the reference."""
    squared = 2 - 2 * features.astype(np.float64) @ reference.T.astype(np.float64)
    k = min(NEIGHBOURS, len(reference)) - 1
    return np.sqrt(np.partition(squared, k, axis=1)[:, k].clip(min=0)).astype(np.float32)


def _write(path: Path, reference: Array, distances: Array, digest: str) -> None:
    content = safetensors.numpy.save({"reference": reference, "distances": distances}, {"trained_on": digest})
    with suppress(OSError), replacing(path) as file:  # a run that can't be written to is looked at anew each time
        file.write(content)


def _read(path: Path, digest: str) -> tuple[Array, Array] | None:
    """What `_write` kept of the same training pictures; None where nothing of use is there: it can be made anew."""
    try:
        with safe_open(path, "numpy") as file:  # pyright: ignore[reportUnknownVariableType]
            known: dict[str, str] = file.metadata() or {}  # pyright: ignore
        arrays = safetensors.numpy.load_file(path)
    except (OSError, SafetensorError):
        return None
    if known.get("trained_on") != digest or arrays.keys() != {"reference", "distances"}:
        return None
    return arrays["reference"], arrays["distances"]
