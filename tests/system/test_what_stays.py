"""What is not of the domain stays as it is: learnt attention, as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from terminal import TINY, Command


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


def test_without_attention_there_is_no_map_of_it(unpaired: Command, trained: Path, domains: tuple[Path, Path],
                                                 tmp_path: Path) -> None:  # fmt: skip
    words = ("translate", trained, domains[0], "--direction", "a2b", "--out", tmp_path / "out")
    answer = unpaired(*words, "--attention", tmp_path / "maps")
    assert answer.status == 1
    assert "learnt no attention: train with --generator.attention" in answer.sentence
    assert not (tmp_path / "out").exists()
    full = unpaired(*words, "--attention", tmp_path / "maps", "--engine", "ray")
    assert "--attention is for --engine local" in full.sentence
