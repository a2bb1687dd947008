"""Measures by name, features that are kept, and pictures that wait on disk."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation import appearance
from unpaired.evaluation.features import LiteExtractor, Remembering
from unpaired.evaluation.measure import evaluate
from unpaired.evaluation.measures import MEASURES, STANDARD, chosen
from unpaired.evaluation.pictures import mapped, read_all, shelf
from unpaired.evaluation.swd import swd

Pictures = Sequence[NDArray[np.uint8]] | NDArray[np.uint8]


class Coarse:
    """Coarse pixels as features."""

    name, network, dimension, key = "coarse", "coarse", 48, "coarse"
    looked = 0

    def __call__(self, pictures: Pictures) -> NDArray[np.float32]:
        self.looked += len(pictures)
        return np.array([p[::16, ::16].reshape(-1)[:48] / 64 for p in pictures], np.float32)


def test_measures_are_named() -> None:
    assert set(STANDARD) <= set(MEASURES)
    assert chosen(["kid", MEASURES["swd"]]) == [MEASURES["kid"], MEASURES["swd"]]


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match="perhaps you meant 'colour'"):
        chosen(["colours"])


def test_memory_does_not_grow_with_the_number_of_pictures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path))
    monkeypatch.setattr(appearance, "PIXELS", 1024)
    others = [name for name in MEASURES if name != "swd"]
    rng = np.random.default_rng(0)

    def peak(count: int) -> int:
        domains = shelf(count, 64, 64), shelf(count, 64, 64)
        for domain in domains:
            for picture in domain:
                picture[:] = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        pairs = [(i, i) for i in range(count)]
        tracemalloc.start()
        evaluate({"a2b": lambda x: x, "b2a": lambda x: x}, *domains, extractor=Coarse(), pairs=pairs, measures=others)
        swd(*domains, patches=256, directions=8)
        reached = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return reached

    peak(20)  # what is loaded or made once
    few, many = peak(70), peak(170)
    bytes_of_pictures = (170 - 70) * 64 * 64 * 3
    assert many - few < bytes_of_pictures / 2, "six collections of pictures are looked at, and none is kept"
    assert not list(tmp_path.iterdir()), "what waits on disk is gone"


def test_features_of_real_pictures_are_found_again(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    first, second, other = Coarse(), Coarse(), Coarse()
    rows = Remembering(first, tmp_path / "features").keep(pictures)
    again = Remembering(second, tmp_path / "features")
    np.testing.assert_array_equal(again.keep(pictures), rows)
    np.testing.assert_array_equal(again(pictures[3:5]), rows[3:5])
    assert (first.looked, second.looked) == (12, 0)
    changed = pictures.copy()
    changed[0, 0, 0, 0] ^= 1
    Remembering(other, tmp_path / "features").keep(changed)
    assert other.looked == 12, "another content is another collection"


def test_a_damaged_file_of_features_is_looked_up_again(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (12, 64, 64, 3), dtype=np.uint8)
    rows = Remembering(Coarse(), tmp_path).keep(pictures)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:90])
    np.testing.assert_array_equal(Remembering(Coarse(), tmp_path).keep(pictures), rows)


def test_a_perceptual_distance_orders_what_an_eye_orders() -> None:
    rough = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
    pictures = rough.repeat(8, axis=1).repeat(8, axis=2)
    eyes = LiteExtractor(side=64)
    slightly = np.clip(pictures.astype(int) + 6, 0, 255).astype(np.uint8)
    same, near, far = (eyes.compare(pictures, other) for other in (pictures, slightly, pictures[::-1]))
    assert same == pytest.approx(0, abs=1e-5)
    assert (near < far).tolist() == [True, False, True], "the middle one stays where it is"
    assert far[0] > 0.1


def test_what_can_be_read_goes_on_without_the_rest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path))
    files, unreadable = [tmp_path / name for name in ("1.png", "2.png", "3.png")], []

    def read(path: Path) -> NDArray[np.uint8]:
        if path.name == "2.png":
            raise UserError("is damaged")
        return np.full((4, 5, 3), int(path.stem), np.uint8)

    whole, pictures = read_all(files, read, unreadable)
    assert [p.name for p in whole] == ["1.png", "3.png"]
    assert pictures[:, 0, 0, 0].tolist() == [1, 3]
    assert [(p.name, why) for p, why in unreadable] == [("2.png", "is damaged")]
    with pytest.raises(UserError, match=r"Of 1 picture in .* none can be read"):
        read_all(files[1:2], read, [])


def test_translations_are_as_many_and_as_large_as_they_should_be() -> None:
    pictures = np.zeros((130, 4, 4, 3), np.uint8)
    doubled = mapped(pictures, lambda block: [p.repeat(2, axis=0) + 1 for p in block])
    assert doubled.shape == (130, 8, 4, 3)
    assert (np.asarray(doubled) == 1).all()
    with pytest.raises(UserError, match="64 pictures became 63 translations"):
        mapped(pictures, lambda block: block[1:])
    assert len(mapped(pictures[:0], lambda block: block)) == 0
