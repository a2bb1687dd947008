"""Scores of colour label maps: photo → labels, judged against true label maps.

Each pixel is taken for the class of the nearest palette colour. Pixels that are void in the truth are left
out. Per-pixel accuracy, per-class accuracy and class IoU are those of Long, Shelhamer and Darrell 2015
(section 5), as in the evaluation of pix2pix and CycleGAN; the means run over the classes that occur in the
truth. A labelled pixel that is predicted void counts as wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.features import Picture
from unpaired.evaluation.pairs import together

Colour = tuple[int, int, int]
VOID: Colour = (0, 0, 0)
CITYSCAPES: dict[str, Colour] = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "wall": (102, 102, 156),
    "fence": (190, 153, 153),
    "pole": (153, 153, 153),
    "traffic light": (250, 170, 30),
    "traffic sign": (220, 220, 0),
    "vegetation": (107, 142, 35),
    "terrain": (152, 251, 152),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "rider": (255, 0, 0),
    "car": (0, 0, 142),
    "truck": (0, 0, 70),
    "bus": (0, 60, 100),
    "train": (0, 80, 100),
    "motorcycle": (0, 0, 230),
    "bicycle": (119, 11, 32),
}
"""The 19 classes that Cityscapes trains and scores, by colour (Cordts et al. 2016)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScores:
    """All in 0…1."""

    pixel_accuracy: float
    class_accuracy: float
    class_iou: float
    per_class: dict[str, tuple[float, float]]
    """Accuracy and IoU of each class that occurs in the truth."""


def nearest(picture: Picture, palette: Mapping[str, Colour], void: Colour | None = VOID) -> NDArray[np.int64]:
    """(…, 3) colours → (…) index of the nearest palette colour (Euclidean); `len(palette)` is void."""
    if not palette:
        raise UserError("A palette needs at least one class and its colour.")
    colours = np.array([*palette.values(), *([] if void is None else [void])], dtype=np.float32)
    if len(np.unique(colours, axis=0)) < len(colours):
        raise UserError("Two classes of the palette (or void) have the same colour: no pixel could tell them apart.")
    pixels = picture.reshape(-1, 3).astype(np.float32)
    # |p − c|² = |p|² − 2 p·c + |c|², where |p|² is the same for all colours. Exact for 8-bit values.
    scores = (colours**2).sum(axis=1) - 2 * pixels @ colours.T
    return scores.argmin(axis=1).reshape(picture.shape[:-1])


def confusion(
    predicted: Iterable[Picture],
    truth: Iterable[Picture],
    palette: Mapping[str, Colour] = CITYSCAPES,
    void: Colour | None = VOID,
) -> NDArray[np.int64]:
    """(K, K + 1) pixel counts: rows are true classes, columns predicted ones, the last one void."""
    a, b = together(list(predicted), list(truth))
    classes = len(palette)
    counts = np.zeros(classes * (classes + 1), dtype=np.int64)
    for p, t in zip(a, b, strict=True):
        p, t = nearest(p, palette, void), nearest(t, palette, void)
        known = t < classes
        counts += np.bincount(t[known] * (classes + 1) + p[known], minlength=len(counts))
    return counts.reshape(classes, classes + 1)


def scores(counts: NDArray[np.int64], palette: Mapping[str, Colour] = CITYSCAPES) -> LabelScores:
    """The three scores from a confusion matrix (K, K + 1); `UserError` where no pixel has a class."""
    true, correct = counts.sum(axis=1), np.diagonal(counts)
    if not true.sum():
        raise UserError("No pixel of the true label maps has a class of the palette: are these the right folders?")
    occurs = true > 0
    predicted = counts[:, :-1].sum(axis=0)
    accuracy = correct[occurs] / true[occurs]
    iou = correct[occurs] / (true + predicted - correct)[occurs]
    names = [name for name, there in zip(palette, occurs, strict=True) if there]
    return LabelScores(
        pixel_accuracy=float(correct.sum() / true.sum()),
        class_accuracy=float(accuracy.mean()),
        class_iou=float(iou.mean()),
        per_class={n: (float(a), float(i)) for n, a, i in zip(names, accuracy, iou, strict=True)},
    )
