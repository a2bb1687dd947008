"""The benchmark of structure: its phantoms are what they say, and its rows train."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def benchmark(imported: Callable[..., Any]) -> Any:
    return imported("structure").structure


def test_bodies_and_lesions(benchmark: Any) -> None:
    healthy = benchmark.bodies(8, lesions=0, seed=0)
    a, b = benchmark.as_a(healthy), benchmark.as_b(healthy)
    assert a.shape == b.shape == (8, 1, 32, 32)
    by_tissue = np.argsort(healthy.ravel())
    assert (np.diff(b.ravel()[by_tissue].astype(int)) <= 0).all(), "dark where A is bright"
    assert benchmark.made_up(b, b) == 0
    light = np.full_like(b, 200)
    painted = light.copy()
    painted[:2, :, 8:12, 8:12] = 0
    assert benchmark.made_up(painted, light) == 2 / 8
    ill = benchmark.as_b(benchmark.bodies(8, lesions=1, seed=0))
    assert ((ill < 12).sum(axis=(1, 2, 3)) >= 8).all()


def test_a_row(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["structure.py", "--images", "16", "--rows", "mind 5", "--picture", str(tmp_path / "rows.webp")]
    monkeypatch.setattr("sys.argv", words)
    monkeypatch.setattr(benchmark, "PICTURES", 16)
    benchmark.main()
    row = [cell.strip() for cell in capsys.readouterr().out.splitlines()[-1].split("|")[1:-1]]
    assert row[0] == "mind 5"
    assert 0 < float(row[1]) < 30
    assert 0 < float(row[2]) < 1
    with Image.open(tmp_path / "rows.webp") as picture:
        assert picture.size == (80 + 12 * 64, 3 * 64)
