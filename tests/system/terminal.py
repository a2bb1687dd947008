"""Typing commands, and pictures to type them on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

TINY = [
    *("--size", "36", "--crop", "32", "--generator.width", "4", "--generator.blocks", "1"),
    *("--discriminator.kind", "patchgan", "--discriminator.width", "4", "--discriminator.layers", "1"),
    *("--images", "8", "--batch", "2", "--held-out", "0", "--device", "cpu"),
]
"""Options of a training that takes a second."""


@dataclass(frozen=True)
class Answer:
    """What a command left behind in the terminal."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one sentence of a mistake: alone on standard error, and nothing of Python's insides."""
        assert self.status == 1, self
        lines = self.err.splitlines()
        assert len(lines) == 1, self
        assert "Traceback" not in self.out + self.err, self
        return lines[0]


Command = Callable[..., Answer]


def shell(*words: object, limit: float = 60) -> Answer:
    """Type `unpaired …` in a process of its own."""
    command = [sys.executable, "-m", "unpaired", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=False)
    return Answer(done.returncode, done.stdout, done.stderr)


def paint(path: Path, width: int = 40, height: int = 40, mode: str = "RGB", seed: int = 0) -> Path:
    """A picture file of soft random colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rough = np.random.default_rng([seed, len(path.name)]).integers(0, 256, (5, 5, 4), dtype=np.uint8)
    image = Image.fromarray(rough, "RGBA").resize((width, height), Image.Resampling.BICUBIC).convert(mode)
    image.save(path)
    return path


def fill(folder: Path, count: int = 12, *, seed: int = 0) -> Path:
    """A folder of pictures 00.png, 01.png, …"""
    for i in range(count):
        paint(folder / f"{i:02}.png", seed=100 * seed + i)
    return folder
