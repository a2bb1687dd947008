"""Measures of translations between photos and colour label maps."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unpaired.evaluation import labels
from unpaired.evaluation.evidence import Evidence, elsewhere
from unpaired.evaluation.labels import LabelScores, nearest
from unpaired.evaluation.pictures import Pictures, blocks
from unpaired.evaluation.result import Score

THREE = ("per-pixel accuracy", "per-class accuracy", "class IoU")


class LabelAgreement:
    """Photo → labels: translations, by nearest palette colour, against the true label maps."""

    def missing(self, evidence: Evidence) -> str | None:
        if evidence.labels is None:
            return "no domain was said to be label maps (--labels), so labels are not scored"
        if evidence.labels.domain != evidence.direction[-1]:
            return elsewhere(evidence, f"labels are scored where label maps are made, not in {evidence.direction}")
        return None if evidence.pairs else "label scores need true pairs (--paired)"

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        known = evidence.labels
        assert known is not None
        truths = known.maps.part([j for _, j in evidence.pairs])

        def score(pictures: Pictures) -> LabelScores:
            return labels.scores(labels.confusion(pictures, truths, known.palette, known.void), known.palette)

        made, nothing = score(evidence.paired(evidence.fakes)), score(evidence.paired(evidence.inputs))
        yield from label_rows("", made, nothing, None, labels.check_colours(truths, known.palette, known.void))


class FcnScore:
    """Labels → photo: what a segmentation network recognises in translations, against the label maps they were made
    from. The floor is the same network on the true photos: the ground-truth row of the papers' tables.
    """

    def missing(self, evidence: Evidence) -> str | None:
        if evidence.segmenter is None:
            return "no segmentation network was given (--fcn), so there is no FCN score"
        if evidence.labels is None:
            return "no domain was said to be label maps (--labels), so there is no FCN score"
        if evidence.labels.domain != evidence.direction[0]:
            return elsewhere(evidence, f"the FCN score is for translations of label maps, not for {evidence.direction}")
        return None

    def __call__(self, evidence: Evidence) -> Iterator[tuple[str, Score]]:
        known, judge = evidence.labels, evidence.segmenter
        assert known is not None
        assert judge is not None

        def score(pictures: Pictures, maps: Pictures) -> LabelScores:
            counts = np.zeros((len(known.palette), len(known.palette) + 1), dtype=np.int64)
            for block, truth in zip(blocks(pictures), blocks(maps), strict=True):
                classes = nearest(truth, known.palette, known.void)
                counts += labels.counted(judge(block), classes, len(known.palette))
            return labels.scores(counts, known.palette)

        made, nothing = score(evidence.fakes, known.maps), score(evidence.inputs, known.maps)
        paired = [i for i, _ in evidence.pairs]
        truth = score(evidence.truths(), known.maps.part(paired)) if paired else None
        note = "the floor is this network on the true photos" if truth else "without --paired there is no ground truth"
        yield from label_rows(f" ({judge.name})", made, nothing, truth, note)


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
