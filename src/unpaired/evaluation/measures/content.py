"""What translations keep of their inputs, and whether they turned dark into bright."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unpaired.evaluation import content
from unpaired.evaluation.evidence import Evidence, Score
from unpaired.evaluation.features import Pictures, Values

INVERSION = (
    "most translations are dark where their inputs are bright: train anew with --inversion 5, with --identity 0.5 or a "
    "smaller --init-gain"
)


class Content:
    """Agreement of inputs and fakes. The floor is what true pairs have, where they are known: how much of it a right
    translation keeps.
    """

    def missing(self, evidence: Evidence) -> str | None:
        return "pictures below 16 px show no structure" if min(evidence.inputs[0].shape[:2]) < 16 else None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        yield "edges kept", _kept(*_both(evidence, content.edge_agreement))
        yield "structure kept", _kept(*_both(evidence, content.structure_agreement))
        light, true_light = _both(evidence, content.luminance_correlation)
        yield "light and dark kept", _kept(light, true_light)
        inverted = float((light < content.INVERTED).mean())
        truly = None if true_light is None else float((true_light < content.INVERTED).mean())
        # Where true pairs are inverted as well, inverting is right.
        wrong = inverted > 0.5 and (truly is None or truly < 0.25)
        yield "share inverted", Score(translator=inverted, floor=truly, note=INVERSION if wrong else "")


def _both(evidence: Evidence, agreement: Callable[[Pictures, Pictures], Values]) -> tuple[Values, Values | None]:
    """Of all inputs with their fakes, and of those that have true counterparts with these."""
    true = agreement(evidence.paired(evidence.inputs), evidence.truths()) if evidence.pairs else None
    return agreement(evidence.inputs, evidence.fakes), true


def _kept(values: Values, true: Values | None) -> Score:
    return Score(translator=float(values.mean()), floor=None if true is None else float(true.mean()), better="higher")
