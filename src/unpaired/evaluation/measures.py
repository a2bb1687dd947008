"""The measures: plugins that turn evidence into named numbers, each beside its yardsticks.

Two yardsticks give a number its meaning: "do nothing" (the untranslated inputs in the translations' place)
and "floor" (two halves of the real domain against each other: as good as a perfect translator could look).

A measure yields (name, `Score`) pairs from an `Evidence`, or says why the data does not allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from unpaired.config import Direction
from unpaired.evaluation import distances, labels, pairs
from unpaired.evaluation.features import FeatureExtractor, Picture, Pictures
from unpaired.evaluation.swd import swd


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known about one direction. All pictures have one size."""

    direction: Direction
    inputs: Sequence[Picture]
    """Held-out pictures of the domain that is translated from."""
    fakes: Sequence[Picture]
    """Their translations, in the same order."""
    reals: Sequence[Picture]
    """Held-out pictures of the domain that is translated to."""
    extractor: FeatureExtractor
    reconstructions: Sequence[Picture] | None = None
    """The fakes translated back, where both directions exist."""
    pairs: Sequence[tuple[int, int]] = ()
    """(index of an input and its fake, index of its true counterpart among the reals)."""

    def halves(self) -> tuple[list[Picture], list[Picture]]:
        """Two random halves of the reals; the same ones each time."""
        order = np.random.default_rng(0).permutation(len(self.reals))
        middle = len(order) // 2
        return [self.reals[i] for i in order[:middle]], [self.reals[i] for i in order[middle:]]

    def paired(self, pictures: Sequence[Picture]) -> list[Picture]:
        """Those of `inputs` or `fakes` that have a true counterpart."""
        return [pictures[i] for i, _ in self.pairs]

    def truths(self) -> list[Picture]:
        """The true counterparts, in the order of `paired`."""
        return [self.reals[j] for _, j in self.pairs]


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One number with its yardsticks; None where a yardstick means nothing or cannot be had."""

    translator: float
    do_nothing: float | None = None
    floor: float | None = None
    spread: float | None = None
    """Standard deviation of the translator's number, where it was estimated."""
    better: Literal["lower", "higher"] = "lower"
    note: str = ""


class Measure(Protocol):
    """A plugin. `missing` says in a sentence why this evidence does not allow it, or gives None."""

    def missing(self, evidence: Evidence) -> str | None: ...

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]: ...


def _too_few(evidence: Evidence, what: str) -> str | None:
    count = min(len(evidence.fakes), len(evidence.reals))
    if count >= distances.MINIMUM:
        return None
    return f"{what} needs at least {distances.MINIMUM} pictures in each folder, but one has {count}"


def _floor(evidence: Evidence, distance: Callable[[Pictures, Pictures], float]) -> float | None:
    return distance(*evidence.halves()) if len(evidence.reals) >= 2 * distances.MINIMUM else None


class Kid:
    """KID of all pictures through the extractor, with its deviation over subsets."""

    def missing(self, evidence: Evidence) -> str | None:
        return _too_few(evidence, f"KID ({evidence.extractor.name})")

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        look = evidence.extractor

        def distance(x: Pictures, y: Pictures) -> float:
            return distances.kid(look(x), look(y))

        yield (
            f"KID ({look.name})",
            Score(
                translator=distance(evidence.fakes, evidence.reals),
                do_nothing=distance(evidence.inputs, evidence.reals),
                floor=_floor(evidence, distance),
                spread=distances.kid_spread(look(evidence.fakes), look(evidence.reals))[1],
            ),
        )


class Fid:
    """FID through the extractor."""

    def missing(self, evidence: Evidence) -> str | None:
        return _too_few(evidence, f"FID ({evidence.extractor.name})")

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        look = evidence.extractor
        count = min(len(evidence.fakes), len(evidence.reals))

        def distance(x: Pictures, y: Pictures) -> float:
            return distances.fid(look(x), look(y))

        yield (
            f"FID ({look.name})",
            Score(
                translator=distance(evidence.fakes, evidence.reals),
                do_nothing=distance(evidence.inputs, evidence.reals),
                floor=_floor(evidence, distance),
                note=f"biased upward: {count} pictures for {look.dimension} features, half for the floor"
                if count <= look.dimension
                else "",
            ),
        )


class SlicedWasserstein:
    """Sliced Wasserstein distance × 1000, the mean over the levels of the pyramid: no network looks."""

    def missing(self, evidence: Evidence) -> str | None:
        return _too_few(evidence, "The sliced Wasserstein distance")

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        def distance(x: Pictures, y: Pictures) -> float:
            return float(np.mean(list(swd(x, y).values())))

        yield (
            "sliced Wasserstein ×1000",
            Score(
                translator=distance(evidence.fakes, evidence.reals),
                do_nothing=distance(evidence.inputs, evidence.reals),
                floor=_floor(evidence, distance),
            ),
        )


class TruePairs:
    """Agreement with the true counterparts: means over pairs."""

    def missing(self, evidence: Evidence) -> str | None:
        return None if evidence.pairs else "no true pairs were given, so PSNR, SSIM and L1 are left out"

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        fakes, inputs = evidence.paired(evidence.fakes), evidence.paired(evidence.inputs)
        truths = evidence.truths()
        yield "L1 to true pairs", _mean(pairs.l1, fakes, inputs, truths, "lower")
        yield "PSNR to true pairs (dB)", _mean(pairs.psnr, fakes, inputs, truths, "higher")
        if min(fakes[0].shape[:2]) >= pairs.WINDOW:
            yield "SSIM to true pairs", _mean(pairs.ssim, fakes, inputs, truths, "higher")


def _mean(
    agreement: Callable[[Pictures, Pictures], pairs.Values],
    fakes: Pictures,
    inputs: Pictures,
    truths: Pictures,
    better: Literal["lower", "higher"],
) -> Score:
    return Score(
        translator=float(agreement(fakes, truths).mean()),
        do_nothing=float(agreement(inputs, truths).mean()),
        better=better,
    )


class Reconstruction:
    """L1 on 0…1 between an input and its translation translated back, by way of 8-bit pictures."""

    def missing(self, evidence: Evidence) -> str | None:
        return "only one direction translates" if evidence.reconstructions is None else None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        assert evidence.reconstructions is not None
        value = float(pairs.l1(evidence.reconstructions, evidence.inputs).mean())
        yield "L1 there and back", Score(translator=value)


class LabelAgreement:
    """Scores of translations into label maps.

    `label_maps` are the true ones, in the order of the reals of `direction`: resized by nearest neighbour,
    because a blend of two classes' colours can be nearest to a third.
    """

    def __init__(
        self,
        label_maps: Sequence[Picture],
        direction: Direction,
        palette: Mapping[str, labels.Colour] = labels.CITYSCAPES,
        void: labels.Colour | None = labels.VOID,
    ) -> None:
        self.label_maps, self.direction, self.palette, self.void = label_maps, direction, palette, void

    def missing(self, evidence: Evidence) -> str | None:
        if evidence.direction != self.direction:
            return f"label scores are for {self.direction}"
        return None if evidence.pairs else "label scores need true pairs"

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        truths = [self.label_maps[j] for _, j in evidence.pairs]

        def score(pictures: Sequence[Picture]) -> labels.LabelScores:
            counts = labels.confusion(evidence.paired(pictures), truths, self.palette, self.void)
            return labels.scores(counts, self.palette)

        made, nothing = score(evidence.fakes), score(evidence.inputs)
        for name, a, b in (
            ("per-pixel accuracy", made.pixel_accuracy, nothing.pixel_accuracy),
            ("per-class accuracy", made.class_accuracy, nothing.class_accuracy),
            ("class IoU", made.class_iou, nothing.class_iou),
        ):
            yield name, Score(translator=a, do_nothing=b, better="higher")


MEASURES: tuple[Measure, ...] = (Kid(), Fid(), SlicedWasserstein(), TruePairs(), Reconstruction())
