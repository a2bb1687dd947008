"""One picture in place of a folder, as it is typed."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image
from terminal import Command, paint

TINY = [
    *("--crop", "16", "--generator.width", "4", "--generator.blocks", "1"),
    *("--discriminator.width", "4", "--discriminator.layers", "1"),
    *("--nce.patches", "4", "--nce.dimension", "8", "--images", "8", "--batch", "4", "--device", "cpu"),
]


def test_two_pictures_train_go_on_and_translate_the_whole(unpaired: Command, tmp_path: Path) -> None:
    a, b = paint(tmp_path / "a.png", 60, 50, seed=1), paint(tmp_path / "b.png", 44, 70, seed=2)
    run = tmp_path / "run"
    answer = unpaired("train", a, b, "--out", run, "--preset", "sincut", *TINY)
    assert answer.status == 0, answer
    assert f"A: 1 picture of 60×50 px in {a}" in answer.out
    assert "recipe for one picture" not in answer.out
    assert "pictures as they are, shrunk up to 3 times" in answer.out
    answer = unpaired("train", "--resume", run, "--images", 16)
    assert answer.status == 0, answer
    terms = [json.loads(line).get("terms", {}) for line in (run / "events.jsonl").read_text().splitlines()]
    assert {"nce_a", "nce_b", "identity_b", "r1_b"} <= {name for t in terms for name in t}
    assert unpaired("translate", run, a, "--out", tmp_path / "out").status == 0
    with Image.open(tmp_path / "out" / "a.png") as made:
        assert made.size == (60, 50)


def test_collections_are_told_of_a_recipe_for_collections(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    answer = unpaired("train", *domains, "--out", tmp_path / "run", "--preset", "sincut", *TINY)
    assert answer.status == 0, answer
    assert "is the recipe for one picture of each domain, and here is a folder of 12" in answer.out
    assert "take --preset cut" in answer.out


def test_a_crop_larger_than_the_picture_is_told(unpaired: Command, tmp_path: Path) -> None:
    a, b = paint(tmp_path / "a.png", 60, 50), paint(tmp_path / "b.png", 12, 70)
    answer = unpaired("train", a, b, "--out", tmp_path / "run", "--preset", "sincut", *TINY)
    assert f"{b} is 12×70 px, smaller than the crop of 16 px" in answer.sentence
    assert not (tmp_path / "run").exists()


def test_single_pictures_are_no_bakeoff(unpaired: Command, tmp_path: Path) -> None:
    a, b = paint(tmp_path / "a.png", seed=1), paint(tmp_path / "b.png", seed=2)
    answer = unpaired("bakeoff", a, b, "--out", tmp_path / "out", "--minutes", 1)
    assert f"{a} holds 1 picture" in answer.sentence
