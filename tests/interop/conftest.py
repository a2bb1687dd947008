"""Two small domains to go on training with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def domains(tmp_path: Path) -> tuple[Path, Path]:
    """Folders of four pictures of 40×40 px each, with the same names."""
    folders = (tmp_path / "a", tmp_path / "b")
    for seed, folder in enumerate(folders):
        folder.mkdir()
        for i in range(4):
            rough = np.random.default_rng([seed, i]).integers(0, 256, (5, 5, 3), dtype=np.uint8)
            Image.fromarray(rough).resize((40, 40), Image.Resampling.BICUBIC).save(folder / f"{i}.png")
    return folders
