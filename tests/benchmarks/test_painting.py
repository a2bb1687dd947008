"""The benchmark of style transfer: its rows can be painted, and are told and shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def benchmark(imported: Callable[..., Any]) -> Any:
    return imported("style").style


def test_every_row_can_be_painted(benchmark: Any) -> None:
    for options in benchmark.ROWS.values():
        options.check(300, 450, 1)
    assert set(benchmark.SHOWN) <= set(benchmark.ROWS)


def test_a_row(
    benchmark: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    files = [str(tmp_path / f"{name}.png") for name in ("photo", "painting", "other")]
    flat, stripes = np.full((60, 80, 3), 200, np.uint8), np.zeros((60, 80, 3), np.uint8)
    flat[20:40, 30:50], stripes[:, ::4, 0] = 40, 255
    for picture, file in zip((flat, stripes, stripes), files, strict=True):
        Image.fromarray(picture).save(file)
    monkeypatch.setitem(benchmark.ROWS, "default", benchmark.StyleOptions(steps=20))
    monkeypatch.setattr("sys.argv", ["style.py", *files, "--rows", "default", "--picture", str(tmp_path / "s.webp")])
    benchmark.main()
    _, _, before, after = capsys.readouterr().out.splitlines()
    assert before.startswith("| the photo |")
    assert float(after.split("|")[4]) < float(before.split("|")[4]), "it comes nearer to the style"
    assert before.split("|")[3].strip() == "0.00"
    with Image.open(tmp_path / "s.webp") as picture:
        assert picture.width > 3 * benchmark.WIDTH
