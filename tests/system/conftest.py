"""Folders and a run that are small enough to train in a second."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from terminal import TINY, Answer, Command, fill

from unpaired.cli import main


@pytest.fixture
def unpaired(capsys: pytest.CaptureFixture[str]) -> Command:
    """Type `unpaired …` without starting another Python."""

    def run(*words: object) -> Answer:
        capsys.readouterr()
        try:
            main([str(word) for word in words])
            status = 0
        except SystemExit as e:
            status = e.code if isinstance(e.code, int) else int(bool(e.code))
        told = capsys.readouterr()
        return Answer(status, told.out, told.err)

    return run


@pytest.fixture(scope="session")
def domains(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders of 12 pictures each. Not to be changed."""
    root = tmp_path_factory.mktemp("domains")
    return fill(root / "a", seed=1), fill(root / "b", seed=2)


@pytest.fixture(scope="session")
def trained(domains: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 8 images. Not to be changed: `run` is a copy that may be."""
    run = tmp_path_factory.mktemp("trained") / "run"
    main(["train", *map(str, domains), "--out", str(run), *TINY])
    return run


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))
