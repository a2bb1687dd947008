"""Measures of two collections that no network takes part in: nothing that was trained can flatter them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unpaired.evaluation.appearance import colour_distance, spectrum_distance
from unpaired.evaluation.evidence import Evidence, beside_yardsticks, too_few
from unpaired.evaluation.result import Score
from unpaired.evaluation.swd import swd


class SlicedWasserstein:
    """Sliced Wasserstein distance × 1000 of patches, the mean over the levels of the pyramid."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        yield (
            "sliced Wasserstein ×1000",
            beside_yardsticks(evidence, lambda x, y: float(np.mean(list(swd(x, y).values())))),
        )


class Colours:
    """How far colours have to move to become those of the reals."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        yield "colour distance (Lab)", beside_yardsticks(evidence, colour_distance)


class Spectrum:
    """How the power of coarse and fine detail differs from that of the reals."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        yield "spectrum distance (dB)", beside_yardsticks(evidence, spectrum_distance)
