"""A bake-off as it is typed: equal shares, pictures that nobody was trained on, one table, one grid, one advice."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from terminal import Answer, Command, fill, paint

from unpaired import presets
from unpaired.bakeoff.beginning import held_out
from unpaired.config import Config
from unpaired.run.record import RunRecord
from unpaired.training import stability
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
        (["--minutes", "0"], "above 0, not 0"),
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


def _small(unpaired: Command, root: Path, *more: object) -> tuple[Path, Callable[..., Answer]]:
    """OUT, and the command of a bake-off of two methods that takes seconds, with what is to be typed behind it."""
    a, b, out = fill(root / "a", 20, seed=1), fill(root / "b", 20, seed=2), root / "out"
    words = ("bakeoff", a, b, "--out", out, "--minutes", 0.02, "--device", "cpu", "--methods", "cyclegan", "cut")
    return out, lambda *others: unpaired(*words, *more, *others)


def test_it_goes_on_with_what_it_was_begun_with_and_nothing_else(
    unpaired: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    out, bake = _small(unpaired, tmp_path)
    answer = bake()
    assert answer.status == 0, answer
    assert (
        max(len(line) for line in answer.out.partition("the same time")[2].partition("Pictures: ")[0].splitlines())
        <= 80
    )
    assert "measuring them comes on top" in answer.out
    assert re.search(r"cyclegan: KID from A to B \S+, measured in \d+ s. 1 method left: about \d+ s", answer.out)
    assert RunRecord.read(out / "cut").preset == "fast"

    told = (
        "was begun with --preset fast, not with --preset demo: give that again to go on with it, or name another --out"
    )
    assert f"The bake-off in {out} {told}." in bake("--preset", "demo").sentence
    assert "begun with --seed 0, not with --seed 3:" in bake("--seed", 3).sentence
    swapped = unpaired("bakeoff", tmp_path / "b", tmp_path / "a", "--out", out).sentence
    assert f"begun with {tmp_path / 'a'} {tmp_path / 'b'}, not with {tmp_path / 'b'} {tmp_path / 'a'}:" in swapped
    assert "more than its share of 0.001: give --minutes 0." in bake("--minutes", 0.002).sentence
    paint(tmp_path / "a" / "new.png")
    assert "are not those that the bake-off" in bake().sentence
    (tmp_path / "a" / "new.png").unlink()
    again = bake()
    assert again.status == 0, again
    assert "cut: has had its share." in again.out

    page = tmp_path / "page.html"
    compared = unpaired("compare", *sorted(out.iterdir()), "--out", page, "--device", "cpu")
    assert compared.status == 0, compared
    assert page.is_file()
    assert f"leaving out {out / 'bakeoff.json'}" in compared.err


def test_stopped_it_goes_on(unpaired: Command, tmp_path: Path) -> None:
    out, bake = _small(unpaired, tmp_path)

    def press() -> None:
        while not (out / "cut" / "run.json").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press).start()
    answer = bake("--minutes", 0.06)
    assert (answer.status, answer.err) == (
        130,
        "Stopped while cut trained; nothing is lost. The same command goes on.\n",
    )
    assert bake("--minutes", 0.06).status == 0
    assert {*json.loads((out / "bakeoff.json").read_text())} == {"cyclegan", "cut"}


def test_a_method_that_explodes_is_left_out(unpaired: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stability, "LARGEST", 3.0)  # which the contrast of 256 places exceeds from the start
    out, bake = _small(unpaired, tmp_path)
    answer = bake()
    assert answer.status == 0, answer
    assert "cut is left out: The loss rose to" in answer.out
    assert "Go on with cyclegan" in answer.out
    told = json.loads((out / "bakeoff.json").read_text())
    assert "The loss rose to" in told["cut"]["exploded"]
    monkeypatch.setattr(stability, "LARGEST", 1e-6)
    _, bake = _small(unpaired, tmp_path / "other")
    assert "every method exploded" in bake().err


def test_a_place_with_other_things_is_refused(unpaired: Command, tmp_path: Path) -> None:
    _, bake = _small(unpaired, tmp_path)
    assert "is not an empty folder" in bake("--out", tmp_path).sentence
    assert "lies inside" in bake("--out", tmp_path / "a" / "out").sentence
    assert len([*(tmp_path / "a").iterdir()]) == 20
    assert (
        "unsb can't join a bake-off with --preset paper"
        in bake("--preset", "paper", "--methods", "cut", "unsb").sentence
    )
    for domain in "AB":
        fill(tmp_path / "own" / f"train{domain}", 12, seed=5)
        fill(tmp_path / "own" / f"test{domain}", 3, seed=5)
    few = unpaired("bakeoff", tmp_path / "own", "--out", tmp_path / "new").sentence
    assert "testA holds 3 pictures, and a bake-off measures with at least 10" in few
    assert not (tmp_path / "new").exists()
