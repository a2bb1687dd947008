"""Features are looked for once, kept by content, and measured in memory that does not grow with the pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection


class Counting:
    """Coarse pixels as features, and how many pictures were looked at."""

    name, network, dimension, key = "coarse", "coarse", 48, "coarse"

    def __init__(self) -> None:
        self.looked = 0

    def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.looked += len(pictures)
        return pictures[:, ::16, ::16].reshape(len(pictures), -1)[:, :48].astype(np.float32)


PICTURES = np.random.default_rng(0).integers(0, 256, (150, 64, 64, 3), dtype=np.uint8)


def test_each_picture_is_looked_at_once_and_parts_not_at_all() -> None:
    eyes = Counting()
    whole = Collection(PICTURES, eyes)
    assert eyes.looked == 0
    part = whole.part([149, 3, 3])
    np.testing.assert_array_equal(part[:], PICTURES[[149, 3, 3]])
    np.testing.assert_array_equal(part.features[:], eyes(PICTURES[[149, 3, 3]]))
    np.testing.assert_array_equal(whole.features[64:70], eyes(PICTURES[64:70]))
    assert eyes.looked == 150 + 3 + 6
    assert len(whole.part([])) == 0


def test_pictures_of_other_values_are_seen_as_they_are_shown() -> None:
    def show(pictures: object) -> list[NDArray[np.uint8]]:
        return [np.repeat(p, 3, axis=2).astype(np.uint8) for p in pictures]  # type: ignore[attr-defined]

    deep = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 1)).astype(np.float32)
    seen = Collection(deep, Counting(), show=show)
    assert (seen[0].shape, seen[0].dtype, seen.given[0].shape) == ((32, 32, 3), np.uint8, (32, 32, 1))
    assert seen.like(deep[:5])[4].shape == (32, 32, 3)


def test_features_of_real_pictures_are_found_again(tmp_path: Path) -> None:
    first, second, other = Counting(), Counting(), Counting()
    rows = Collection(PICTURES, first, home=tmp_path / "features").features
    np.testing.assert_array_equal(Collection(PICTURES, second, home=tmp_path / "features").features[:], rows[:])
    assert (first.looked, second.looked) == (150, 0)
    changed = PICTURES.copy()
    changed[0, 0, 0, 0] ^= 1
    assert len(Collection(changed, other, home=tmp_path / "features").features) == 150
    assert other.looked == 150, "another content is another collection"


def test_a_damaged_file_of_features_is_looked_up_again(tmp_path: Path) -> None:
    rows = Collection(PICTURES, Counting(), home=tmp_path).features[:]
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:90])
    np.testing.assert_array_equal(Collection(PICTURES, Counting(), home=tmp_path).features[:], rows)


def test_non_finite_features_name_the_picture() -> None:
    class Broken(Counting):
        def __call__(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
            return np.where(self.looked >= 64, np.nan, super().__call__(pictures))

    with pytest.raises(UserError, match="coarse gave features that are not finite numbers for picture 65 of 150"):
        assert Collection(PICTURES, Broken()).features


MEASURED = """
import json, sys
import numpy as np
from unpaired.evaluation import appearance
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.measure import evaluate
from unpaired.evaluation.measures import MEASURES
from unpaired.evaluation.shelf import Shelf

class Eyes:
    name, network, dimension = "eyes", "eyes", 192

    def __call__(self, pictures):
        return pictures[:, ::4, ::4].reshape(len(pictures), -1).astype(np.float32)

def domain(count, seed):
    rng, shelf = np.random.default_rng(seed), Shelf((32, 32, 3), np.uint8)
    for _ in range(count // 50):
        shelf.append(rng.integers(0, 256, (50, 32, 32, 3), np.uint8))
    return Collection(shelf, Eyes())

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))

appearance.PIXELS = 4096
for count in (150, 150, 1500):  # the first time for what is made once
    open("/proc/self/clear_refs", "w").write("5")  # the peak so far is forgotten
    pairs = [(i, i) for i in range(count)]
    evaluate({"a2b": lambda x: x, "b2a": lambda x: x}, domain(count, 0), domain(count, 1), pairs=pairs)
    print(peak())
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="peak memory is read from Linux's /proc")
def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path: Path) -> None:
    """Of a whole process, everything counted: all measures in both directions, ten times as many pictures."""
    told = subprocess.run(
        [sys.executable, "-c", MEASURED], capture_output=True, text=True, check=True,
        env={**os.environ, "UNPAIRED_CACHE": str(tmp_path)},
    )  # fmt: skip
    _, few, many = map(json.loads, told.stdout.split())
    # Six collections of 1,350 more pictures are 25 MB, all distances between two of them 18 MB and more; 150 pictures
    # do not yet fill the blocks of 1,024 in which distances are found.
    assert many - few < 12e6, f"{few / 1e6:.1f} MB, then {many / 1e6:.1f} MB"
