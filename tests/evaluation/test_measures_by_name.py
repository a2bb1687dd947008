"""Measures by name, and pictures that are read and translated block by block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.features import LiteExtractor
from unpaired.evaluation.measures import MEASURES, STANDARD, chosen
from unpaired.evaluation.pictures import mapped, read_all


def test_measures_are_named() -> None:
    assert set(STANDARD) <= set(MEASURES)
    assert chosen(["kid", MEASURES["swd"]]) == [MEASURES["kid"], MEASURES["swd"]]


def test_a_name_that_is_none_is_told() -> None:
    with pytest.raises(UserError, match="perhaps you meant 'colour'"):
        chosen(["colours"])


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
    assert pictures[:][:, 0, 0, 0].tolist() == [1, 3]
    assert [(p.name, why) for p, why in unreadable] == [("2.png", "is damaged")]
    with pytest.raises(UserError, match=r"Of 1 picture in .* none can be read"):
        read_all(files[1:2], read, [])


def test_translations_are_as_many_and_as_large_as_they_should_be() -> None:
    pictures = np.zeros((130, 4, 4, 3), np.uint8)
    doubled = mapped(pictures, lambda block: [p.repeat(2, axis=0) + 1 for p in block])
    assert doubled.shape == (130, 8, 4, 3)
    assert (doubled[:] == 1).all()
    with pytest.raises(UserError, match="64 pictures became 63 translations"):
        mapped(pictures, lambda block: block[1:])
    assert len(mapped(pictures[:0], lambda block: block)) == 0
