"""The benchmark of what stays: its scenes are what they say, and its composites what `--masks` makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unpaired.presets import demo
from unpaired.validation import validate


@pytest.fixture
def benchmark(imported: Callable[..., Any]) -> Any:
    """Its modules."""
    return imported("landscapes", "scenes", "run", folder="background")


def test_scenes_and_their_scores(benchmark: Any) -> None:
    street = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    emoji = Image.new("RGBA", (64, 64), (200, 10, 10, 0))
    emoji.paste((200, 10, 10, 255), (16, 16, 48, 48))
    scene = benchmark.scenes.pasted(street, emoji, np.random.default_rng(1))
    plain = np.asarray(street)
    behind = scene.mask == 0
    assert np.array_equal(scene.picture[behind], plain[behind]) or np.array_equal(
        scene.picture[behind], plain[:, ::-1][behind]
    )
    emoji_there = scene.picture[scene.mask == 255].astype(int)
    assert np.abs(emoji_there - (200, 10, 10)).max() <= 5, "its colour, as resizing rounds it"
    cut = scene.foreground(scene.picture)
    assert cut.shape == (64, 64, 3)
    assert (cut[0] == 255).all(), "the street is gone"
    grey = np.where(behind[..., None], scene.picture, 0)
    assert scene.background_change(grey) == 0 < scene.foreground_change(grey)
    (held,) = benchmark.run.composites([scene], [255 - scene.picture])
    assert scene.background_change(held) == 0
    assert np.array_equal(held[scene.mask == 255], 255 - scene.picture[scene.mask == 255])


def test_landscapes_are_the_same_each_time_and_unlike_each_other(benchmark: Any, tmp_path: Path) -> None:
    folder = benchmark.landscapes.draw(tmp_path / "drawn", 6, 32)
    pictures = [np.asarray(Image.open(folder / f"{i:04}.png")).astype(int) for i in range(6)]
    assert sorted(path.name for path in folder.iterdir()) == [f"{i:04}.png" for i in range(6)]
    assert np.array_equal(pictures[3], benchmark.landscapes.landscape(3, 32))
    for i, picture in enumerate(pictures):
        assert picture.shape == (32, 32, 3)
        assert picture.std() > 15, "not plain"
        assert all(np.abs(picture - other).mean() > 5 for other in pictures[:i])
    (folder / "0002.png").unlink()
    benchmark.landscapes.draw(folder, 6, 32)
    assert (folder / "0002.png").is_file()


def test_every_row_can_be_trained_and_stands_in_the_table(benchmark: Any) -> None:
    found = {"background change": 1.5, "foreground change": 2.0, "foreground KID": 0.0105}
    table = benchmark.run.table(
        {"do nothing": found, **{name: found | {"images": 2400} for name in benchmark.run.ROWS}}
    )
    for name, make in benchmark.run.ROWS.items():
        validate(make(replace(demo(), data=replace(demo().data, colours_a=0))))
        assert f"| {name} | 1.50 | 2.0 | 10.5 | 2,400 |" in table
