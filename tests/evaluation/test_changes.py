"""Maps of what was changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unpaired.errors import UserError
from unpaired.evaluation.changes import change_map, changes, write_change_map


def test_differences_are_those_of_lab() -> None:
    black, white = np.zeros((4, 6, 3), np.uint8), np.full((4, 6, 3), 255, np.uint8)
    np.testing.assert_allclose(changes(black, white), 100, atol=1e-2)
    assert (changes(white, white) == 0).all()


def test_a_map_is_dark_where_nothing_changed_and_bright_where_much_did() -> None:
    before = np.full((8, 8, 3), 120, np.uint8)
    after = before.copy()
    after[:, 4:] = (0, 255, 0)
    after[:, 2:4] = 150
    made = change_map(before, after).astype(int).sum(axis=2)
    assert (made[:, :2] == 0).all()
    assert made[0, 0] < made[0, 3] < made[0, 6]
    assert made[0, 6] > 600


def test_a_map_of_files(tmp_path: Path) -> None:
    for name, size, mode in (("a.png", (8, 6), "RGB"), ("b.jpg", (8, 6), "L"), ("c.png", (6, 8), "RGB")):
        Image.new(mode, size, 100).save(tmp_path / name)
    write_change_map(tmp_path / "a.png", tmp_path / "b.jpg", tmp_path / "deep" / "map.png")
    with Image.open(tmp_path / "deep" / "map.png") as made:
        assert made.size == (8, 6)
    with pytest.raises(UserError, match="8×6 and 6×8 px"):
        write_change_map(tmp_path / "a.png", tmp_path / "c.png", tmp_path / "no.png")
    Image.fromarray(np.zeros((6, 8), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UserError, match="8 bits"):
        write_change_map(tmp_path / "deep.png", tmp_path / "b.jpg", tmp_path / "no.png")
    assert not (tmp_path / "no.png").exists()
