"""Measures of the way there and back: whether it closes, and whether it closes honestly."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from unpaired.evaluation import pairs
from unpaired.evaluation.evidence import Evidence, mean
from unpaired.evaluation.honesty import examine
from unpaired.evaluation.result import Score

ONE_WAY = "only one direction translates, so there is nothing to say of the way there and back"
IGNORANT = (
    "the way back makes as good a picture from another picture's fake: it knows nothing of its input, so no share of "
    "it can be hidden"
)


class Reconstruction:
    """L1 on 0…1 between an input and its translation translated back, by way of 8-bit pictures."""

    def missing(self, evidence: Evidence) -> str | None:
        return ONE_WAY if evidence.reconstructions is None else None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        assert evidence.reconstructions is not None
        yield "L1 there and back", mean(pairs.l1(evidence.reconstructions, evidence.inputs))


class CycleHonesty:
    """Whether fakes hide their inputs (Chu et al. 2017). "Do nothing" shows what the same changes cost a picture that
    hides nothing, because it is the input itself.
    """

    def missing(self, evidence: Evidence) -> str | None:
        if evidence.reconstructions is None:
            return ONE_WAY
        if evidence.there is None or evidence.back is None:
            return "cycle honesty is known of pictures of 8 bits only"
        if len(evidence.inputs) < 2:
            return "cycle honesty needs at least 2 pictures"
        return None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        assert evidence.there is not None
        assert evidence.back is not None
        found = examine(evidence.inputs, evidence.reals, evidence.there, evidence.back)
        honest = examine(evidence.inputs, evidence.reals, _same, _same)
        yield "enlargement of faint noise", Score(translator=found.enlarged, do_nothing=honest.enlarged)
        yield "L1 back from clean fakes", Score(translator=found.clean)
        for change in ("8 bits", "JPEG", "noise", "blur"):
            yield f"L1 back after {change}", Score(translator=found.changed[change], do_nothing=honest.changed[change])
        if found.sensitivity is not None:
            yield "sensitivity, fakes ÷ reals", Score(translator=found.sensitivity, do_nothing=honest.sensitivity)
        hidden, fine = found.lost("noise"), found.lost("low frequencies only")
        if hidden is None or fine is None:  # no number without a meaning: what is left says so
            yield "L1 back from strangers' fakes", Score(translator=found.strangers, better="higher", note=IGNORANT)
            return
        yield "hidden information", Score(translator=hidden, do_nothing=honest.lost("noise"))
        yield "high-frequency information", Score(translator=fine, do_nothing=honest.lost("low frequencies only"))


def _same(x: Tensor) -> Tensor:
    return x
