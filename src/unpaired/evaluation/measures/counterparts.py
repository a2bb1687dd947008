"""Measures of translations beside their true counterparts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

from unpaired.evaluation import pairs
from unpaired.evaluation.evidence import NO_PAIRS, Evidence, mean
from unpaired.evaluation.features import Comparing
from unpaired.evaluation.pictures import Pictures, Values
from unpaired.evaluation.result import Score


class TruePairs:
    """Agreement with the true counterparts, pixel by pixel: means over pairs."""

    def missing(self, evidence: Evidence) -> str | None:
        return None if evidence.pairs else NO_PAIRS

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        yield "L1 to true pairs", _mean(evidence, pairs.l1, "lower")
        yield "PSNR to true pairs (dB)", _mean(evidence, pairs.psnr, "higher")
        if min(evidence.inputs.side) >= pairs.WINDOW:
            yield "SSIM to true pairs", _mean(evidence, pairs.ssim, "higher")


class Perceptual:
    """Agreement with the true counterparts in the feature maps of the extractor's network."""

    def missing(self, evidence: Evidence) -> str | None:
        if not evidence.pairs:
            return NO_PAIRS
        if not isinstance(evidence.extractor, Comparing):
            return f"{evidence.extractor.name} compares no pairs, so the perceptual distance is left out"
        return None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        assert isinstance(evidence.extractor, Comparing)
        yield f"perceptual distance ({evidence.extractor.name})", _mean(evidence, evidence.extractor.compare, "lower")


def _mean(
    evidence: Evidence, agreement: Callable[[Pictures, Pictures], Values], better: Literal["lower", "higher"]
) -> Score:
    truths = evidence.truths()
    return mean(
        agreement(evidence.paired(evidence.fakes), truths),
        do_nothing=agreement(evidence.paired(evidence.inputs), truths),
        better=better,
    )
