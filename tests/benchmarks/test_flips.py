"""The benchmark of swapped light and dark: its start is a negative, negatives look real, its rows train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unpaired.validation import validate


@pytest.fixture
def benchmark(imported: Callable[..., Any]) -> Any:
    return imported("flips").flips


def test_negatives_look_as_real_as_pictures(benchmark: Any) -> None:
    for striped in (False, True):
        pictures = benchmark.shapes(200, striped=striped, seed=0)
        assert pictures.shape == (200, 32, 32, 3)
        means = pictures.mean(axis=(1, 2, 3))
        assert abs(means.mean() - 127.5) < 6
        corners, middles = pictures[:, 0, 0], pictures[:, 14:18, 14:18].mean(axis=(1, 2))
        lighter = (middles.mean(axis=1) > corners.mean(axis=1)).mean()
        assert 0.4 < lighter < 0.6, "either may be the lighter one"


def test_every_row_can_be_trained(benchmark: Any) -> None:
    for rows in benchmark.ROWS.values():
        for config in rows.values():
            validate(config)


def test_a_row(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(
        "sys.argv",
        ["flips.py", "--steps", "8", "--seeds", "0", "--rows", "--inversion 5", "--picture", str(tmp_path / "f.webp")],
    )
    for name in ("PICTURES", "TESTS"):
        monkeypatch.setattr(benchmark, name, 16)
    benchmark.main()
    head, _, row = capsys.readouterr().out.splitlines()
    assert "seed 0, step 0" in head
    name, start, *later, flipped = [cell.strip() for cell in row.split("|")[1:-1]]
    assert name == "--inversion 5"
    assert max(map(float, start.split(", "))) < -0.8, "it was taught to give negatives"
    assert len(later) == 2
    assert flipped == "2 of 2", "8 steps are too few"
    with Image.open(tmp_path / "f.webp") as picture:
        assert picture.width > 3 * 96 < picture.height


def test_a_row_of_the_other_start_is_named(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["flips.py", "fresh", "--rows", "--identity 5"])
    with pytest.raises(SystemExit, match="2"):
        benchmark.main()
    assert "rows of fresh are --init-gain 0.002" in capsys.readouterr().err


def test_it_begins_as_asked(benchmark: Any) -> None:
    config = benchmark.ROWS["fresh"]["--generator.residual"]
    pictures = benchmark.shapes(16, striped=False, seed=0)
    engine = benchmark.begun(config, 0, (pictures, pictures), negative=False)
    assert min(benchmark.correlations(engine, pictures, pictures)) > 0.9, "a residual generator begins as it is"
    assert not np.array_equal(benchmark.batch(pictures, 0, 0), benchmark.batch(pictures, 0, 1))
