"""The built-in pair is whole, unpaired in training, paired in testing, and arrives safely."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unpaired.data import demo
from unpaired.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return demo.unpack(tmp_path_factory.mktemp("demo") / "deep" / "emoji")


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()}


def test_pairs_only_in_the_test_set(folder: Path) -> None:
    train_a, train_b = names(folder / "trainA"), names(folder / "trainB")
    test = names(folder / "testA")
    assert test == names(folder / "testB")
    assert not train_a & train_b
    assert not test & (train_a | train_b)
    assert len(test) > 300
    assert min(len(train_a), len(train_b)) > 600


def test_pictures_are_what_is_promised(folder: Path) -> None:
    for part in demo.FOLDERS:
        for path in sorted((folder / part).iterdir())[::40]:
            with Image.open(path) as picture:
                assert picture.format == "WEBP"
                assert picture.size == (64, 64)
                alpha = np.asarray(picture.convert("RGBA"))[..., 3]
                assert alpha.max() == 255, "something is drawn"


def test_small_enough_and_credited() -> None:
    package = files("unpaired.data.demo")
    assert len((package / "emoji.zip").read_bytes()) <= 6_000_000
    credits = (package / "CREDITS.md").read_text(encoding="utf-8")
    assert "CC-BY 4.0" in credits
    assert "Permission is hereby granted" in credits
    assert "Twemoji" in demo.CREDITS
    assert "Fluent" in demo.CREDITS
    assert "\n" not in demo.CREDITS


def test_again_changes_nothing_and_repairs_damage(tmp_path: Path) -> None:
    to = demo.unpack(tmp_path / "emoji")
    victim = sorted((to / "testA").iterdir())[0]
    before = victim.stat().st_mtime_ns
    demo.unpack(to)
    assert victim.stat().st_mtime_ns == before
    content = victim.read_bytes()
    victim.unlink()
    demo.unpack(to)
    assert victim.read_bytes() == content
    assert [p.name for p in tmp_path.iterdir()] == ["emoji"], "no temporary folder stays"


def test_refuses_a_folder_with_other_things(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="does not hold the demo's pictures"):
        demo.unpack(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_damaged_installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = files("unpaired.data.demo")
    (tmp_path / "emoji.zip").write_bytes((package / "emoji.zip").read_bytes()[:-1])
    (tmp_path / "emoji.sha256").write_text((package / "emoji.sha256").read_text())
    monkeypatch.setattr(demo, "files", lambda _: tmp_path)
    with pytest.raises(UserError, match="damaged: install unpaired again"):
        demo.unpack(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot be put into"):
        demo.unpack(tmp_path / "file" / "emoji")
