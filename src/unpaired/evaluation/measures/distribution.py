"""Measures of two collections through the features of a network: how near, how real, how varied."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unpaired.data.split import MINIMUM
from unpaired.evaluation import distances, manifold
from unpaired.evaluation.evidence import Evidence, beside_yardsticks, too_few
from unpaired.evaluation.features import INCEPTION
from unpaired.evaluation.result import Score
from unpaired.evaluation.shelf import Rows


class Kid:
    """KID of all pictures through the extractor, with its deviation over subsets."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        look = evidence.extractor
        yield (
            f"KID ({look.name})",
            beside_yardsticks(
                evidence,
                lambda x, y: distances.kid(x.features, y.features),
                spread=distances.kid_spread(evidence.fakes.features, evidence.reals.features)[1],
            ),
        )


class Frechet:
    """The Fréchet distance through the extractor. Through the published Inception network, and only then, it is FID."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        look = evidence.extractor
        count = min(len(evidence.fakes), len(evidence.reals))
        note = f"biased upward: {count} pictures for {look.dimension} features, half for the floor"
        yield (
            self._name(evidence),
            beside_yardsticks(
                evidence,
                lambda x, y: distances.fid(x.features, y.features),
                note=note if count <= look.dimension else "",
            ),
        )

    @staticmethod
    def _name(evidence: Evidence) -> str:
        look = evidence.extractor
        return "FID" if look.network == INCEPTION else f"Fréchet distance ({look.name})"


class PrecisionRecall:
    """Share of fakes that look like some real, share of reals that some fake looks like."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        return _two(evidence, ("precision", "recall"), manifold.precision_recall)


class DensityCoverage:
    """How densely fakes lie among the reals, and what share of the reals they reach."""

    def missing(self, evidence: Evidence) -> str | None:
        return too_few(evidence)

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        return _two(evidence, ("density", "coverage"), manifold.density_coverage)


def _two(
    evidence: Evidence, names: tuple[str, str], measure: Callable[[Rows, Rows], tuple[float, float]]
) -> Iterator[tuple[str, Score]]:
    """Two numbers of one look, each higher for better, called by the extractor's name."""
    reals = evidence.reals.features
    made, nothing = (measure(c.features, reals) for c in (evidence.fakes, evidence.inputs))
    halves = evidence.halves() if len(reals) >= 2 * MINIMUM else None
    floor = None if halves is None else measure(halves[0].features, halves[1].features)
    for index, name in enumerate(names):
        yield (
            f"{name} ({evidence.extractor.name})",
            Score(
                translator=made[index], do_nothing=nothing[index],
                floor=None if floor is None else floor[index], better="higher",
            ),
        )  # fmt: skip
