"""The measures by name. A new one is a small class (`evidence.Measure`) and a line here."""

from __future__ import annotations

from collections.abc import Iterable

from unpaired.errors import UserError
from unpaired.evaluation.evidence import Measure
from unpaired.evaluation.measures.appearance import Colours, SlicedWasserstein, Spectrum
from unpaired.evaluation.measures.content import Content
from unpaired.evaluation.measures.counterparts import Perceptual, TruePairs
from unpaired.evaluation.measures.cycle import CycleHonesty, Reconstruction
from unpaired.evaluation.measures.distribution import DensityCoverage, Frechet, Kid, PrecisionRecall
from unpaired.evaluation.measures.labels import FcnScore, LabelAgreement
from unpaired.text import perhaps

MEASURES: dict[str, Measure] = {
    "kid": Kid(),
    "fid": Frechet(),
    "precision-recall": PrecisionRecall(),
    "density-coverage": DensityCoverage(),
    "swd": SlicedWasserstein(),
    "colour": Colours(),
    "spectrum": Spectrum(),
    "pairs": TruePairs(),
    "perceptual": Perceptual(),
    "cycle": Reconstruction(),
    "honesty": CycleHonesty(),
    "content": Content(),
    "labels": LabelAgreement(),
    "fcn": FcnScore(),
}
"""All, in the order of the table."""

STANDARD: tuple[str, ...] = ("kid", "fid", "swd", "pairs", "cycle")
"""A short list, for comparing many runs."""


def chosen(wanted: Iterable[str | Measure]) -> list[Measure]:
    """Measures by name, or as they are. Raises `UserError` for a name that is none."""
    found: list[Measure] = []
    for one in wanted:
        if not isinstance(one, str):
            found.append(one)
        elif one in MEASURES:
            found.append(MEASURES[one])
        else:
            hint = perhaps(one, MEASURES)
            raise UserError(f"{one!r} is no measure{hint}. There are: {', '.join(MEASURES)}.")
    return found
