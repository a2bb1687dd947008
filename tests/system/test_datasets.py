"""`unpaired datasets` as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from terminal import TINY, Command, fill


def test_what_there_is(unpaired: Command) -> None:
    answer = unpaired("datasets", "list")
    assert answer.status == 0
    assert "horse2zebra" in answer.out
    assert "cityscapes-dataset.com" in answer.out
    assert json.loads(unpaired("datasets", "list", "--json").out)["horse2zebra"]["bytes"] == 116867962
    assert "pack" in unpaired("datasets", "--help").out
    assert "perhaps you meant 'check'" in unpaired("datasets", "chek").sentence


def test_terms_are_said_first_and_offline_is_one_sentence(unpaired: Command, tmp_path: Path) -> None:
    answer = unpaired("datasets", "get", "mini", "--to", tmp_path / "d", "--address", "http://127.0.0.1:9/mini.zip")
    assert "is this machine online" in answer.sentence
    assert [line.split(":")[0] for line in answer.out.splitlines()] == ["mini", "Licence", "Cite"]
    assert not list(tmp_path.rglob("*mini*"))
    assert "perhaps you meant 'mini'" in unpaired("datasets", "get", "minni").sentence


def test_the_emoji_come_with_the_package(unpaired: Command, tmp_path: Path) -> None:
    answer = unpaired("datasets", "get", "emoji", "--to", tmp_path)
    assert answer.status == 0, answer
    assert f"unpaired train {tmp_path / 'emoji'} --out runs/emoji" in answer.out
    assert {place.name for place in (tmp_path / "emoji").iterdir()} >= {"trainA", "trainB", "testA", "testB"}


def test_faults_are_a_table_and_a_status(unpaired: Command, tmp_path: Path) -> None:
    a, b = fill(tmp_path / "[a]", 3, seed=1), fill(tmp_path / "b", 3, seed=2)
    good = unpaired("datasets", "check", a, b, "--size", "40")
    assert (good.status, good.out.splitlines()[-1]) == (0, "Errors: 0, warnings: 2.")
    shutil.copy(a / "00.png", b / "99.png")
    bad = unpaired("datasets", "check", a, b, "--size", "40")
    assert bad.status == 1
    assert f"A and B: the same file:\n   {a / '00.png'} and {b / '99.png'}\n" in bad.out
    assert bad.out.splitlines()[-1] == "Errors: 1, warnings: 2."
    told = json.loads(unpaired("datasets", "check", a, b, "--json", "--size", "40").out)
    assert told["counts"] == {"A": 3, "B": 4}
    assert [f["what"] for f in told["findings"] if f["level"] == "error"] == ["A and B: the same file"]


@pytest.mark.parametrize("more", [["--size", "0"], ["--sample", "-1"]])
def test_numbers_that_make_no_sense(unpaired: Command, domains: tuple[Path, Path], more: list[str]) -> None:
    assert "--size must be at least 1" in unpaired("datasets", "check", *domains, *more).sentence


def test_packed_and_trained_on(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    for name, folder in zip("ab", domains, strict=True):
        answer = unpaired("datasets", "pack", folder, "--out", tmp_path / name)
        assert answer.out == f"12 pictures packed into 1 shard in {tmp_path / name}.\n"
    assert "exists already" in unpaired("datasets", "pack", domains[0], "--out", tmp_path / "a").sentence
    assert "not packed yet" in unpaired("datasets", "pack", tmp_path / "a", "--out", tmp_path / "c").sentence
    assert "--shard-mb must be at least 1" in unpaired(
        "datasets", "pack", domains[0], "--out", tmp_path / "c", "--shard-mb", "0"
    ).sentence  # fmt: skip
    answer = unpaired("train", tmp_path / "a", tmp_path / "b", "--out", tmp_path / "run", *TINY)
    assert answer.status == 0, answer
    assert "A: 12 pictures" in answer.out
