"""Scores of colour label maps: photo → labels, judged against true label maps.

Each pixel is taken for the class of the nearest palette colour. Pixels that are void in the truth are left
out. Per-pixel accuracy, per-class accuracy and class IoU are those of Long, Shelhamer and Darrell 2015
(section 5), as in the evaluation of pix2pix and CycleGAN; the means run over the classes that occur in the
truth. A labelled pixel that is predicted void counts as wrong.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.pairs import together
from unpaired.evaluation.pictures import Picture, Pictures

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


STRANGE = 30
"""Distance in RGB from every colour of a palette beyond which a pixel's colour is in no class. JPEG moves colours: of
Cityscapes' label maps 12 % of the pixels are beyond, at the borders of classes, and of its photos 64 %."""
MOST_STRANGE = 0.4
"""Share of such pixels from which on pictures are no label maps of this palette."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelScores:
    """All in 0…1."""

    pixel_accuracy: float
    class_accuracy: float
    class_iou: float
    per_class: dict[str, tuple[float, float]]
    """Accuracy and IoU of each class that occurs in the truth."""
    never: list[str]
    """Classes that never occur in the truth, over which no mean runs."""
    confusion: list[list[int]]
    """(K, K + 1) pixel counts, see `confusion`."""

    def three(self) -> tuple[float, float, float]:
        """Per-pixel accuracy, per-class accuracy, class IoU: the rows of the papers' tables."""
        return self.pixel_accuracy, self.class_accuracy, self.class_iou

    @staticmethod
    def from_dict(values: dict[str, Any]) -> LabelScores:
        """From plain JSON values."""
        pairs = {name: (float(a), float(i)) for name, (a, i) in values["per_class"].items()}
        known: dict[str, Any] = {**values, "per_class": pairs}
        return LabelScores(**known)


def read_palette(path: Path) -> tuple[dict[str, Colour], Colour | None]:
    """A palette and the colour of void, if any, of a JSON file: {"road": [128, 64, 128], …, "void": [0, 0, 0]}.

    Raises `UserError` where it cannot be read or is none.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"The palette {path} cannot be read ({reason}).") from error
    palette: dict[str, Colour] = {}
    for name, colour in cast(dict[str, Any], found).items() if isinstance(found, dict) else [("all", found)]:
        numbers = cast(list[Any], colour) if isinstance(colour, list) else []
        if len(numbers) != 3 or not all(type(n) is int and 0 <= n <= 255 for n in numbers):
            raise UserError(
                f'{path} is no palette: {name} is {colour!r}, and not a colour as in {{"road": [128, 64, 128]}}.'
            )
        palette[name] = (numbers[0], numbers[1], numbers[2])
    void = palette.pop("void", None)
    if not palette:
        raise UserError(f"{path} is no palette: it names no class.")
    _colours(palette, void)
    return palette, void


def check_colours(maps: Pictures, palette: Mapping[str, Colour], void: Colour | None = VOID) -> str:
    """What has to be known about pixels whose colour is in no class, or "" where they are few.

    Raises `UserError` where they are so many that these are no label maps of this palette.
    """
    colours = np.array([*palette.values(), *([] if void is None else [void])], dtype=np.int64)
    strange, total = 0, 0
    seen: dict[int, int] = {}
    for picture in maps:
        unique, counts = np.unique(np.asarray(picture).reshape(-1, 3) // 8, axis=0, return_counts=True)
        values = unique.astype(np.int64) * 8 + 4
        far = (((values[:, None] - colours) ** 2).sum(axis=2).min(axis=1)) > STRANGE**2
        total += int(counts.sum())
        strange += int(counts[far].sum())
        for (r, g, b), count in zip(values[far], counts[far], strict=True):
            key = int(r) << 16 | int(g) << 8 | int(b)
            seen[key] = seen.get(key, 0) + int(count)
    if not total or strange / total < 0.05:
        return ""
    common = max(seen, key=lambda key: seen[key])
    said = (
        f"{strange / total:.0%} of the pixels of the true label maps have a colour that is in no class "
        f"(the commonest is near {(common >> 16, common >> 8 & 255, common & 255)})"
    )
    if strange / total > MOST_STRANGE:
        raise UserError(f"{said}: are these the label maps (--labels), and is this their palette (--palette)?")
    return f"{said}; each is taken for the nearest"


def nearest(picture: Picture, palette: Mapping[str, Colour], void: Colour | None = VOID) -> NDArray[np.int64]:
    """(…, 3) colours → (…) index of the nearest palette colour (Euclidean); `len(palette)` is void."""
    if not palette:
        raise UserError("A palette needs at least one class and its colour.")
    colours = _colours(palette, void)
    pixels = picture.reshape(-1, 3).astype(np.float32)
    # |p − c|² = |p|² − 2 p·c + |c|², where |p|² is the same for all colours. Exact for 8-bit values.
    scores = (colours**2).sum(axis=1) - 2 * pixels @ colours.T
    return scores.argmin(axis=1).reshape(picture.shape[:-1])


def _colours(palette: Mapping[str, Colour], void: Colour | None) -> NDArray[np.float32]:
    """(K, 3), that of void last. Raises `UserError` where two are the same."""
    colours = np.array([*palette.values(), *([] if void is None else [void])], dtype=np.float32)
    if len(np.unique(colours, axis=0)) < len(colours):
        raise UserError("Two classes of the palette (or void) have the same colour: no pixel could tell them apart.")
    return colours


def confusion(
    predicted: Pictures,
    truth: Pictures,
    palette: Mapping[str, Colour] = CITYSCAPES,
    void: Colour | None = VOID,
) -> NDArray[np.int64]:
    """(K, K + 1) pixel counts: rows are true classes, columns predicted ones, the last one void."""
    together(predicted, truth)
    counts = np.zeros((len(palette), len(palette) + 1), dtype=np.int64)
    for p, t in zip(predicted, truth, strict=True):
        counts += counted(nearest(p, palette, void), nearest(t, palette, void), len(palette))
    return counts


def counted(predicted: NDArray[np.int64], truth: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The confusion matrix (K, K + 1) of numbers of classes of one shape; `classes` stands for void."""
    known = truth < classes
    cells = truth[known] * (classes + 1) + predicted[known]
    return np.bincount(cells, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


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
        never=[name for name, there in zip(palette, occurs, strict=True) if not there],
        confusion=counts.tolist(),
    )
