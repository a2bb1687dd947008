"""What a measure is, and the evidence that measures look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
from torch import Tensor

from unpaired.config import Direction, Domain
from unpaired.data.split import MINIMUM
from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.features import FeatureExtractor
from unpaired.evaluation.labels import CITYSCAPES, VOID, Colour
from unpaired.evaluation.pictures import Values
from unpaired.evaluation.result import Score
from unpaired.evaluation.segmentation import Segmenter
from unpaired.evaluation.shelf import Shelf

Way = Callable[[Tensor], Tensor]
"""A generator, as it is used: (N, 3, H, W) in [-1, 1] → (N, 3, H, W) in [-1, 1], nothing rounded."""


@dataclass(frozen=True, slots=True)
class LabelMaps:
    """That one domain is colour label maps, and how they are read."""

    domain: Domain
    maps: Shelf
    """The label maps of that domain, in its order: resized by nearest neighbour, because a blend of two classes'
    colours can be nearest to a third."""
    palette: Mapping[str, Colour] = field(default_factory=lambda: CITYSCAPES)
    void: Colour | None = VOID


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What is known about one direction. Raises `UserError` where pictures have different sizes."""

    direction: Direction
    inputs: Collection
    """Held-out pictures of the domain that is translated from."""
    fakes: Collection
    """Their translations, in the same order."""
    reals: Collection
    """Held-out pictures of the domain that is translated to."""
    reconstructions: Collection | None = None
    """The fakes translated back, where both directions exist."""
    pairs: tuple[tuple[int, int], ...] = ()
    """(index of an input and its fake, index of its true counterpart among the reals)."""
    there: Way | None = None
    back: Way | None = None
    """The two generators, where there are two and they can be used on tensors."""
    labels: LabelMaps | None = None
    segmenter: Segmenter | None = None
    """Finds classes in photos."""

    def __post_init__(self) -> None:
        collections = (self.inputs, self.fakes, self.reals, self.reconstructions)
        sizes = sorted({f"{c.side[1]}×{c.side[0]}" for c in collections if c is not None})
        if len(sizes) > 1:
            raise UserError(
                f"Pictures that are measured together need one size, not {' and '.join(sizes)} px: resize them."
            )

    @property
    def extractor(self) -> FeatureExtractor:
        return self.reals.extractor

    def halves(self) -> tuple[Collection, Collection]:
        """Two random halves of the reals; the same ones each time."""
        order = np.random.default_rng(0).permutation(len(self.reals))
        middle = len(order) // 2
        return self.reals.part(order[:middle]), self.reals.part(order[middle:])

    def paired(self, collection: Collection) -> Collection:
        """Those of `inputs` or `fakes` that have a true counterpart."""
        return collection.part([i for i, _ in self.pairs])

    def truths(self) -> Collection:
        """The true counterparts, in the order of `paired`."""
        return self.reals.part([j for _, j in self.pairs])


ELSEWHERE = ""
"""Why a measure is missing that has its place in the other direction, which is measured too: nothing to tell."""


class Measure(Protocol):
    """A plugin. `missing` says in a sentence why this evidence does not allow it (or `ELSEWHERE`), or gives None."""

    def missing(self, evidence: Evidence) -> str | None: ...

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]: ...


def elsewhere(evidence: Evidence, why: str) -> str:
    """Why a measure is missing that only the other direction can have: `why`, where that is not measured."""
    return why if evidence.reconstructions is None else ELSEWHERE


def too_few(evidence: Evidence) -> str | None:
    """Why no distance can be measured, or None: one sentence for all of them, so that it is told once."""
    count = min(len(evidence.fakes), len(evidence.reals))
    if count >= MINIMUM:
        return None
    return (
        f"distances between two folders (KID, textures, colours, …) take at least {MINIMUM} pictures in "
        f"each, but one has {count} (and hundreds, to tell small differences from chance)"
    )


NO_PAIRS = "no true pairs were given (--paired), so translations are not compared with what they should be"


def mean(
    values: Values,
    *,
    do_nothing: Values | None = None,
    floor: Values | None = None,
    better: Literal["lower", "higher"] = "lower",
) -> Score:
    """The mean of one number a picture (N,), with its standard error where there are two pictures or more."""
    count = len(values)
    return Score(
        translator=float(values.mean()),
        do_nothing=None if do_nothing is None else float(do_nothing.mean()),
        floor=None if floor is None else float(floor.mean()),
        spread=float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else None,
        better=better,
    )


def beside_yardsticks(
    evidence: Evidence,
    distance: Callable[[Collection, Collection], float],
    *,
    spread: float | None = None,
    better: Literal["lower", "higher"] = "lower",
    note: str = "",
) -> Score:
    """`distance` from the reals, of the fakes, of the inputs, and of one half of the reals from the other."""
    return Score(
        translator=distance(evidence.fakes, evidence.reals),
        do_nothing=distance(evidence.inputs, evidence.reals),
        floor=distance(*evidence.halves()) if len(evidence.reals) >= 2 * MINIMUM else None,
        spread=spread, better=better, note=note,
    )  # fmt: skip
