"""A generator that bends pictures, as a user types it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from terminal import TINY, Command

from unpaired.run import checkpoint, checkpoints


def test_a_warp_is_trained_gone_on_with_translated_and_exported(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("train", *domains, *TINY, "--generator.warp", "4", "--generator.residual")
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert unpaired(*words, "--out", whole).status == 0
    assert unpaired(*words, "--out", run, "--images", "4").status == 0
    assert unpaired("train", "--resume", run, "--images", "8").status == 0
    newest = [checkpoints.latest(one) for one in (run, whole)]
    assert newest[0] is not None
    assert newest[1] is not None
    assert checkpoint.read(newest[0]).files == checkpoint.read(newest[1]).files

    def translated(to: str, *options: str) -> np.ndarray:
        words = ("translate", run, domains[0], "--direction", "a2b", "--no-trust", "--out", tmp_path / to)
        assert unpaired(*words, *options).status == 0
        with Image.open(min((tmp_path / to).glob("*.png"))) as made:
            return np.asarray(made).astype(int)

    assert np.abs(translated("banded", "--max-memory", "1MB") - translated("whole_pictures")).max() <= 1
    answer = unpaired("export", run, "--direction", "a2b", "--onnx", tmp_path / "warp.onnx")
    assert answer.status == 0, answer
