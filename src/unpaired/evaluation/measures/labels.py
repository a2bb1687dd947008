"""Measures of translations between photos and colour label maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from unpaired.evaluation import labels
from unpaired.evaluation.evidence import Evidence, Score
from unpaired.evaluation.features import Picture
from unpaired.evaluation.labels import LabelScores

THREE = ("per-pixel accuracy", "per-class accuracy", "class IoU")


class LabelAgreement:
    """Photo → labels: translations, by nearest palette colour, against the true label maps."""

    def missing(self, evidence: Evidence) -> str | None:
        if evidence.labels is None:
            return "no domain was said to be label maps (--labels), so labels are not scored"
        if evidence.labels.domain != evidence.direction[-1]:
            return f"labels are scored where label maps are made, not in {evidence.direction}"
        return None if evidence.pairs else "label scores need true pairs (--paired)"

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        known = evidence.labels
        assert known is not None
        truths = [known.maps[j] for _, j in evidence.pairs]

        def score(pictures: Sequence[Picture]) -> LabelScores:
            return labels.scores(labels.confusion(pictures, truths, known.palette, known.void), known.palette)

        made, nothing = score(evidence.paired(evidence.fakes)), score(evidence.paired(evidence.inputs))
        yield from label_rows("", made, nothing, None, labels.check_colours(truths, known.palette, known.void))


def label_rows(
    suffix: str, made: LabelScores, nothing: LabelScores, floor: LabelScores | None, note: str
) -> Iterator[tuple[str, Score]]:
    """The three scores of Long, Shelhamer and Darrell; the classes stand with the last of them."""
    never = f"the truth never shows {', '.join(made.never)}" if made.never else ""
    floors = floor.three() if floor else (None, None, None)
    for name, a, b, c in zip(THREE, made.three(), nothing.three(), floors, strict=True):
        last = name == THREE[-1]
        yield (
            f"{name}{suffix}",
            Score(
                translator=a, do_nothing=b, floor=c, better="higher", classes=made if last else None,
                note="; ".join(filter(None, (note, never))) if last else "",
            ),
        )  # fmt: skip
