"""From translations to a table: measures are plugins, and every number stands beside its yardsticks.

Two yardsticks give a number its meaning: "do nothing" (the untranslated inputs in the translations' place)
and "floor" (two halves of the real domain against each other: as good as a perfect translator could look).

A measure yields (name, `Score`) pairs from an `Evidence`. What the data does not allow is left out, with its
reason, and never shown as NaN.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from unpaired.config import DIRECTIONS, Direction
from unpaired.errors import UserError
from unpaired.evaluation import distances, labels, pairs
from unpaired.evaluation.features import (
    FeatureExtractor,
    LiteExtractor,
    Picture,
    Pictures,
    Remembering,
    refuse_flattered,
)
from unpaired.evaluation.swd import swd

if TYPE_CHECKING:
    from rich.table import Table

Translate = Callable[[list[Picture]], Sequence[Picture]]
"""Pictures of one domain → as many pictures of the other, 8-bit (H, W, 3)."""


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


@dataclass(frozen=True, kw_only=True, slots=True)
class DirectionScores:
    """All that was measured in one direction."""

    inputs: int
    """Pictures translated."""
    reals: int
    """Pictures of the real domain beside them."""
    pairs: int
    measures: dict[str, Score] = field(default_factory=dict[str, Score])
    left_out: list[str] = field(default_factory=list[str])
    """Why measures are missing, a sentence each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """All that was measured."""

    extractor: str
    side: tuple[int, int]
    """Height and width in px of the pictures that were measured."""
    directions: dict[Direction, DirectionScores]

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self) | {"side": list(self.side)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Evaluation:
        """The reverse of `to_dict`."""
        directions: dict[Direction, DirectionScores] = {
            direction: DirectionScores(
                **(scores | {"measures": {name: Score(**score) for name, score in scores["measures"].items()}})
            )
            for direction, scores in values["directions"].items()
        }
        height, width = values["side"]
        return Evaluation(extractor=values["extractor"], side=(height, width), directions=directions)

    def table(self) -> Table:
        """For a terminal: one row for each direction and measure."""
        from rich.table import Table

        height, width = self.side
        table = Table(title=f"Measured at {width}×{height} px")
        table.add_column("direction")
        table.add_column("measure")
        for column in ("translator", "do nothing", "floor"):
            table.add_column(column, justify="right")
        for direction, scores in self.directions.items():
            table.add_section()
            for name, score in scores.measures.items():
                arrow = "↓" if score.better == "lower" else "↑"
                spread = "" if score.spread is None else f" ± {_number(score.spread)}"
                table.add_row(
                    direction, f"{name} {arrow}", _number(score.translator) + spread,
                    _number(score.do_nothing), _number(score.floor),
                )  # fmt: skip
        table.caption = "\n".join(self.remarks()) or None
        return table

    def remarks(self) -> list[str]:
        """What has to be known beside the numbers, a line each, without repetition."""
        lines: dict[str, None] = {}
        for scores in self.directions.values():
            for name, score in scores.measures.items():
                if score.note:
                    lines[f"{name}: {score.note}."] = None
            for reason in scores.left_out:
                lines[f"Left out: {reason}."] = None
        return list(lines)


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    digits = 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}".replace("-0.000", "0.000").replace("-", "−")


def evaluate_direction(evidence: Evidence, measures: Sequence[Measure] = MEASURES) -> DirectionScores:
    """Run the measures that the evidence allows; `UserError` where it allows none."""
    if len(evidence.inputs) != len(evidence.fakes):
        raise UserError(f"{len(evidence.inputs)} pictures were translated into {len(evidence.fakes)}: not one each.")
    _one_size(evidence)
    found: dict[str, Score] = {}
    left_out: list[str] = []
    for measure in measures:
        if reason := measure.missing(evidence):
            left_out.append(reason)
            continue
        for name, score in measure(evidence):
            _refuse_nonsense(name, score)
            found[name] = score
    if not found:
        raise UserError(f"Nothing can be measured in direction {evidence.direction}: {'; '.join(left_out)}.")
    return DirectionScores(
        inputs=len(evidence.inputs), reals=len(evidence.reals), pairs=len(evidence.pairs),
        measures=found, left_out=left_out,
    )  # fmt: skip


def _one_size(evidence: Evidence) -> None:
    groups = (evidence.inputs, evidence.fakes, evidence.reals, evidence.reconstructions or ())
    sizes = sorted({f"{picture.shape[1]}×{picture.shape[0]}" for group in groups for picture in group})
    if len(sizes) > 1:
        raise UserError(
            f"Pictures that are measured together need one size, not {' and '.join(sizes)} px: resize them."
        )


def _refuse_nonsense(name: str, score: Score) -> None:
    for value in (score.translator, score.do_nothing, score.floor, score.spread):
        if value is not None and not np.isfinite(value):
            raise UserError(f"{name} came out as {value}, which no picture explains: please report it as a bug.")


def evaluate(
    translate: Mapping[Direction, Translate],
    a: Sequence[Picture],
    b: Sequence[Picture],
    *,
    pairs: Sequence[tuple[int, int]] = (),
    extractor: FeatureExtractor | None = None,
    networks_seen: Collection[str] = (),
    measures: Sequence[Measure] = MEASURES,
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure one or both directions on held-out pictures of both domains, all of one size.

    Args:
        translate: what to measure, for each direction.
        a, b: 8-bit RGB pictures (H, W, 3).
        pairs: (index in `a`, index in `b`) of pictures that show the same.
        extractor: EfficientNet-Lite0 if not given.
        networks_seen: identities of the networks that discriminators looked through.
        measures: which ones, in the table's order.
        tell: is told what is being done, for a progress display.

    Raises:
        UserError: the extractor is one of `networks_seen`, or pictures have different sizes, or nothing can
            be measured.
    """
    if not len(a) or not len(b):
        raise UserError("Measuring needs pictures of both domains, but one folder has none.")
    look = Remembering(extractor or LiteExtractor())
    refuse_flattered(look, networks_seen)
    results: dict[Direction, DirectionScores] = {}
    for direction in DIRECTIONS:
        if direction not in translate:
            continue
        forward = direction == "a2b"
        inputs, reals = (a, b) if forward else (b, a)
        tell(f"{direction}: translating {len(inputs)} pictures")
        fakes = translate[direction](list(inputs))
        back = translate.get("b2a" if forward else "a2b")
        reconstructions = back(list(fakes)) if back else None
        tell(f"{direction}: measuring")
        evidence = Evidence(
            direction=direction, inputs=inputs, fakes=fakes, reals=reals, extractor=look,
            reconstructions=reconstructions, pairs=list(pairs) if forward else [(j, i) for i, j in pairs],
        )  # fmt: skip
        results[direction] = evaluate_direction(evidence, measures)
    height, width = a[0].shape[:2]
    return Evaluation(extractor=look.name, side=(height, width), directions=results)
