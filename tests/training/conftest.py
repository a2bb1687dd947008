"""Folders and a finished run that tests of training share."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tiny import TINY, paint, plan

import unpaired


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders of 12 pictures each. Not to be changed."""
    root = tmp_path_factory.mktemp("pictures")
    return paint(root / "a", seed=1), paint(root / "b", seed=2)


@pytest.fixture(scope="session")
def whole(pictures: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 8 images in one go, with a checkpoint at every second. Not to be changed."""
    run = tmp_path_factory.mktemp("whole") / "run"
    return unpaired.train(*pictures, out=run, config=plan(TINY, checkpoint_images=2, keep=9))


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of `whole` that may be changed."""
    return Path(shutil.copytree(whole, tmp_path / "run"))
