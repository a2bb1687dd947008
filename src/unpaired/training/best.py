"""How good a training is on pictures that it has not seen, and which checkpoint is the best so far."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
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
from unpaired.evaluation import honesty
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.content import luminance_correlation
from unpaired.evaluation.evidence import Evidence, Measure
from unpaired.evaluation.features import LiteExtractor, refuse_flattered
from unpaired.evaluation.measure import evaluate_direction
from unpaired.evaluation.measures import Kid, TruePairs
from unpaired.evaluation.pairs import l1
from unpaired.evaluation.pictures import mapped, read_all
from unpaired.evaluation.result import DirectionScores, Evaluation
from unpaired.evaluation.run import networks_seen, read_pages, showing
from unpaired.evaluation.shelf import Shelf
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
        extractor = LiteExtractor(device=engine.device, batch=64 if engine.device.type == "cuda" else 4)
        refuse_flattered(extractor, networks_seen(config))
        files_a, a = _readable(held_out["a"], config, "a")
        files_b, b = _readable(held_out["b"], config, "b")
        shown = showing(config, {"a": a, "b": b})
        self.a = Collection(a, extractor, show=shown.get("a"))
        self.b = Collection(b, extractor, show=shown.get("b"))
        self._names: dict[Domain, list[str]] = {"a": [p.stem for p in files_a], "b": [p.stem for p in files_b]}
        self.pairs: list[tuple[int, int]] = []
        one_page = len({*files_a}) == len(files_a) and len({*files_b}) == len(files_b)
        if one_page:  # files of several pages are no pairs of pictures
            with suppress(UserError):  # whoever has two files of one name has no pairs
                self.pairs = pairs_by_name(held_out["a"].folder, files_a, held_out["b"].folder, files_b)

    @property
    def able(self) -> bool:
        """Whether enough pictures can be read."""
        return min(len(self.a), len(self.b)) >= MINIMUM

    @property
    def measure(self) -> str:
        """What values are, and what they must share to be compared."""
        return f"KID ({self.a.extractor.name}) of {min(len(self.a), len(self.b))} pictures"

    @property
    def digest(self) -> str:
        """A hash of the held-out pictures: equal ones make measurements of several trainings comparable."""
        whole = hashlib.blake2b(digest_size=20)
        for picture in chain(self.a.given, self.b.given):
            whole.update(picture.tobytes())
        return whole.hexdigest()

    def __call__(self, terms: Sequence[Mapping[str, float]] = ()) -> Verdict:
        """Look at the weights as they are; `terms` are the losses since the last look.

        It draws no random number that training draws.
        """
        made: dict[Direction, Evidence] = {d: self._evidence(d) for d in self.engine.method.translators}
        # What is worth its time again and again; `unpaired evaluate` has more.
        measures: list[Measure] = [Kid(), TruePairs()] if self.pairs else [Kid()]
        directions: dict[Direction, DirectionScores] = {
            direction: evaluate_direction(evidence, measures) for direction, evidence in made.items()
        }
        result = Evaluation(extractor=self.a.extractor.name, side=self.a.side, directions=directions)
        kids = [
            score for scores in directions.values() for name, score in scores.measures.items() if name.startswith("KID")
        ]
        spread = math.hypot(*(kid.spread or 0.0 for kid in kids)) / len(kids)
        signs: Signs = {direction: self._signs(evidence, terms) for direction, evidence in made.items()}
        ranked: dict[Direction, Ranked] = {direction: self._ranked(evidence) for direction, evidence in made.items()}
        return Verdict(result, fmean(kid.translator for kid in kids), spread, signs, ranked)

    def by_trust(self, run: Path) -> dict[Direction, Ranked]:
        """The held-out pictures that are most and least like the training pictures of `run`, and their translations.

        Raises `UserError` where it can't be said what is usual (`Trust.load`).
        """
        found: dict[Direction, Ranked] = {}
        for direction in self.engine.method.translators:
            domain = source(direction)
            percentiles = np.asarray(Trust.load(run, domain).percentiles(self._of(domain).given))
            chosen = extremes(percentiles)
            inputs = self._of(domain).given.part(chosen)
            made = self._of(target(direction)).like(mapped(inputs, partial(self._translated, direction)))
            names = [self._names[domain][i] for i in chosen]
            found[direction] = Ranked(
                self._of(domain).part(chosen), made, None, names, percentiles[chosen], "percentile"
            )
        return found

    def _evidence(self, direction: Direction) -> Evidence:
        """Without the way back, which costs as much again."""
        inputs, reals = self._of(source(direction)), self._of(target(direction))
        fakes = reals.like(mapped(inputs.given, partial(self._translated, direction)))
        pairs = self.pairs if direction == "a2b" else [(j, i) for i, j in self.pairs]
        return Evidence(direction=direction, inputs=inputs, fakes=fakes, reals=reals, pairs=tuple(pairs))

    def _signs(self, evidence: Evidence, terms: Sequence[Mapping[str, float]]) -> dict[SignName, float]:
        direction, fakes, reals = evidence.direction, evidence.fakes, evidence.reals
        signs: dict[SignName, float] = {
            "diversity": watches.diversity(fakes.features, reals.features),
            "light": float(luminance_correlation(evidence.inputs, fakes).mean()),
            "checkerboard": watches.checkerboard(fakes, reals),
        }
        loss = f"discriminator_{target(direction)}"
        if losses := [term[loss] for term in terms if loss in term]:
            signs["draw"] = watches.draw(losses, self.config.loss.adversarial)
        if reverse(direction) in self.engine.method.translators:
            signs["hidden"] = self._hidden(direction)
        return signs

    def _ranked(self, evidence: Evidence) -> Ranked:
        """By the distance to the true counterpart, where it is known; else by that to the nearest real picture."""
        names, fakes = self._names[source(evidence.direction)], evidence.fakes
        if not evidence.pairs:
            far = nearest(fakes.features, evidence.reals.features)
            by = "distance to the nearest real picture, in features"
            return Ranked(evidence.inputs, fakes, None, names, far, by)
        inputs, fakes, truths = evidence.paired(evidence.inputs), evidence.paired(fakes), evidence.truths()
        names = [names[i] for i, _ in evidence.pairs]
        return Ranked(inputs, fakes, truths, names, l1(fakes, truths), "mean distance to the true counterpart")

    def _hidden(self, direction: Direction) -> float:
        """Of a few pictures, there and back, with and without noise on the way."""
        there, back = self._network(direction), self._network(reverse(direction))
        some = self._of(source(direction)).given[:AT_ONCE][..., : self.config.channels(direction)[0]]
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

    def _of(self, domain: Domain) -> Collection:
        return self.a if domain == "a" else self.b


def _readable(found: Discovery, config: Config, domain: Domain) -> tuple[list[Path], Shelf]:
    """Those pictures that can be read, of several pages a few, and the file of each. A damaged test picture is no
    reason not to train: `unpaired evaluate` names it.
    """
    with suppress(UserError):  # none can be read
        return read_all(found.files, lambda path: read_pages(path, config, domain, most=PAGES), [])
    return [], Shelf.of(())
