"""How good a training is on pictures that it has not seen, and which checkpoint is the best so far."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.config import Config, Direction, Domain
from unpaired.data.discover import Discovery
from unpaired.data.layout import pairs_by_name
from unpaired.errors import UserError
from unpaired.evaluation import measure
from unpaired.evaluation.distances import MINIMUM
from unpaired.evaluation.features import FeatureExtractor, Features, LiteExtractor, Picture, Pictures
from unpaired.evaluation.measure import Evaluation
from unpaired.evaluation.measures import Kid, Measure, TruePairs
from unpaired.evaluation.run import networks_seen, read_pages, showing
from unpaired.training.engine import Engine
from unpaired.training.preview import translate

PAGES = 8
"""Of a file with many, so many are measured."""
AT_ONCE = 8  # pictures that are translated together


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judge found."""

    result: Evaluation
    value: float
    """KID, the mean of the directions: lower is better."""
    spread: float
    """Standard deviation of `value`, of half as many pictures."""


class Judge:
    """Measures translations of held-out pictures as `unpaired evaluate` would, with the weights that translate.

    Checkpoints are compared by their KID: no discriminator looked through its network, so none can have been pleased.
    Files of one name in both domains are taken for true pairs.
    """

    def __init__(self, held_out: Mapping[str, Discovery], config: Config, engine: Engine) -> None:
        self.config, self.engine = config, engine
        a, b = _readable(held_out["a"], config, "a"), _readable(held_out["b"], config, "b")
        self.a, self.b = [p for pages in a.values() for p in pages], [p for pages in b.values() for p in pages]
        self.pairs: list[tuple[int, int]] = []
        with suppress(UserError):  # whoever has two files of one name has no pairs
            self.pairs = pairs_by_name(held_out["a"].folder, list(a), held_out["b"].folder, list(b))
        if len(self.a) > len(a) or len(self.b) > len(b):  # files of several pages are no pairs of pictures
            self.pairs = []
        batch = 64 if engine.device.type == "cuda" else 4
        self.shown = showing(config, {"a": self.a, "b": self.b})
        seen = [
            picture
            for domain, pictures in (("a", self.a), ("b", self.b))
            for picture in (self.shown[domain](pictures) if domain in self.shown else pictures)
        ]
        self._look = _Once(LiteExtractor(device=engine.device, batch=batch), seen)

    @property
    def able(self) -> bool:
        """Whether enough pictures can be read."""
        return min(len(self.a), len(self.b)) >= MINIMUM

    @property
    def measure(self) -> str:
        """What values are, and what they must share to be compared."""
        return f"KID ({self._look.name}) of {min(len(self.a), len(self.b))} pictures"

    @property
    def digest(self) -> str:
        """A hash of the held-out pictures: equal ones make measurements of several trainings comparable."""
        pictures = b"".join(picture.tobytes() for picture in (*self.a, *self.b))
        return hashlib.blake2b(pictures, digest_size=20).hexdigest()

    def __call__(self) -> Verdict:
        """Look at the weights as they are. It draws no random number that training draws."""
        results = [self._measured(direction) for direction in self.engine.method.translators]
        result = replace(results[0], directions={d: scores for r in results for d, scores in r.directions.items()})
        kids = [
            score
            for scores in result.directions.values()
            for name, score in scores.measures.items()
            if name.startswith("KID")
        ]
        spread = math.hypot(*(kid.spread or 0.0 for kid in kids)) / len(kids)
        return Verdict(result, fmean(kid.translator for kid in kids), spread)

    def _measured(self, direction: Direction) -> Evaluation:
        # What is worth its time again and again; `unpaired evaluate` has more.
        measures: list[Measure] = [Kid(), TruePairs()] if self.pairs else [Kid()]
        # A direction by itself: the way back, which `evaluate` would go where it knows both, costs as much again.
        return measure.evaluate(
            {direction: lambda pictures: self._translate(pictures, direction)}, self.a, self.b,
            pairs=self.pairs, extractor=self._look, networks_seen=networks_seen(self.config), measures=measures,
            shown=self.shown,
        )  # fmt: skip

    def _translate(self, pictures: Sequence[NDArray[Any]], direction: Direction) -> list[NDArray[Any]]:
        network = self.engine.translators()[self.engine.method.translators[direction]]
        inputs, outputs = self.config.channels(direction)
        made: list[NDArray[Any]] = []
        for start in range(0, len(pictures), AT_ONCE):
            chosen = [picture[..., :inputs] for picture in pictures[start : start + AT_ONCE]]
            made += translate(network, chosen, self.engine, direction)
        return [np.repeat(p, 3 // outputs, axis=2) if p.dtype == np.uint8 else p for p in made]


class _Once:
    """An extractor that looks at the held-out pictures once for all: only translations change."""

    def __init__(self, extractor: FeatureExtractor, pictures: Sequence[Picture]) -> None:
        self.name, self.network, self.dimension = extractor.name, extractor.network, extractor.dimension
        self._extractor, self._pictures = extractor, pictures
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def __call__(self, pictures: Pictures) -> Features:
        if not self._known:
            rows = self._extractor(self._pictures)
            self._known = {_key(picture): row for picture, row in zip(self._pictures, rows, strict=True)}
        keys = [_key(picture) for picture in pictures]
        new = [picture for picture, key in zip(pictures, keys, strict=True) if key not in self._known]
        rows = iter(self._extractor(new))
        return np.stack([self._known[key] if key in self._known else next(rows) for key in keys])


def _key(picture: Picture) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(picture).tobytes(), digest_size=20).digest()


def _readable(found: Discovery, config: Config, domain: Domain) -> dict[Path, list[NDArray[Any]]]:
    """Those pictures that can be read, by file, of several pages a few. A damaged test picture is no reason not to
    train: `unpaired evaluate` names it.
    """
    pictures: dict[Path, list[NDArray[Any]]] = {}
    for path in found.files:
        with suppress(UserError):
            pictures[path] = read_pages(path, config, domain, most=PAGES)
    return pictures
