"""What translations keep of their inputs, and whether they turned dark into bright."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unpaired.evaluation import content
from unpaired.evaluation.evidence import Evidence, mean
from unpaired.evaluation.pictures import Pictures, Values
from unpaired.evaluation.result import Score

INVERSION = (
    "most translations are dark where their inputs are bright: train anew with --inversion 5, with --identity 0.5 or a "
    "smaller --init-gain"
)

AGREEMENTS = {"edges kept": content.edge_agreement, "structure kept": content.structure_agreement}


class Content:
    """Agreement of inputs and fakes. The floor is what true pairs have, where they are known: how much of it a right
    translation keeps.
    """

    def missing(self, evidence: Evidence) -> str | None:
        return "pictures below 16 px show no structure" if min(evidence.inputs.side) < 16 else None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        for name, agreement in AGREEMENTS.items():
            kept, truly_kept = _both(evidence, agreement)
            yield name, mean(kept, floor=truly_kept, better="higher")
        light, true_light = _both(evidence, content.luminance_correlation)
        yield "light and dark kept", mean(light, floor=true_light, better="higher")
        inverted = float((light < content.INVERTED).mean())
        truly = None if true_light is None else float((true_light < content.INVERTED).mean())
        # Where true pairs are inverted as well, inverting is right.
        wrong = inverted > 0.5 and (truly is None or truly < 0.25)
        yield "share inverted", Score(translator=inverted, floor=truly, note=INVERSION if wrong else "")


def _both(evidence: Evidence, agreement: Callable[[Pictures, Pictures], Values]) -> tuple[Values, Values | None]:
    """Of all inputs with their fakes, and of those that have true counterparts with these."""
    true = agreement(evidence.paired(evidence.inputs), evidence.truths()) if evidence.pairs else None
    return agreement(evidence.inputs, evidence.fakes), true
