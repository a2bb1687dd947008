"""Methods that learn from pairs, as they are typed: two folders, side-by-side files, one folder to colour."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image
from terminal import Command, fill, paint

TINY = [
    *("--size", "36", "--crop", "32", "--generator.width", "4", "--generator.depth", "3"),
    *("--discriminator.width", "4", "--discriminator.layers", "1"),
    *("--images", "4", "--batch", "2", "--held-out", "0", "--device", "cpu"),
]


def _pairs_beside(folder: Path, count: int) -> Path:
    """Files with a dark picture on the left and a light one on the right."""
    folder.mkdir(parents=True)
    for i in range(count):
        left = np.random.default_rng(i).integers(0, 100, (36, 36, 3), dtype=np.uint8)
        Image.fromarray(np.concatenate([left, 155 + left], axis=1)).save(folder / f"{i:02}.png")
    return folder


def test_two_folders_by_name_and_what_has_no_counterpart_is_told(unpaired: Command, tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", 12, seed=1), fill(tmp_path / "b", 12, seed=2)
    (b / "11.png").unlink()
    answer = unpaired("train", a, b, "--out", tmp_path / "run", "--preset", "pix2pix", *TINY)
    assert answer.status == 0, answer
    assert "11 pairs" in answer.out
    assert f"left out {a / '11.png'}: no picture of that name on the other side" in answer.out
    answer = unpaired("evaluate", tmp_path / "run", a, b, "--paired", "--json")
    assert set(json.loads(answer.out)["directions"]) == {"a2b"}


def test_pairs_of_unlike_proportions_are_told_or_refused(unpaired: Command, tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", 4, seed=1), fill(tmp_path / "b", 4, seed=2)
    with Image.open(a / "02.png") as whole:
        width, height = whole.size
    paint(b / "02.png", 2 * width, height)
    paint(b / "03.png", 2 * width, 2 * height)  # other sizes alone are no matter
    words = ("train", a, b, "--preset", "pix2pix", *TINY)
    answer = unpaired(*words, "--out", tmp_path / "run")
    assert answer.status == 0, answer
    assert "1 pair of unlike proportions, such as" in answer.out
    assert f"{b / '02.png'} of {2 * width}×{height} px: each is stretched to a square" in answer.out
    answer = unpaired(*words, "--resize", "short", "--out", tmp_path / "other")
    assert "give --resize square" in answer.sentence


def test_folders_without_a_common_name_are_refused(unpaired: Command, tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", 3), tmp_path / "b"
    for i in range(3):
        paint(b / f"other-{i}.png")
    answer = unpaired("train", a, b, "--out", tmp_path / "run", "--preset", "pix2pix", *TINY)
    assert "pix2pix learns from pairs, but no file" in answer.sentence
    assert not (tmp_path / "run").exists()


def test_side_by_side_files_train_measure_and_go_on(unpaired: Command, tmp_path: Path) -> None:
    _pairs_beside(tmp_path / "data" / "train", 12)
    _pairs_beside(tmp_path / "data" / "test", 10)
    run = tmp_path / "run"
    words = ("train", tmp_path / "data", "--out", run, "--preset", "pix2pix", "--layout", "side-by-side", *TINY)
    answer = unpaired(*words)
    assert answer.status == 0, answer
    assert "12 pairs" in answer.out
    assert unpaired("train", "--resume", run, "--images", 6).status == 0
    answer = unpaired("evaluate", run, tmp_path / "data" / "test", "--json")
    assert answer.status == 0, answer
    scores = json.loads(answer.out)["directions"]["a2b"]
    assert scores["pairs"] == 10
    # The halves differ by 155 of 255 everywhere.
    assert abs(scores["measures"]["L1 to true pairs"]["do_nothing"] - 155 / 255) < 0.01
    answer = unpaired("translate", run, tmp_path / "data" / "test", "--out", tmp_path / "made")
    assert "Pictures are translated whole: of such files, cut one half off" in answer.err
    few = unpaired("train", tmp_path / "data" / "train", "--out", tmp_path / "few", *words[4:], "--held-out", 100)
    assert "Put them into folders `train` and `test`" in few.out
    answer = unpaired("train", tmp_path / "data", tmp_path / "other", "--out", tmp_path / "no", *words[4:])
    assert "leave out" in answer.sentence


def test_one_folder_of_colour_pictures_is_coloured(unpaired: Command, tmp_path: Path) -> None:
    photos = fill(tmp_path / "photos", 10)
    run = tmp_path / "run"
    answer = unpaired("train", photos, "--out", run, "--preset", "colorization", *TINY)
    assert answer.status == 0, answer
    grey = paint(tmp_path / "grey.png", 50, 41, "L")
    assert unpaired("translate", run, grey, "--out", tmp_path / "out").status == 0
    with Image.open(tmp_path / "out" / "grey.png") as made:
        assert (made.size, made.mode) == ((50, 41), "RGB")
    answer = unpaired("evaluate", run, photos, "--json")
    assert json.loads(answer.out)["directions"]["a2b"]["pairs"] == 10


def test_sizes_that_do_not_fit_are_named(unpaired: Command, tmp_path: Path) -> None:
    a, b = fill(tmp_path / "a", 2), tmp_path / "b"
    for i in range(2):
        paint(b / f"{i:02}.png", 60, 40)
    words = ("train", a, b, "--out", tmp_path / "run", "--preset", "pix2pix", *TINY, "--resize", "short")
    assert "give --resize square" in unpaired(*words).sentence
    assert not (tmp_path / "run").exists()
