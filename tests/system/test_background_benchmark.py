"""The benchmark of what stays: its scenes are what they say, and its composites what `--masks` makes."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from unpaired.presets import demo
from unpaired.validation import validate

HOME = Path(__file__).parents[2] / "benchmarks" / "background"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Its modules, which are imported from their folder."""
    if not HOME.is_dir():
        pytest.skip("benchmarks are not part of a package")
    monkeypatch.syspath_prepend(HOME)
    for name in ("scenes", "run"):  # another benchmark has a module of that name
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield Namespace(scenes=import_module("scenes"), run=import_module("run"))
    for name in ("scenes", "run"):
        sys.modules.pop(name, None)


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


def test_every_row_can_be_trained_and_stands_in_the_table(benchmark: Any) -> None:
    found = {"background change": 1.5, "foreground change": 2.0, "foreground KID": 0.0105}
    table = benchmark.run.table(
        {"do nothing": found, **{name: found | {"images": 2400} for name in benchmark.run.ROWS}}
    )
    for name, make in benchmark.run.ROWS.items():
        validate(make(replace(demo(), data=replace(demo().data, colours_a=0))))
        assert f"| {name} | 1.50 | 2.0 | 10.5 | 2,400 |" in table
