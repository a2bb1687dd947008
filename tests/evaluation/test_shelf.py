"""What waits in a file comes back as it was, in any order, and leaves nothing behind."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.errors import UserError
from unpaired.evaluation import shelf as module
from unpaired.evaluation.shelf import Shelf


@pytest.fixture(autouse=True)
def _here(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path_factory.mktemp("cache")))


@settings(deadline=None, max_examples=30)
@given(
    pieces=st.lists(st.integers(0, 5), max_size=6),
    row=st.sampled_from([(), (3,), (2, 4, 3)]),
    kind=st.sampled_from([np.uint8, np.float32, np.int64]),
    seed=st.integers(0, 1000),
)
def test_it_holds_what_an_array_holds(pieces: list[int], row: tuple[int, ...], kind: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    whole = rng.integers(0, 200, (sum(pieces), *row)).astype(kind)
    shelf = Shelf(row, kind)
    for start, size in zip(np.cumsum([0, *pieces]), pieces, strict=False):
        shelf.append(whole[start : start + size])
    assert (shelf.shape, shelf.dtype, len(shelf)) == (whole.shape, whole.dtype, len(whole))
    count = len(whole)
    np.testing.assert_array_equal(shelf[:], whole)
    np.testing.assert_array_equal(shelf[count // 3 : -1 : 2], whole[count // 3 : -1 : 2])
    if not count:
        return
    index = rng.integers(0, count, 7)
    np.testing.assert_array_equal(shelf[index], whole[index])
    np.testing.assert_array_equal(shelf[-1], whole[-1])
    part = shelf.part(index)
    np.testing.assert_array_equal(part[2:5], whole[index][2:5])
    np.testing.assert_array_equal(part.part([6, 0])[:], whole[index][[6, 0]])
    np.testing.assert_array_equal(np.stack(list(part)), whole[index])
    with pytest.raises(IndexError):
        shelf[count]


def test_what_is_taken_is_a_copy_and_the_file_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path))
    shelf = Shelf.of([np.zeros(4), np.ones(4)])
    shelf[0][:] = 7
    assert shelf[0].tolist() == [0, 0, 0, 0]
    assert not list(tmp_path.iterdir())
    part = shelf.part([1])
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else None
    del shelf
    assert part[0].tolist() == [1, 1, 1, 1], "a part keeps what it is part of"
    del part
    gc.collect()
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) < before, "and then the file is closed"


def test_what_is_written_is_opened_again_if_it_is_whole(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((150, 6)).astype(np.float32)
    shelf = Shelf.of(rows)
    with (tmp_path / "rows").open("wb") as file:
        shelf.write(file)
    again = Shelf.opened(tmp_path / "rows", (6,), np.float32, 150)
    assert again is not None
    np.testing.assert_array_equal(again[:], rows)
    assert Shelf.opened(tmp_path / "rows", (6,), np.float32, 149) is None
    assert Shelf.opened(tmp_path / "none", (6,), np.float32, 150) is None


def test_another_shape_and_a_full_disk_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf((4,), np.uint8)
    for rows in (np.zeros((2, 5), np.uint8), np.zeros((2, 4))):
        with pytest.raises(UserError, match=r"one shape and type, not \(4,\) of uint8 and"):
            shelf.append(rows)

    def full(**_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(module, "TemporaryFile", full)
    with pytest.raises(UserError, match=r"has no room for what is measured \(No space left on device\): free some"):
        shelf.append(np.zeros((2, 4), np.uint8))
