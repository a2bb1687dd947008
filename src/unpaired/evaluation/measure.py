"""From translations to scores: all measures that the data allows, in both directions.

What the data does not allow is left out, with its reason, and never shown as NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.config import DIRECTIONS, Direction, reverse
from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.evidence import ELSEWHERE, Evidence, LabelMaps, Measure, Way
from unpaired.evaluation.features import refuse_flattered
from unpaired.evaluation.measures import MEASURES, chosen
from unpaired.evaluation.pictures import mapped
from unpaired.evaluation.result import DirectionScores, Evaluation, Score
from unpaired.evaluation.segmentation import Segmenter
from unpaired.text import counted

Translate = Callable[[list[NDArray[Any]]], Sequence[NDArray[Any]]]
"""Pictures of one domain, as its collection was given them → as many of the other."""


def evaluate(
    translate: Mapping[Direction, Translate],
    a: Collection,
    b: Collection,
    *,
    pairs: Sequence[tuple[int, int]] = (),
    networks_seen: AbstractSet[str] = frozenset(),
    measures: Sequence[str | Measure] = tuple(MEASURES),
    ways: Mapping[Direction, Way] | None = None,
    labels: LabelMaps | None = None,
    segmenter: Segmenter | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Measure one or both directions on held-out pictures of both domains, all of one size.

    Args:
        translate: what to measure, for each direction.
        a, b: held-out pictures, seen through one extractor.
        pairs: (index in `a`, index in `b`) of pictures that show the same.
        networks_seen: identities of the networks that discriminators looked through.
        measures: which ones, in the table's order.
        ways: the same as `translate` on tensors, in full precision: what cycle honesty needs.
        labels: which domain is label maps.
        segmenter: finds classes in photos, for the FCN score.
        tell: is told what is being done, for a progress display.

    Raises:
        UserError: the extractor is one of `networks_seen`, or pictures have different sizes, or nothing can
            be measured.
    """
    if not len(a) or not len(b):
        raise UserError("Measuring needs pictures of both domains, but one folder has none.")
    wanted = chosen(measures)
    refuse_flattered(a.extractor, networks_seen)
    ways = ways or {}
    results: dict[Direction, DirectionScores] = {}
    for direction in DIRECTIONS:
        if direction not in translate:
            continue
        back = reverse(direction)
        inputs, reals = (a, b) if direction == "a2b" else (b, a)
        tell(f"{direction}: translating {counted(len(inputs), 'picture')}")
        fakes = reals.like(mapped(inputs.given, translate[direction]))
        reconstructions = inputs.like(mapped(fakes.given, translate[back])) if back in translate else None
        tell(f"{direction}: measuring")
        evidence = Evidence(
            direction=direction, inputs=inputs, fakes=fakes, reals=reals, reconstructions=reconstructions,
            pairs=tuple(pairs if direction == "a2b" else ((j, i) for i, j in pairs)),
            there=ways.get(direction), back=ways.get(back), labels=labels, segmenter=segmenter,
        )  # fmt: skip
        results[direction] = evaluate_direction(evidence, wanted)
    if not any(scores.measures for scores in results.values()):
        reasons = dict.fromkeys(reason for scores in results.values() for reason in scores.left_out)
        raise UserError(f"Nothing can be measured: {'; '.join(reasons)}.")
    return Evaluation(extractor=a.extractor.name, side=a.side, directions=results)


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


def _refuse_nonsense(name: str, score: Score) -> None:
    for value in (score.translator, score.do_nothing, score.floor, score.spread):
        if value is not None and not np.isfinite(value):
            raise UserError(f"{name} came out as {value}, which no picture explains: please report it as a bug.")
