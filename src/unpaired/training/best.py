"""How good a training is on pictures that it has not seen, and which checkpoint is the best so far."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unpaired.config import Config, Direction, Domain, reverse, source, target
from unpaired.data.discover import Discovery
from unpaired.data.layout import pairs_by_name
from unpaired.data.split import MINIMUM
from unpaired.data.tensors import to_float
from unpaired.errors import UserError
from unpaired.evaluation import honesty, measure
from unpaired.evaluation.content import luminance_correlation
from unpaired.evaluation.features import FeatureExtractor, Features, LiteExtractor, Picture, Pictures, Remembering
from unpaired.evaluation.measure import Evaluation
from unpaired.evaluation.measures import Kid, Measure, TruePairs
from unpaired.evaluation.run import networks_seen, read_pages, showing
from unpaired.evaluation.trust import Trust
from unpaired.training import watches
from unpaired.training.engine import Engine
from unpaired.training.gallery import Ranked, extremes, nearest
from unpaired.training.preview import evaluating, translate
from unpaired.training.watches import SignName, Signs

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
    signs: Signs
    """Of the usual failures."""
    ranked: dict[Direction, Ranked]
    """The translations, from best to worst."""


class Judge:
    """Measures translations of held-out pictures as `unpaired evaluate` would, with the weights that translate.

    Checkpoints are compared by their KID: no discriminator looked through its network, so none can have been pleased.
    Files of one name in both domains are taken for true pairs.
    """

    def __init__(self, held_out: Mapping[str, Discovery], config: Config, engine: Engine) -> None:
        self.config, self.engine = config, engine
        a, b = _readable(held_out["a"], config, "a"), _readable(held_out["b"], config, "b")
        self._files: dict[Domain, dict[Path, list[NDArray[Any]]]] = {"a": a, "b": b}
        self.a, self.b = [p for pages in a.values() for p in pages], [p for pages in b.values() for p in pages]
        self.pairs: list[tuple[int, int]] = []
        with suppress(UserError):  # whoever has two files of one name has no pairs
            self.pairs = pairs_by_name(held_out["a"].folder, list(a), held_out["b"].folder, list(b))
        if len(self.a) > len(a) or len(self.b) > len(b):  # files of several pages are no pairs of pictures
            self.pairs = []
        batch = 64 if engine.device.type == "cuda" else 4
        self.shown = showing(config, {"a": self.a, "b": self.b})
        seen = [*self._visible("a", self.a), *self._visible("b", self.b)]
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

    def __call__(self, terms: Sequence[Mapping[str, float]] = ()) -> Verdict:
        """Look at the weights as they are; `terms` are the losses since the last look.

        It draws no random number that training draws.
        """
        look = Remembering(self._look)
        fakes: dict[Direction, list[NDArray[Any]]] = {
            direction: self._translated(direction, self._of(source(direction)))
            for direction in self.engine.method.translators
        }
        results = [self._measured(direction, made, look) for direction, made in fakes.items()]
        result = replace(results[0], directions={d: scores for r in results for d, scores in r.directions.items()})
        kids = [
            score
            for scores in result.directions.values()
            for name, score in scores.measures.items()
            if name.startswith("KID")
        ]
        spread = math.hypot(*(kid.spread or 0.0 for kid in kids)) / len(kids)
        signs: Signs = {direction: self._signs(direction, made, look, terms) for direction, made in fakes.items()}
        ranked: dict[Direction, Ranked] = {
            direction: self._ranked(direction, made, look) for direction, made in fakes.items()
        }
        return Verdict(result, fmean(kid.translator for kid in kids), spread, signs, ranked)

    def by_trust(self, run: Path) -> dict[Direction, Ranked]:
        """The held-out pictures that are most and least like the training pictures of `run`, and their translations.

        Raises `UserError` where it can't be said what is usual (`Trust.load`).
        """
        found: dict[Direction, Ranked] = {}
        for direction in self.engine.method.translators:
            x, y = source(direction), target(direction)
            percentiles = np.asarray(Trust.load(run, x).percentiles(self._of(x)))
            chosen = extremes(percentiles)
            inputs = [self._of(x)[i] for i in chosen]
            made = self._translated(direction, inputs)
            names = [self._names(x)[i] for i in chosen]
            found[direction] = Ranked(
                self._visible(x, inputs), self._visible(y, made), None, names, percentiles[chosen], "percentile"
            )
        return found

    def _measured(self, direction: Direction, fakes: list[NDArray[Any]], look: Remembering) -> Evaluation:
        # What is worth its time again and again; `unpaired evaluate` has more.
        measures: list[Measure] = [Kid(), TruePairs()] if self.pairs else [Kid()]
        # A direction by itself: the way back, which `evaluate` would go where it knows both, costs as much again.
        ready = iter(fakes)

        def translated(asked: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
            """Evaluation asks block by block, in order."""
            return list(islice(ready, len(asked)))

        return measure.evaluate(
            {direction: translated}, self.a, self.b, pairs=self.pairs, extractor=look,
            networks_seen=networks_seen(self.config), measures=measures, shown=self.shown,
        )  # fmt: skip

    def _signs(
        self, direction: Direction, fakes: list[NDArray[Any]], look: Remembering, terms: Sequence[Mapping[str, float]]
    ) -> dict[SignName, float]:
        x, y = source(direction), target(direction)
        inputs, made, reals = self._visible(x, self._of(x)), self._visible(y, fakes), self._visible(y, self._of(y))
        signs: dict[SignName, float] = {
            "diversity": watches.diversity(look(made), look(reals)),
            "light": float(luminance_correlation(np.stack(inputs), np.stack(made)).mean()),
            "checkerboard": watches.checkerboard(np.stack(made), np.stack(reals)),
        }
        loss = f"discriminator_{y}"
        if losses := [term[loss] for term in terms if loss in term]:
            signs["draw"] = watches.draw(losses, self.config.loss.adversarial)
        if reverse(direction) in self.engine.method.translators:
            signs["hidden"] = self._hidden(direction)
        return signs

    def _ranked(self, direction: Direction, fakes: list[NDArray[Any]], look: Remembering) -> Ranked:
        """By the distance to the true counterpart, where it is known; else by that to the nearest real picture."""
        x, y = source(direction), target(direction)
        inputs, made, reals = self._visible(x, self._of(x)), self._visible(y, fakes), self._visible(y, self._of(y))
        names = self._names(x)
        if not self.pairs:
            far = nearest(look(made), look(reals))
            return Ranked(inputs, made, None, names, far, "distance to the nearest real picture, in features")
        pairs = self.pairs if direction == "a2b" else [(j, i) for i, j in self.pairs]
        inputs, made, truths = [inputs[i] for i, _ in pairs], [made[i] for i, _ in pairs], [reals[j] for _, j in pairs]
        far = np.asarray([np.abs(f / 255 - t / 255).mean() for f, t in zip(made, truths, strict=True)])
        return Ranked(inputs, made, truths, [names[i] for i, _ in pairs], far, "mean distance to the true counterpart")

    def _hidden(self, direction: Direction) -> float:
        """Of a few pictures, there and back, with and without noise on the way."""
        there, back = self._network(direction), self._network(reverse(direction))
        some = np.stack(self._of(source(direction))[:AT_ONCE])[..., : self.config.channels(direction)[0]]
        x = to_float(torch.from_numpy(some.transpose(0, 3, 1, 2)).to(self.engine.device))
        with evaluating(there), evaluating(back):
            return honesty.enlarged(x, there, back)

    def _translated(self, direction: Direction, pictures: list[NDArray[Any]]) -> list[NDArray[Any]]:
        inputs, outputs = self.config.channels(direction)
        made: list[NDArray[Any]] = []
        for start in range(0, len(pictures), AT_ONCE):
            chosen = [picture[..., :inputs] for picture in pictures[start : start + AT_ONCE]]
            made += translate(self._network(direction), chosen, self.engine, direction)
        return [np.repeat(p, 3 // outputs, axis=2) if p.dtype == np.uint8 else p for p in made]

    def _network(self, direction: Direction) -> nn.Module:
        return self.engine.translators()[self.engine.method.translators[direction]]

    def _names(self, domain: Domain) -> list[str]:
        return [path.stem for path, pages in self._files[domain].items() for _ in pages]

    def _of(self, domain: Domain) -> list[NDArray[Any]]:
        return self.a if domain == "a" else self.b

    def _visible(self, domain: Domain, pictures: list[NDArray[Any]]) -> Sequence[Picture]:
        return self.shown[domain](pictures) if domain in self.shown else pictures


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
