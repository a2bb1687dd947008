"""One small run, and a server of it that most tests share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import Serving, make_run, serving

from unpaired.web.runs import Runs


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is not to be changed."""
    return make_run(tmp_path_factory.mktemp("runs") / "zebra")


@pytest.fixture(scope="session")
def server(small_run: Path) -> Iterator[Serving]:
    with serving(Runs.single(small_run)) as running:
        yield running
