"""Groups that go through a network together, and beside each other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import picture

from unpaired.data.decode import picture_bytes
from unpaired.data.picture import Picture
from unpaired.translation import values
from unpaired.translation.translator import Translator
from unpaired.web.batcher import Batcher, _even


@given(st.integers(1, 1000))
def test_groups_have_one_of_few_sizes_and_leave_little_over(count: int) -> None:
    assert 2 / 3 * count < _even(count) <= count
    assert len({_even(n) for n in range(1, count + 1)}) <= 2 * count.bit_length()


def _all_at_once_as_alone(batcher: Batcher, translator: Translator, pictures: list[Picture]) -> None:
    async def all_at_once() -> list[np.ndarray]:
        running = asyncio.create_task(batcher.run())
        made = await asyncio.gather(*(batcher.translate(translator, p, "a2b") for p in pictures))
        running.cancel()
        return [m.pages[0] for m in made]

    try:
        together = asyncio.run(all_at_once())
    finally:
        batcher.close()
    for one, made in zip(pictures, together, strict=True):
        (alone,) = values.translated(translator, [one], "a2b")
        assert np.abs(alone.pages[0].astype(int) - made).max() <= 1


def test_large_and_small_pictures_at_once_become_what_they_become_alone(small_run: Path) -> None:
    """Those that don't fit into memory are traced and go in bands."""
    translator = Translator.load(small_run, direction="a2b", device="cpu", max_memory=1)
    sides = [300 if i % 5 == 0 else 16 + 8 * (i % 3) for i in range(24)]
    pictures = [picture_bytes(picture(side, side, seed=i), Path("picture")) for i, side in enumerate(sides)]
    _all_at_once_as_alone(Batcher(64, lanes=4), translator, pictures)


@pytest.mark.parametrize("lanes", [1, 3])
def test_beside_each_other_pictures_become_what_they_become_alone(small_run: Path, lanes: int) -> None:
    translator = Translator.load(small_run, direction="a2b", device="cpu")
    pictures = [picture_bytes(picture(16 + 8 * (i % 3), 24, seed=i), Path("picture")) for i in range(24)]
    batcher = Batcher(64, lanes=lanes)
    _all_at_once_as_alone(batcher, translator, pictures)
    assert batcher.pictures == 24
    assert batcher.batches < 24
