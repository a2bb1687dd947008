"""A bake-off as it is typed: equal shares, pictures that nobody was trained on, one table, one grid, one advice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from terminal import Command, fill

from unpaired import presets
from unpaired.bakeoff import held_out
from unpaired.config import Config
from unpaired.training.run import find_folders


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preset `fast` with networks that take a millisecond."""
    fast: Callable[[], Config] = presets.fast

    def small() -> Config:
        c = fast()
        return replace(
            c,
            data=replace(c.data, size=36, crop=32),
            generator=replace(c.generator, width=4, blocks=1),
            discriminator=replace(c.discriminator, kind="patchgan", width=4, layers=1),
            nce=replace(c.nce, layers=(0, 2, 3), dimension=8),
            training=replace(c.training, batch=2, held_out=0),
        )

    monkeypatch.setitem(presets.PRESETS, "fast", small)


def test_methods_compete_and_going_on_trains_nothing_twice(unpaired: Command, tmp_path: Path) -> None:
    a, b, out = fill(tmp_path / "a", 24, seed=1), fill(tmp_path / "b", 20, seed=2), tmp_path / "out"
    assert "perhaps you meant 'dclgan'" in unpaired("bakeoff", a, b, "--out", out, "--methods", "cut", "dclgam").err
    methods = ("cyclegan", "cut", "pix2pix")
    words = ("bakeoff", a, b, "--out", out, "--minutes", 0.03, "--device", "cpu", "--methods", *methods)
    answer = unpaired(*words)
    assert answer.status == 0, answer
    assert "Go on with " in answer.out
    told = json.loads((out / "bakeoff.json").read_text())
    assert set(told) == set(methods)
    best = min(
        told, key=lambda m: told[m]["result"]["directions"]["a2b"]["measures"]["KID (EfficientNet-Lite0)"]["translator"]
    )
    assert f"Go on with {best}" in answer.out
    assert f"unpaired train --resume {out / best} --minutes" in answer.out.replace("\n", " ").replace("  ", " ")
    assert set(told["cyclegan"]["result"]["directions"]) == {"a2b", "b2a"}
    assert all("PSNR to true pairs (dB)" in told[m]["result"]["directions"]["a2b"]["measures"] for m in methods)
    with Image.open(out / "bakeoff.png") as grid:
        assert grid.width > 4 * 36
    trained, tested = ({p.name for p in (out / "pictures" / f"{part}A").iterdir()} for part in ("train", "test"))
    assert (len(trained), len(tested), trained & tested) == (14, 10, set())

    again = unpaired(*words)
    assert again.status == 0, again
    after = json.loads((out / "bakeoff.json").read_text())
    assert {m: v["images"] for m, v in after.items()} == {m: v["images"] for m, v in told.items()}


def test_held_out_pairs_stay_together_and_test_folders_are_used(tmp_path: Path) -> None:
    for domain in "AB":
        fill(tmp_path / "data" / f"train{domain}", 30, seed=3)
    folders = held_out(find_folders(tmp_path / "data", None), tmp_path / "links", Config())
    names = {f: {p.name for p in getattr(folders, f).iterdir()} for f in ("a", "b", "test_a", "test_b")}
    assert names["a"] == names["b"]
    assert names["test_a"] == names["test_b"]
    for domain in "AB":
        fill(tmp_path / "data" / f"test{domain}", 10, seed=3)
    whole = find_folders(tmp_path / "data", None)
    assert held_out(whole, tmp_path / "other", Config()) == whole
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--methods", "cut"], "two or more"),
        (["--methods", "cut", "cut"], "two or more"),
        (["--methods", "cut", "pix2pix"], "pix2pix learns from pairs"),
        (["--minutes", "0"], "not above 0"),
        ([], "at least 20 in each"),
        (["--layout", "same"], "leave out"),
    ],
)
def test_mistakes_are_told_before_anything_is_trained(
    unpaired: Command, tmp_path: Path, more: list[str], told: str
) -> None:
    a, b = fill(tmp_path / "a", 12, seed=1), tmp_path / "b"
    b.mkdir()
    for p in sorted(a.iterdir()):
        (b / f"other-{p.name}").write_bytes(p.read_bytes())
    assert told in unpaired("bakeoff", a, b, "--out", tmp_path / "out", *more).sentence
    assert not (tmp_path / "out" / "cut").exists()
