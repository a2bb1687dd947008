"""The network of the FCN score: that it learns, that it is kept whole, and what it says of translations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.evidence import LabelMaps
from unpaired.evaluation.fcn import Facts, FCN8s, Judge, view
from unpaired.evaluation.fcn_training import train_fcn
from unpaired.evaluation.features import LiteExtractor
from unpaired.evaluation.measure import evaluate
from unpaired.evaluation.shelf import Shelf
from unpaired.networks import efficientnet

PALETTE = {"sky": (0, 0, 250), "ground": (0, 250, 0), "never": (250, 0, 0)}
SIDE = 32


def _scene(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A bright noisy sky above dark ground, and its label map."""
    rng = np.random.default_rng(seed)
    horizon = 8 + seed % 16
    label = np.zeros((SIDE, SIDE, 3), np.uint8)
    label[:horizon], label[horizon:] = PALETTE["sky"], PALETTE["ground"]
    photo = np.where(np.arange(SIDE)[:, None, None] < horizon, 200, 50) + rng.integers(-30, 30, (SIDE, SIDE, 3))
    return photo.astype(np.uint8), label


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("scenes")
    for name in ("photos", "maps"):
        (root / name).mkdir()
    for i in range(24):
        for name, picture in zip(("photos", "maps"), _scene(i), strict=True):
            Image.fromarray(picture).save(root / name / f"{i}.png")
    return root / "photos", root / "maps"


@pytest.fixture(scope="module")
def judge(folders: tuple[Path, Path]) -> Judge:
    trained, reached = train_fcn(*folders, side=SIDE, minutes=5, images=160, palette=PALETTE, void=None, device="cpu")
    assert reached.pixel_accuracy > 0.85
    assert reached.never == ["never"]
    assert trained.facts.images == 160
    return trained


def test_it_is_kept_whole(judge: Judge, tmp_path: Path) -> None:
    photos = np.stack([_scene(i)[0] for i in (100, 101)])
    judge.save(tmp_path / "fcn.safetensors")
    again = Judge.load(tmp_path / "fcn.safetensors")
    assert again.facts == judge.facts
    np.testing.assert_array_equal(again(photos), judge(photos))
    assert again(photos).shape == (2, SIDE, SIDE)
    content = (tmp_path / "fcn.safetensors").read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    (tmp_path / "other").write_text("no weights")
    for name in ("cut", "other", "missing"):
        with pytest.raises(UserError, match="evaluate fcn train"):
            Judge.load(tmp_path / name)


def test_photos_of_another_side_are_told(judge: Judge) -> None:
    with pytest.raises(UserError, match="not of 16×16 px: train one with --size 16"):
        judge(np.zeros((1, 16, 16, 3), np.uint8))


def test_the_score_tells_a_good_translation_from_a_bad_one(judge: Judge) -> None:
    scenes = [_scene(i) for i in range(200, 212)]
    photos, maps = ([scene[k] for scene in scenes] for k in (0, 1))
    by_content = {label.tobytes(): photo for photo, label in scenes}

    def know(pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        return [by_content[p.tobytes()] for p in pictures]

    def upside_down(pictures: Sequence[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
        return [p[::-1].copy() for p in know(pictures)]

    eyes = LiteExtractor()
    a, b = Collection(maps, eyes), Collection(photos, eyes)
    good, bad = (
        evaluate({"a2b": way}, a, b, measures=["fcn"], segmenter=judge, pairs=[(i, i) for i in range(12)],
                 labels=LabelMaps("a", Shelf.of(maps), PALETTE, None)).directions["a2b"].measures
        for way in (know, upside_down)
    )  # fmt: skip
    rows = ["per-pixel accuracy (FCN-8s)", "per-class accuracy (FCN-8s)", "class IoU (FCN-8s)"]
    assert list(good) == rows
    for name in rows:
        assert good[name].translator == good[name].floor, "the true photos are the ground truth"
        assert bad[name].translator < good[name].translator - 0.2
    assert "never shows never" in good[rows[2]].note


def test_it_begins_as_the_coarse_scores_enlarged() -> None:
    """Skips begin at 0, doubling as bilinear interpolation: constant scores stay constant inside."""
    network = FCN8s(efficientnet.load("lite0"), 3).eval()
    ones = torch.ones(1, 3, 4, 4)
    assert torch.equal(network.double32(ones)[..., 2:-2, 2:-2], torch.ones(1, 3, 4, 4))
    with torch.no_grad():
        y = network(torch.zeros(1, 3, 64, 64))
        assert y.shape == (1, 3, 64, 64)
        assert torch.equal(network.score8(torch.ones(1, network.backbone.channels[2], 2, 2)), torch.zeros(1, 3, 2, 2))
    assert [view(side) for side in (16, 64, 100, 128)] == [64, 128, 224, 256]


def test_bad_input_is_told(folders: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="in no class"):
        train_fcn(folders[0], folders[1], side=SIDE, minutes=1)
    (tmp_path / "few").mkdir()
    Image.fromarray(_scene(0)[0]).save(tmp_path / "few" / "0.png")
    with pytest.raises(UserError, match="at least 10 pairs"):
        train_fcn(tmp_path / "few", folders[1], side=SIDE, minutes=1)
    with pytest.raises(UserError, match="below 16"):
        train_fcn(*folders, side=8, minutes=1)
    with pytest.raises(UserError, match="not above 0"):
        train_fcn(*folders, side=SIDE, minutes=0)
    (tmp_path / "file").write_text("")
    judge = Judge(FCN8s(efficientnet.load("lite0"), 1), Facts(classes=["x"], side=64))
    with pytest.raises(UserError, match="cannot be written"):
        judge.save(tmp_path / "file" / "x")
