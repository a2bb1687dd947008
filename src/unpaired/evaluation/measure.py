"""From translations to a table: all measures that the data allows, in both directions.

What the data does not allow is left out, with its reason, and never shown as NaN.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unpaired.config import DIRECTIONS, Direction, Domain, reverse, source, target
from unpaired.errors import UserError
from unpaired.evaluation.evidence import ELSEWHERE, Evidence, LabelMaps, Measure, Score, Way
from unpaired.evaluation.features import (
    FeatureExtractor,
    LiteExtractor,
    Picture,
    Pictures,
    Remembering,
    refuse_flattered,
)
from unpaired.evaluation.labels import LabelScores
from unpaired.evaluation.measures import MEASURES, chosen
from unpaired.evaluation.pictures import mapped
from unpaired.evaluation.segmentation import Segmenter
from unpaired.text import counted, number

if TYPE_CHECKING:
    from rich.table import Table

LEGEND = (
    "↓ lower is better, ↑ higher is. ± is what chance gives or takes: a smaller difference is none. "
    "Do nothing: the same number of the untranslated inputs. "
    "Floor: of real pictures beside real ones, as good as a perfect translator could be. –: means nothing there."
)
"""What the columns of every table are."""
Show = Callable[[Sequence[NDArray[Any]]], Sequence[Picture]]
"""Pictures of a domain of any type and bands → as many 8-bit ones."""
Translate = Callable[[list[Picture]], Sequence[Picture]]
"""Pictures of one domain → as many pictures of the other, 8-bit (H, W, 3)."""


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
    unreadable: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """Files that could not be measured, and why."""

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self) | {"side": list(self.side)}

    @staticmethod
    def from_dict(values: dict[str, Any]) -> Evaluation:
        """The reverse of `to_dict`."""
        directions: dict[Direction, DirectionScores] = {
            direction: DirectionScores(
                **(scores | {"measures": {name: _score(score) for name, score in scores["measures"].items()}})
            )
            for direction, scores in values["directions"].items()
        }
        height, width = values["side"]
        unreadable = [(path, why) for path, why in values.get("unreadable", [])]
        return Evaluation(
            extractor=values["extractor"], side=(height, width), directions=directions, unreadable=unreadable
        )

    def table(self) -> Table:
        """For a terminal: one row for each direction and measure."""
        from rich.box import SIMPLE
        from rich.table import Table

        height, width = self.side
        first = next(iter(self.directions.values()))
        counts = f"{counted(first.inputs, 'picture')}, beside {first.reals:,} of the other domain"
        table = Table(title=f"Measured at {width}×{height} px: {counts}", box=SIMPLE)
        table.add_column("")
        table.add_column("measure")
        for column in ("translator", "do nothing", "floor"):
            table.add_column(column, justify="right")
        for direction, scores in self.directions.items():
            table.add_section()
            for row, (name, score) in enumerate(scores.measures.items()):
                arrow = "↓" if score.better == "lower" else "↑"
                table.add_row(
                    "" if row else direction, f"{name} {arrow}", number(score.translator, score.spread),
                    number(score.do_nothing), number(score.floor),
                )  # fmt: skip
        table.caption, table.caption_justify = "\n".join([LEGEND, *self.remarks()]), "left"
        table.caption_style = ""
        return table

    def distances(self) -> list[str]:
        """The KID of each direction beside its yardsticks, a sentence each."""
        return [
            f"{direction}: {name} {number(score.translator)}; {number(score.do_nothing)} if nothing is done, "
            f"{number(score.floor)} at best"
            for direction, scores in self.directions.items()
            for name, score in scores.measures.items()
            if name.startswith("KID")
        ]

    def class_table(self) -> Table | None:
        """For a terminal: accuracy and IoU of every class; None where no labels were scored."""
        from rich.table import Table

        table = Table(title="Class by class")
        table.add_column("class")
        columns: list[LabelScores] = []
        for direction, scores in self.directions.items():
            for name, score in scores.measures.items():
                if score.classes is not None:
                    columns.append(score.classes)
                    table.add_column(f"{direction} accuracy", justify="right")
                    table.add_column(f"{direction} {name}", justify="right")
        for known in dict.fromkeys(name for scores in columns for name in [*scores.per_class, *scores.never]):
            cells = [scores.per_class.get(known) for scores in columns]
            # A class that the truth never shows has no score.
            table.add_row(known, *(number(v) for pair in cells for v in (pair or (None, None))))
        return table if columns else None

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


def _score(values: dict[str, Any]) -> Score:
    classes = values.get("classes")
    known: dict[str, Any] = {**values, "classes": LabelScores.from_dict(classes) if classes else None}
    return Score(**known)


def evaluate_direction(evidence: Evidence, measures: Sequence[Measure]) -> DirectionScores:
    """Run the measures that the evidence allows."""
    found: dict[str, Score] = {}
    left_out: list[str] = []
    for measure in measures:
        reason = measure.missing(evidence)
        if reason is not None:
            left_out += [reason] if reason not in (ELSEWHERE, *left_out) else []
            continue
        for name, score in measure(evidence):
            _refuse_nonsense(name, score)
            found[name] = score
    return DirectionScores(
        inputs=len(evidence.inputs), reals=len(evidence.reals), pairs=len(evidence.pairs),
        measures=found, left_out=left_out,
    )  # fmt: skip


def _one_size(*groups: Pictures) -> None:
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
    a: Pictures,
    b: Pictures,
    *,
    pairs: Sequence[tuple[int, int]] = (),
    extractor: FeatureExtractor | None = None,
    networks_seen: Collection[str] = (),
    measures: Sequence[str | Measure] = tuple(MEASURES),
    ways: Mapping[Direction, Way] | None = None,
    labels: LabelMaps | None = None,
    segmenter: Segmenter | None = None,
    shown: Mapping[Domain, Show] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure one or both directions on held-out pictures of both domains, all of one size.

    Args:
        translate: what to measure, for each direction.
        a, b: 8-bit RGB pictures (H, W, 3), or what `shown` makes such of.
        pairs: (index in `a`, index in `b`) of pictures that show the same.
        extractor: EfficientNet-Lite0 if not given.
        networks_seen: identities of the networks that discriminators looked through.
        measures: which ones, in the table's order.
        ways: the same as `translate` on tensors, in full precision: what cycle honesty needs.
        labels: which domain is label maps.
        segmenter: finds classes in photos, for the FCN score.
        shown: for domains of other values, how they become the 8-bit pictures that are measured.
        tell: is told what is being done, for a progress display.

    Raises:
        UserError: the extractor is one of `networks_seen`, or pictures have different sizes, or nothing can
            be measured.
    """
    if not len(a) or not len(b):
        raise UserError("Measuring needs pictures of both domains, but one folder has none.")
    wanted = chosen(measures)
    look = extractor if isinstance(extractor, Remembering) else Remembering(extractor or LiteExtractor())
    refuse_flattered(look, networks_seen)
    results: dict[Direction, DirectionScores] = {}
    for direction in DIRECTIONS:
        if direction not in translate:
            continue
        forward, back = direction == "a2b", reverse(direction)
        inputs, reals = (a, b) if forward else (b, a)
        tell(f"{direction}: translating {counted(len(inputs), 'picture')}")
        fakes = mapped(inputs, translate[direction])
        reconstructions = mapped(fakes, translate[back]) if back in translate else None
        before, after = (shown or {}).get(source(direction)), (shown or {}).get(target(direction))
        if before is not None:
            inputs = mapped(inputs, before)
            reconstructions = None if reconstructions is None else mapped(reconstructions, before)
        if after is not None:
            fakes, reals = mapped(fakes, after), mapped(reals, after)
        _one_size(inputs, fakes, reals, reconstructions if reconstructions is not None else ())
        tell(f"{direction}: measuring")
        evidence = Evidence(
            direction=direction, inputs=inputs, fakes=fakes, reals=reals, extractor=look,
            reconstructions=reconstructions, pairs=tuple(pairs if forward else ((j, i) for i, j in pairs)),
            there=(ways or {}).get(direction), back=(ways or {}).get(back), labels=labels, segmenter=segmenter,
        )  # fmt: skip
        results[direction] = evaluate_direction(evidence, wanted)
    if not any(scores.measures for scores in results.values()):
        reasons = dict.fromkeys(reason for scores in results.values() for reason in scores.left_out)
        raise UserError(f"Nothing can be measured: {'; '.join(reasons)}.")
    height, width = a[0].shape[:2]
    return Evaluation(extractor=look.name, side=(height, width), directions=results)
