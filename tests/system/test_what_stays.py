"""What is not of the domain stays as it is: given masks and learnt attention, as a user types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from terminal import TINY, Command

from unpaired.methods import METHODS
from unpaired.run import checkpoint, checkpoints


@pytest.fixture
def masks(domains: tuple[Path, Path], tmp_path: Path) -> Path:
    """A mask for each picture of A: the left half is to be translated, and a column is mixed."""
    folder = tmp_path / "masks"
    folder.mkdir()
    for path in domains[0].iterdir():
        with Image.open(path) as picture:
            values = np.zeros((picture.height, picture.width), np.uint8)
        values[:, : values.shape[1] // 2] = 255
        values[:, values.shape[1] // 2] = 128
        Image.fromarray(values).save(folder / path.name)
    return folder


def bits(run: Path) -> dict[str, str]:
    newest = checkpoints.latest(run)
    assert newest is not None
    return checkpoint.read(newest).files


def test_masks_hold_a_training_and_going_on_is_exact(
    unpaired: Command, domains: tuple[Path, Path], masks: Path, tmp_path: Path
) -> None:
    words = ("train", *domains, *TINY, "--masks-a", masks)
    whole = unpaired(*words, "--out", tmp_path / "whole")
    assert whole.status == 0, whole
    assert "12 masks: what is black in them is to stay as it is" in whole.err + whole.out
    assert unpaired(*words, "--out", tmp_path / "two", "--images", "4").status == 0
    assert unpaired("train", "--resume", tmp_path / "two", "--images", "8").status == 0
    assert bits(tmp_path / "two") == bits(tmp_path / "whole")
    lines = (tmp_path / "whole" / "events.jsonl").read_text().splitlines()
    assert any("outside_a" in json.loads(line).get("terms", {}) for line in lines)
    record = json.loads((tmp_path / "whole" / "run.json").read_text())
    assert record["folders"]["masks_a"] == str(masks.resolve())
    assert f", masks in {masks.resolve()}" in unpaired("inspect", tmp_path / "whole").out.replace("\n", "")
    # Masks decide as pictures do.
    first = min(masks.iterdir())
    with Image.open(first) as mask:
        other = 255 - np.asarray(mask)
    Image.fromarray(other).save(first)
    changed = unpaired("train", "--resume", tmp_path / "two", "--images", "12")
    assert changed.status == 1
    assert "are not those that" in changed.sentence


def test_what_a_mask_leaves_black_is_translated_to_the_bit_of_the_input(
    unpaired: Command, trained: Path, domains: tuple[Path, Path], masks: Path, tmp_path: Path
) -> None:
    words = ("translate", trained, domains[0], "--direction", "a2b", "--no-trust", "--out")
    assert unpaired(*words, tmp_path / "free").status == 0
    assert unpaired(*words, tmp_path / "held", "--masks", masks).status == 0
    for path in domains[0].iterdir():
        before, free, held = (
            np.asarray(Image.open(folder / path.name)).astype(int)
            for folder in (domains[0], tmp_path / "free", tmp_path / "held")
        )
        middle = before.shape[1] // 2
        assert np.array_equal(held[:, :middle], free[:, :middle])
        assert np.array_equal(held[:, middle + 1 :], before[:, middle + 1 :])
        mixed = (128 * free[:, middle] + 127 * before[:, middle]) / 255
        assert np.abs(held[:, middle] - mixed).max() <= 0.5 + 1e-9
        assert not np.array_equal(free, before)
    # Typed again, nothing is done again; a mask that was changed is noticed, and only its picture made anew.
    assert "12 were done before" in unpaired(*words, tmp_path / "held", "--masks", masks).out
    first = min(masks.iterdir())
    Image.fromarray(np.zeros_like(np.asarray(Image.open(first)))).save(first)
    again = unpaired(*words, tmp_path / "held", "--masks", masks)
    assert "1 translated into" in again.out
    assert "11 were done before" in again.out
    assert np.array_equal(
        np.asarray(Image.open(tmp_path / "held" / first.name)), np.asarray(Image.open(domains[0] / first.name))
    )


def test_masks_beside_pictures_are_no_pictures(
    unpaired: Command, trained: Path, domains: tuple[Path, Path], masks: Path, tmp_path: Path
) -> None:
    beside = tmp_path / "beside"
    shutil.copytree(domains[0], beside)
    for path in masks.iterdir():
        shutil.copy(path, beside / f"{path.stem}-mask.png")
    words = ("translate", trained, beside, "--direction", "a2b", "--no-trust", "--out", tmp_path / "out")
    answer = unpaired(*words, "--masks", beside)
    assert answer.status == 0, answer
    assert "12 translated" in answer.out
    assert "0 skipped" in answer.out, "what was used as a mask is not told as passed over"


def test_masks_that_can_not_be_used_are_refused_before_anything_is_written(
    unpaired: Command, trained: Path, domains: tuple[Path, Path], masks: Path, tmp_path: Path
) -> None:
    translate = ("translate", trained, domains[0], "--direction", "a2b", "--out", tmp_path / "out", "--masks")
    first = min(masks.iterdir())
    kept = first.read_bytes()
    first.unlink()
    for words in ((*translate, masks), ("train", *domains, *TINY, "--out", tmp_path / "run", "--masks-a", masks)):
        answer = unpaired(*words)
        assert answer.status == 1
        assert f"{first.name} has no mask in" in answer.sentence
    assert not (tmp_path / "out").exists()
    assert not (tmp_path / "run").exists()
    first.write_bytes(kept)
    assert "does not exist" in unpaired(*translate, tmp_path / "none").sentence
    assert "--masks is for --engine local" in unpaired(*translate, masks, "--engine", "ray").sentence
    run = ("--out", tmp_path / "run", "--masks-a", masks)
    film = unpaired(*translate[:-2], tmp_path / "film.mp4", "--fps", "5", "--masks", masks)
    assert "--masks and --attention are for pictures" in film.sentence
    same = unpaired("train", domains[0], *TINY, *run, "--layout", "same")
    assert "With --layout same there are no masks" in same.sentence
    grey = unpaired("train", *domains, *TINY, *run, "--channels-b", "1", "--identity", "0")
    assert "needs domains with the same channels" in grey.sentence
    on = unpaired("train", "--resume", trained, "--masks-a", masks)
    assert "leave out DIR_A, DIR_B, --out, --test-a, --test-b, --masks-a and --masks-b" in on.sentence


@pytest.mark.parametrize("method", sorted(name for name, kind in METHODS.items() if "b2a" not in kind.translators))
def test_masks_of_b_are_refused_where_b_is_not_translated(
    unpaired: Command, domains: tuple[Path, Path], masks: Path, tmp_path: Path, method: str
) -> None:
    words = ("train", *domains, *TINY, "--out", tmp_path / "run", "--method", method, "--nce.layers", "0", "1")
    told = unpaired(*words, "--masks-b", masks).sentence
    assert f"{method} translates pictures of A only" in told
    assert "leave out --masks-b" in told
    assert not (tmp_path / "run").exists()


def test_a_mask_of_another_size_fails_its_picture_only(
    unpaired: Command, trained: Path, domains: tuple[Path, Path], masks: Path, tmp_path: Path
) -> None:
    first = min(masks.iterdir())
    Image.fromarray(np.full((5, 7), 255, np.uint8)).save(first)
    words = ("translate", trained, domains[0], "--direction", "a2b", "--no-trust", "--out", tmp_path / "out")
    answer = unpaired(*words, "--masks", masks)
    assert answer.status == 1
    assert "11 translated" in answer.out
    assert "is 7×5 px and its picture" in answer.err
    assert not (tmp_path / "out" / first.name).exists()


def test_attention_is_trained_translated_and_mapped(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    run, maps = tmp_path / "run", tmp_path / "maps"
    assert unpaired("train", *domains, "--out", run, *TINY, "--generator.attention").status == 0
    words = ("translate", run, domains[0], "--direction", "a2b", "--no-trust")
    answer = unpaired(*words, "--out", tmp_path / "out", "--attention", maps)
    assert answer.status == 0, answer
    assert "12 maps of attention in" in answer.err
    made = sorted((tmp_path / "out").glob("*.png"))
    assert [p.name for p in made] == [p.name for p in sorted(maps.iterdir())]
    with Image.open(maps / made[0].name) as one, Image.open(made[0]) as picture:
        assert (one.mode, one.size) == ("L", picture.size)
        assert 0 < np.asarray(one).mean() < 255
    # What was translated before has its maps, too.
    answer = unpaired(*words, "--out", tmp_path / "out", "--attention", tmp_path / "later")
    assert "12 were done before" in answer.out
    assert "12 maps of attention in" in answer.err
    assert sorted(p.read_bytes() for p in maps.iterdir()) == sorted(
        p.read_bytes() for p in (tmp_path / "later").iterdir()
    )


def test_without_attention_there_is_no_map_of_it(unpaired: Command, trained: Path, domains: tuple[Path, Path],
                                                 tmp_path: Path) -> None:  # fmt: skip
    words = ("translate", trained, domains[0], "--direction", "a2b", "--out", tmp_path / "out")
    answer = unpaired(*words, "--attention", tmp_path / "maps")
    assert answer.status == 1
    assert "learnt no attention: train with --generator.attention" in answer.sentence
    assert not (tmp_path / "out").exists()
    full = unpaired(*words, "--attention", tmp_path / "maps", "--engine", "ray")
    assert "--attention is for --engine local" in full.sentence
