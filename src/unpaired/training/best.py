"""How good a training is on pictures that it has not seen, and which checkpoint is the best so far."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unpaired.config import Config, Direction, Domain, reverse
from unpaired.data.discover import Discovery
from unpaired.data.layout import pairs_by_name
from unpaired.errors import UserError
from unpaired.evaluation import measure
from unpaired.evaluation.distances import MINIMUM
from unpaired.evaluation.features import FeatureExtractor, Features, LiteExtractor, Picture, Pictures, to_tensor
from unpaired.evaluation.measure import Evaluation
from unpaired.evaluation.measures import Kid, Measure, TruePairs
from unpaired.evaluation.run import networks_seen, read
from unpaired.training import watches
from unpaired.training.engine import Engine
from unpaired.training.preview import evaluating, translate
from unpaired.training.watches import SignName, Signs

AT_ONCE = 8  # pictures that are translated together
FAINT = 2 / 127.5
"""Standard deviation of noise that nobody sees: 2 of 255 steps."""


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


class Judge:
    """Measures translations of held-out pictures as `unpaired evaluate` would, with the weights that translate.

    Checkpoints are compared by their KID: no discriminator looked through its network, so none can have been pleased.
    Files of one name in both domains are taken for true pairs.
    """

    def __init__(self, held_out: Mapping[str, Discovery], config: Config, engine: Engine) -> None:
        self.config, self.engine = config, engine
        a, b = _readable(held_out["a"], config, "a"), _readable(held_out["b"], config, "b")
        self.a, self.b = list(a.values()), list(b.values())
        self.pairs: list[tuple[int, int]] = []
        with suppress(UserError):  # whoever has two files of one name has no pairs
            self.pairs = pairs_by_name(held_out["a"].folder, list(a), held_out["b"].folder, list(b))
        batch = 64 if engine.device.type == "cuda" else 4
        self._look = _Once(LiteExtractor(device=engine.device, batch=batch), [*self.a, *self.b])

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
        fakes: dict[Direction, list[Picture]] = {
            direction: self._translated(direction) for direction in self.engine.method.translators
        }
        results = [self._measured(direction, made) for direction, made in fakes.items()]
        result = replace(results[0], directions={d: scores for r in results for d, scores in r.directions.items()})
        kids = [
            score
            for scores in result.directions.values()
            for name, score in scores.measures.items()
            if name.startswith("KID")
        ]
        spread = math.hypot(*(kid.spread or 0.0 for kid in kids)) / len(kids)
        signs = {direction: self._signs(direction, made, terms) for direction, made in fakes.items()}
        return Verdict(result, fmean(kid.translator for kid in kids), spread, signs)

    def _measured(self, direction: Direction, fakes: list[Picture]) -> Evaluation:
        # What is worth its time again and again; `unpaired evaluate` has more.
        measures: list[Measure] = [Kid(), TruePairs()] if self.pairs else [Kid()]
        # A direction by itself: the way back, which `evaluate` would go where it knows both, costs as much again.
        return measure.evaluate(
            {direction: lambda _: fakes}, self.a, self.b, pairs=self.pairs, extractor=self._look,
            networks_seen=networks_seen(self.config), measures=measures,
        )  # fmt: skip

    def _signs(
        self, direction: Direction, fakes: list[Picture], terms: Sequence[Mapping[str, float]]
    ) -> dict[SignName, float]:
        inputs, reals = self._sides(direction)
        made = np.stack(fakes)
        signs: dict[SignName, float] = {
            "diversity": watches.diversity(self._look(fakes), self._look(reals)),
            "light": watches.light(np.stack(inputs), made),
            "checkerboard": watches.checkerboard(made, np.stack(reals)),
        }
        loss = f"discriminator_{'b' if direction == 'a2b' else 'a'}"
        if losses := [term[loss] for term in terms if loss in term]:
            signs["draw"] = watches.draw(losses, self.config.loss.adversarial)
        if reverse(direction) in self.engine.method.translators:
            signs["hidden"] = self._hidden(direction)
        return signs

    @torch.inference_mode()
    def _hidden(self, direction: Direction) -> float:
        """Of a few pictures, there and back, with and without noise on the way."""
        there, back = self._network(direction), self._network(reverse(direction))
        channels = self.config.channels(direction)[0]
        x = to_tensor(np.stack(self._sides(direction)[0][:AT_ONCE]))[:, :channels].to(self.engine.device)
        with evaluating(there), evaluating(back):
            fake = there(x).float()
            noise = np.random.default_rng(0).normal(0, FAINT, fake.shape).astype(np.float32)
            clean, disturbed = (back(f).float() for f in (fake, fake + torch.from_numpy(noise).to(fake.device)))
        return watches.hidden(x.cpu().numpy(), clean.cpu().numpy(), disturbed.cpu().numpy(), noise)

    def _translated(self, direction: Direction) -> list[Picture]:
        pictures, _ = self._sides(direction)
        inputs, outputs = self.config.channels(direction)
        made: list[Picture] = []
        for start in range(0, len(pictures), AT_ONCE):
            chosen = [picture[..., :inputs] for picture in pictures[start : start + AT_ONCE]]
            made += translate(self._network(direction), chosen, self.engine.device)
        return [np.repeat(picture, 3 // outputs, axis=2) for picture in made]

    def _network(self, direction: Direction) -> nn.Module:
        return self.engine.translators()[self.engine.method.translators[direction]]

    def _sides(self, direction: Direction) -> tuple[list[Picture], list[Picture]]:
        """Held-out pictures of the domain that is translated from, and of the one that is translated to."""
        return (self.a, self.b) if direction == "a2b" else (self.b, self.a)


class _Once:
    """An extractor that looks at the held-out pictures once for all: only translations change."""

    def __init__(self, extractor: FeatureExtractor, pictures: Sequence[Picture]) -> None:
        self.name, self.network, self.dimension = extractor.name, extractor.network, extractor.dimension
        self._extractor, self._pictures = extractor, pictures
        self._known: dict[int, NDArray[np.float32]] = {}

    def __call__(self, pictures: Pictures) -> Features:
        if not self._known:
            rows = self._extractor(self._pictures)
            self._known = {id(picture): row for picture, row in zip(self._pictures, rows, strict=True)}
        new = [picture for picture in pictures if id(picture) not in self._known]
        rows = iter(self._extractor(new))
        return np.stack([self._known[id(p)] if id(p) in self._known else next(rows) for p in pictures])


def _readable(found: Discovery, config: Config, domain: Domain) -> dict[Path, Picture]:
    """Those pictures that can be read, by file. A damaged test picture is no reason not to train: `unpaired evaluate`
    names it.
    """
    channels = config.data.channels_a if domain == "a" else config.data.channels_b
    pictures: dict[Path, Picture] = {}
    for path in found.files:
        with suppress(UserError):
            pictures[path] = read(path, config, channels, domain=domain)
    return pictures
