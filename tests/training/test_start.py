"""Starting and going on: everything is checked before anything is written, and what can't be done is named."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny import TINY, bits, paint, plan, seen

import unpaired
from unpaired.compute.ranks import Ranks
from unpaired.errors import UserError
from unpaired.run import checkpoint, checkpoints
from unpaired.run import record as training_record
from unpaired.training import events, loop, start
from unpaired.training.inputs import Inputs
from unpaired.training.stability import LARGEST, Watch

Folders = tuple[Path, Path]


def contents(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# A start that fails.


@pytest.mark.parametrize("what", ["run.json", "events.jsonl", "a listener"])
def test_a_start_that_fails_can_be_made_again(
    pictures: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    run = tmp_path / "run"

    def fail(event: events.Event) -> None:
        if event["kind"] == "start" and what == "a listener":
            raise UserError("not now")
        if event["kind"] == "start" and what == "run.json":
            monkeypatch.setattr(os, "fsync", full)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if what == "events.jsonl":
        run.mkdir()
        (run / "events.jsonl").write_text('{"kind": "start", "images": 0}\n')  # as a kill leaves it
        (run / ".0123456789abcdef.part").write_text('{"format": ')
    else:
        with pytest.raises(UserError, match=r"not now|No space left"):
            unpaired.train(*pictures, out=run, config=plan(images=1), listeners=[fail])
        monkeypatch.undo()
    assert not (run / "run.json").exists()
    unpaired.train(*pictures, out=run, config=plan(images=1))
    assert [e["kind"] for e in events.read(run)].count("start") == 1
    assert seen(run) == [1]
    assert not list(run.glob(".*"))


@pytest.mark.parametrize("place", ["a/run", "b/deep/er/run", "other/second", "link/run"])
def test_a_run_inside_its_pictures_or_inside_another_run(
    pictures: Folders, whole: Path, tmp_path: Path, place: str
) -> None:
    for name, folder in zip("ab", pictures, strict=True):
        shutil.copytree(folder, tmp_path / name)
    shutil.copytree(whole, tmp_path / "other")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    before = contents(tmp_path)
    with pytest.raises(UserError, match=r"lies inside .*name another --out"):
        unpaired.train(tmp_path / "a", tmp_path / "b", out=tmp_path / place, config=plan(images=1))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("length", [{"images": 0}, {"minutes": 0.0}, {"images": -1}])
def test_nothing_is_no_length(pictures: Folders, copy: Path, tmp_path: Path, length: dict[str, Any]) -> None:
    (name, value) = next(iter(length.items()))
    for action in (
        lambda: unpaired.train(*pictures, out=tmp_path / "new", config=TINY, **length),
        lambda: unpaired.resume(copy, **length),
    ):
        with pytest.raises(UserError, match=rf"--{name} {value:g} is not"):
            action()
    assert not (tmp_path / "new").exists()


# What is said.


def test_sizes_preset_and_decoding_are_told(pictures: Folders, tmp_path: Path) -> None:
    a = Path(shutil.copytree(pictures[0], tmp_path / "a"))
    Image.new("RGB", (120, 30)).save(a / "wide.png")
    Image.new("RGB", (8, 9)).save(a / "small.png")
    told: list[events.Event] = []
    run = unpaired.train(a, pictures[1], out=tmp_path / "run", config=plan(images=1), preset="paper",
                         listeners=[told.append])  # fmt: skip
    decoding = [e for e in told if e["kind"] == "decoding" and e["domain"] == "a"]
    assert [(e["done"], e["total"]) for e in decoding] == [(i + 1, 14) for i in range(14)]
    (start,) = [e for e in told if e["kind"] == "start"]
    text = " ".join(start["sentences"])
    assert "A: 14 pictures of 8×9 to 120×30 px" in text
    assert "B: 12 pictures of 40×40 px" in text
    assert "preset paper" in text
    assert "resized to 40×40 px" in text
    assert "decoding" not in {e["kind"] for e in events.read(run)}


@pytest.mark.parametrize(("crop", "told"), [(40, False), (44, True)])
def test_enlarged_pictures_are_told(pictures: Folders, crop: int, told: bool) -> None:
    config = replace(TINY, data=replace(TINY.data, size=44, crop=crop))
    inputs = Inputs.of(training_record.Folders(a=pictures[0], b=pictures[1]), config)
    sentences = [s for s in inputs.sentences(config) if f"Most are smaller than the crop of {crop} px" in s]
    assert len(sentences) == (2 if told else 0)


def test_the_default_is_a_preset_by_its_name(pictures: Folders, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("unpaired.training.run.fast", lambda: TINY)
    run = unpaired.train(*pictures, out=tmp_path / "run", images=1)
    assert json.loads((run / "run.json").read_text())["preset"] == "fast"


# Going on.


def _paint_over(a: Path) -> None:
    shutil.rmtree(a)
    paint(a, seed=9)


def _exchange(a: Path) -> None:
    (a / "00.png").rename(a / "x.png")
    (a / "01.png").rename(a / "00.png")
    (a / "x.png").rename(a / "01.png")


@pytest.mark.parametrize("change", [_paint_over, _exchange])
def test_exchanged_pictures_are_noticed(pictures: Folders, tmp_path: Path, change: Callable[[Path], None]) -> None:
    a = Path(shutil.copytree(pictures[0], tmp_path / "a"))
    run = unpaired.train(a, pictures[1], out=tmp_path / "run", config=plan(images=1))
    change(a)
    before = contents(run)
    with pytest.raises(UserError, match=rf"{a} still holds 12 pictures, but not the same"):
        unpaired.resume(run, images=2)
    assert contents(run) == before
    record = json.loads((run / "run.json").read_text())
    del record["digests"]  # as an early version wrote it
    (run / "run.json").write_text(json.dumps(record))
    unpaired.resume(run, images=2)
    assert seen(run) == [1, 2]


@pytest.mark.parametrize(("field", "value"), [("seed", 1), ("batch", 2)])
def test_what_decides_the_order_cannot_change(copy: Path, field: str, value: int) -> None:
    with pytest.raises(UserError, match=f"can't change --{field}:"):
        unpaired.resume(copy, images=12, change=lambda c: plan(c, **{field: value}))


def test_a_plan_shorter_than_what_was_trained(copy: Path) -> None:
    before = contents(copy)
    with pytest.raises(UserError, match=r"trained for 8 images already.*--images 4"):
        unpaired.resume(copy, images=4)
    with pytest.raises(UserError, match=r"minutes already.*--minutes 1e-06"):
        unpaired.resume(copy, minutes=1e-6)
    assert contents(copy) == before


def test_a_learning_rate_may_change(copy: Path) -> None:
    unpaired.resume(copy, images=12, change=lambda c: replace(c, optimizer=replace(c.optimizer, learning_rate=1e-5)))
    rates = [e["learning_rate"] for e in events.read(copy) if e["kind"] == "progress" and e["images"] > 8]
    assert rates
    assert all(0 < rate <= 1e-5 for rate in rates)
    unpaired.resume(copy, images=14)  # and the checkpoints of both rates belong to this training


def test_a_checkpoint_can_be_gone_on_from(copy: Path, whole: Path) -> None:
    """What is newer is set aside, with the log of it; the rest is as if it had never been."""
    checkpoints.mark_best(copy, copy / "checkpoints" / "images-000000008", 0.5, "distance")
    log = (copy / "events.jsonl").read_bytes()
    told: list[events.Event] = []
    unpaired.resume(copy / "checkpoints" / "images-000000004", listeners=[told.append])
    assert bits(copy, 8) == bits(whole, 8)
    aside = copy / "set-aside" / "1"
    assert {p.name for p in aside.iterdir()} == {"events.jsonl", "images-000000006", "images-000000008"}
    assert (aside / "events.jsonl").read_bytes() == log
    assert checkpoint.read(aside / "images-000000008").files == bits(whole, 8)
    text = " ".join(next(e for e in told if e["kind"] == "resume")["sentences"])
    assert "images-000000006, images-000000008" in text
    assert str(aside) in text
    assert "Going on at 4 images" in text
    unpaired.resume(copy / "checkpoints" / "images-000000002", images=8)
    assert (copy / "set-aside" / "2" / "images-000000004").is_dir()


def test_a_damaged_checkpoint_names_another_one_to_go_on_from(copy: Path, whole: Path) -> None:
    (copy / "checkpoints" / "images-000000008" / "state.pt").write_bytes(b"")
    other = copy / "checkpoints" / "images-000000006"
    with pytest.raises(UserError, match=rf"state\.pt is damaged.*such as {other}"):
        unpaired.resume(copy, images=10)
    unpaired.resume(other)
    assert bits(copy, 8) == bits(whole, 8)


# Explosions.


@pytest.mark.parametrize("rate", [1e9, 1e30])
def test_an_explosion_stops_with_image_and_step(pictures: Folders, copy: Path, tmp_path: Path, rate: float) -> None:
    config = replace(plan(images=40, batch=2), optimizer=replace(TINY.optimizer, learning_rate=rate))
    run = tmp_path / "new"
    with pytest.raises(UserError, match=r"at image \d+ \(step \d+\)") as caught:
        unpaired.train(*pictures, out=run, config=config)
    assert "there is no checkpoint yet" in str(caught.value)
    assert f"--resume {run} and a lower --learning-rate" in str(caught.value)
    assert seen(run) == []
    unpaired.resume(run, images=2, change=lambda c: replace(c, optimizer=TINY.optimizer))
    assert seen(run) == [2]

    with pytest.raises(UserError, match="images-000000008 is as it was") as caught:
        unpaired.resume(copy, images=40, change=lambda c: replace(c, optimizer=config.optimizer))
    assert seen(copy)[-1] == 8
    checkpoint.read(copy / "checkpoints" / "images-000000008").verify()


NO_NUMBER = "was not a finite number"


@pytest.mark.parametrize(
    ("value", "told"),
    [(1e7, "rose to 1e+07"), (-1e7, "rose to 1e+07"), (float("nan"), NO_NUMBER), (float("inf"), NO_NUMBER)],
)
def test_the_first_bad_loss_is_named(tmp_path: Path, value: float, told: str) -> None:
    watch = Watch(tmp_path, stride=4)
    for images, loss in ((0, 1.0), (4, LARGEST), (8, value), (12, 2 * LARGEST)):
        watch.see({"cycle_a": torch.tensor(0.1), "gan_ab": torch.tensor(loss)}, images)
    with pytest.raises(UserError, match=re.escape(f"The loss {told}")) as caught:
        watch.check(Ranks())
    assert "at image 12 (step 3)" in str(caught.value)
    watch.check(Ranks())  # said once


def test_weights_that_explode_behind_small_losses_are_not_saved(copy: Path) -> None:
    def spoil(event: events.Event) -> None:
        if event["kind"] == "progress":
            network = sessions[0].engine.method.networks()["generator_ab"]
            next(network.parameters()).data.mul_(10 * LARGEST / 0.001)

    sessions = [start.resume(copy, listeners=[spoil], change=lambda c: plan(c, images=10, checkpoint_images=None))]
    with pytest.raises(UserError, match=r"The weights rose to \S+ at image 10 \(step 10\)"):
        loop.train(sessions[0])
    assert seen(copy)[-1] == 8
