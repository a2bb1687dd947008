"""Label scores against counts by hand and against torchmetrics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchmetrics.functional.classification import multiclass_accuracy, multiclass_jaccard_index

from unpaired.errors import UserError
from unpaired.evaluation.labels import CITYSCAPES, VOID, confusion, nearest, read_palette, scores

PALETTE = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255)}
COLOURS = np.array([*PALETTE.values(), VOID], np.uint8)


def _map(*rows: str) -> NDArray[np.uint8]:
    return COLOURS[np.array([["rgb.".index(c) for c in row] for row in rows])]


def test_counts_by_hand() -> None:
    truth = _map("rrrr", "gg..")
    predicted = _map("rrg.", "gbrr")
    counts = confusion([predicted], [truth], PALETTE)
    np.testing.assert_array_equal(counts, [[2, 1, 0, 1], [0, 1, 1, 0], [0, 0, 0, 0]])
    found = scores(counts, PALETTE)
    assert found.pixel_accuracy == pytest.approx(3 / 6)
    assert found.class_accuracy == pytest.approx((2 / 4 + 1 / 2) / 2)  # blue does not occur in the truth
    assert found.class_iou == pytest.approx((2 / 4 + 1 / 3) / 2)
    assert found.per_class == {"red": (0.5, 0.5), "green": (0.5, pytest.approx(1 / 3))}


def test_agreement_with_torchmetrics() -> None:
    rng = np.random.default_rng(0)
    truth, predicted = rng.integers(0, 20, (2, 4, 16, 16))
    predicted = np.where(rng.random(truth.shape) < 0.5, truth % 19, predicted % 19)
    colours = np.array([*CITYSCAPES.values(), VOID], np.uint8)
    found = scores(confusion(list(colours[predicted]), list(colours[truth])))
    p, t = torch.from_numpy(predicted), torch.from_numpy(truth)

    def theirs(metric: type[multiclass_accuracy], average: str) -> float:
        return float(metric(p, t, num_classes=20, average=average, ignore_index=19))

    assert found.pixel_accuracy == pytest.approx(theirs(multiclass_accuracy, "micro"), abs=1e-6)
    known = t < 19
    each = multiclass_accuracy(p[known], t[known], num_classes=19, average="none")
    iou = multiclass_jaccard_index(p[known], t[known], num_classes=19, average="none")
    assert found.class_accuracy == pytest.approx(float(each.mean()), abs=1e-6)
    assert found.class_iou == pytest.approx(float(iou.mean()), abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_sums_and_perfection(seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(0, 256, (2, 3, 5, 6, 3), dtype=np.uint8)
    truth[0, 0, 0] = PALETTE["red"]
    counts = confusion(list(predicted), list(truth), PALETTE)
    assert counts.sum() == (nearest(truth, PALETTE) < 3).sum()
    assert confusion(list(predicted[::-1]), list(truth[::-1]), PALETTE).tolist() == counts.tolist()
    perfect = scores(confusion(list(truth), list(truth), PALETTE), PALETTE)
    assert (perfect.pixel_accuracy, perfect.class_accuracy, perfect.class_iou) == (1, 1, 1)
    assert 0 <= scores(counts, PALETTE).class_iou <= scores(counts, PALETTE).class_accuracy <= 1


def test_nearest_is_the_nearest() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (9, 11, 3), dtype=np.uint8)
    colours = np.array([*CITYSCAPES.values(), VOID], np.int64)
    distance = np.square(picture[:, :, None].astype(np.int64) - colours).sum(axis=-1)
    chosen = np.take_along_axis(distance, nearest(picture, CITYSCAPES)[..., None], axis=-1)[..., 0]
    np.testing.assert_array_equal(chosen, distance.min(axis=-1))


def test_jpeg_noise_does_not_change_a_class() -> None:
    for index, colour in enumerate(CITYSCAPES.values()):
        noisy = np.clip(np.array(colour) + np.array([4, -4, 4]), 0, 255).astype(np.uint8)
        assert nearest(noisy[None, None], CITYSCAPES).item() == index


def test_without_void_every_pixel_counts() -> None:
    counts = confusion([_map("r.")], [_map("..")], PALETTE, void=None)
    assert counts.sum() == 2


def test_bad_input_is_told() -> None:
    with pytest.raises(UserError, match="No pixel of the true label maps"):
        scores(confusion([_map("rg")], [_map("..")], PALETTE), PALETTE)
    with pytest.raises(UserError, match="the same colour"):
        nearest(_map("r"), {"a": (1, 2, 3), "b": (1, 2, 3)})
    with pytest.raises(UserError, match="at least one class"):
        nearest(_map("r"), {})
    with pytest.raises(UserError, match="2×1 and 3×1 px"):
        confusion([_map("rg")], [_map("rgb")], PALETTE)
    with pytest.raises(UserError, match="as many pictures"):
        confusion([_map("rg")], [_map("rg"), _map("rg")], PALETTE)


def test_a_palette_of_two_equal_colours_is_refused_when_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "palette.json").write_text('{"road": [1, 2, 3], "sky": [1, 2, 3]}')
    with pytest.raises(UserError, match="same colour"):
        read_palette(tmp_path / "palette.json")
