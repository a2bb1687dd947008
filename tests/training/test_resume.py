"""N images in one go = k images, then the end of the process, then N - k images: the same bits."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tiny import OPTIONS, TINY, bits, paint, plan, seen

import unpaired
from unpaired.errors import UserError
from unpaired.run import checkpoint, checkpoints
from unpaired.training import events

Folders = tuple[Path, Path]
CRASHES = Path(__file__).with_name("crashes.py")


def _go_on(run: Path, images: int = 8) -> dict[str, str]:
    unpaired.resume(run, images=images)
    return bits(run, images)


@pytest.mark.parametrize("k", [2, 4, 6])
def test_going_on_from_any_checkpoint_gives_the_same_bits(copy: Path, whole: Path, k: int) -> None:
    for folder in checkpoints.of(copy):
        if folder.name > f"images-{k:09d}":
            shutil.rmtree(folder)
    assert _go_on(copy) == bits(whole, 8)
    assert all(bits(copy, i) == bits(whole, i) for i in seen(copy)), "and so are the checkpoints on the way"


def test_without_a_checkpoint_it_starts_anew_and_reaches_the_same_bits(copy: Path, whole: Path) -> None:
    shutil.rmtree(copy / "checkpoints")
    assert _go_on(copy) == bits(whole, 8)


def test_a_longer_plan_goes_on_and_a_reached_one_does_nothing(copy: Path) -> None:
    before = bits(copy, 8)
    assert _go_on(copy) == before
    assert seen(copy) == [2, 4, 6, 8]
    _go_on(copy, 11)
    assert seen(copy) == [2, 4, 6, 8, 10, 11]
    record = json.loads((copy / "run.json").read_text())
    assert record["config"]["training"]["images"] == 11


def test_what_makes_a_training_stateful_is_part_of_the_bits(pictures: Folders, tmp_path: Path) -> None:
    """Batch norm, dropout, augmentation, spectral norm, a full pool, lazy identity, a warm-up, grey pictures, a
    cycle with noise that loses weight."""
    config = replace(
        TINY,
        generator=replace(TINY.generator, kind="unet", depth=3, norm="batch", dropout=0.5),
        discriminator=replace(TINY.discriminator, spectral=True, augment=True),
        loss=replace(TINY.loss, pool=3, identity_every=2, adversarial="hinge", cycle_noise=0.05, cycle_floor=0.1),
        optimizer=replace(TINY.optimizer, warmup=6),
        data=replace(TINY.data, channels_a=1, channels_b=1),
    )
    runs = [tmp_path / "one", tmp_path / "two"]
    unpaired.train(*pictures, out=runs[0], config=plan(config, batch=2, images=12))
    unpaired.train(*pictures, out=runs[1], config=plan(config, batch=2, images=12, checkpoint_images=6))
    shutil.rmtree(runs[1] / "checkpoints" / "images-000000012")
    assert seen(runs[1]) == [6]
    assert _go_on(runs[1], 12) == bits(runs[0], 12)


def test_the_seed_decides_and_the_clock_does_not(pictures: Folders, whole: Path, tmp_path: Path) -> None:
    unpaired.train(*pictures, out=tmp_path / "again", config=plan(TINY))
    assert bits(tmp_path / "again", 8) == bits(whole, 8), "checkpoints on the way change nothing"
    unpaired.train(*pictures, out=tmp_path / "other", config=plan(TINY, seed=1))
    ours, theirs = bits(tmp_path / "other", 8), bits(whole, 8)
    assert all(ours[name] != theirs[name] for name in theirs)


def test_the_log_is_told_once(copy: Path) -> None:
    shutil.rmtree(copy / "checkpoints" / "images-000000008")
    with (copy / "events.jsonl").open("a") as f:
        f.write('{"kind": "progress", "images": 8, "cut o')  # as a kill leaves it
    _go_on(copy)
    told = events.read(copy)
    assert [e["images"] for e in told if e["kind"] == "checkpoint"] == [2, 4, 6, 8]
    assert [e["kind"] for e in told if e["kind"] in ("start", "resume", "end")] == ["start", "resume", "end"]
    assert len(told) == len((copy / "events.jsonl").read_text().splitlines()), "no line is half a line"


# Killed.


def test_killed_at_any_moment_and_resumed(pictures: Folders, whole: Path, tmp_path: Path) -> None:
    """The process ends at the n-th call that changes a disk, for many n, and after some time, for several times.

    Each case trains to its end in a process of its own (see crashes.py), and is then resumed in another one.
    """
    work = {"folders": [str(p) for p in pictures], "out": str(tmp_path), "images": 8, "every": 2}
    # A checkpoint is some 11 fsyncs, a rename and, from the third on, deletions of the first.
    calls = [5, 9, 14, 16, 17, 21, 30, 36, 44, 50, 60]
    cases = [{"call": n} for n in calls] + [{"delay": s} for s in (0.1, 0.3, 0.5)]
    done = subprocess.run(
        [sys.executable, str(CRASHES), json.dumps(work | {"cases": cases})],
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    assert len(results) == len(cases)
    killed = [r for r in results if r["first"] == -signal.SIGKILL]
    assert len(killed) >= len(calls) - 2, results
    for r in results:
        assert r["first"] in (0, -signal.SIGKILL), r
        if not r["begun"]:
            continue  # killed before the run was there: nothing to go on with
        assert r["second"] == 0, r
        run = tmp_path / r["name"]
        assert bits(run, 8) == bits(whole, 8), r
        assert len(seen(run)) <= 2, r
        assert not list((run / "checkpoints").glob(".*")), "nothing half-done is left"
    places = {r["checkpoint"] for r in killed}
    assert {None, 2, 4, 6} <= places, "the kills landed before, between and after checkpoints"


def test_the_command_killed_and_typed_again(pictures: Folders, whole: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "unpaired", "train"]
    words = [*map(str, pictures), "--out", str(run), *OPTIONS, "--images", "1000000", "--checkpoint-images", "2"]
    with subprocess.Popen([*command, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not seen(run):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    k = seen(run)[-1]
    # The rate depends on the plan: the reference has the same one, and ends as if by Ctrl-C.
    reference = tmp_path / "reference"
    unpaired.train(
        *pictures, out=reference, config=plan(images=10**6, checkpoint_images=2), listeners=[_press_at(k + 2)]
    )
    unpaired.resume(run, listeners=[_press_at(k + 2)])
    assert k + 2 in seen(run)
    assert bits(run, k + 2) == bits(reference, k + 2)


def _press_at(images: int, number: signal.Signals = signal.SIGINT) -> events.Listener:
    """Press Ctrl-C when the checkpoint at so many images has been written."""

    def press(event: events.Event) -> None:
        if event["kind"] == "checkpoint" and event["images"] == images:
            os.kill(os.getpid(), number)

    return press


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_a_checkpoint(
    pictures: Folders, whole: Path, tmp_path: Path, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    config = plan(checkpoint_images=2)
    run = unpaired.train(*pictures, out=tmp_path / "run", config=config, listeners=[_press_at(2, number)])
    assert events.read(run)[-1]["reason"] == "interrupted"
    assert seen(run)[-1] == 3, "the step that was under way is not lost"
    assert signal.getsignal(number) is before, "the signal is given back"
    assert _go_on(run) == bits(whole, 8)


# What stays, and what may change.


@pytest.mark.parametrize("keep", [1, 2, 3])
def test_the_last_k_checkpoints_and_the_best_stay(pictures: Folders, tmp_path: Path, keep: int) -> None:
    run = tmp_path / "run"

    def judge(event: events.Event) -> None:
        if event["kind"] == "checkpoint":
            folder = run / "checkpoints" / event["folder"]
            checkpoints.mark_best(run, folder, {2: 0.5, 4: 0.1}.get(event["images"], 0.3), "distance")

    unpaired.train(*pictures, out=run, config=plan(images=10, checkpoint_images=2, keep=keep), listeners=[judge])
    last = [2, 4, 6, 8, 10][-keep:]
    best = checkpoints.best(run)
    assert best is not None
    assert seen(run) == sorted({4, *last})
    assert best.name == "images-000000004"


def test_changed_folders_are_named(pictures: Folders, tmp_path: Path) -> None:
    a, b = Path(shutil.copytree(pictures[0], tmp_path / "a")), pictures[1]
    run = unpaired.train(a, b, out=tmp_path / "run", config=plan(images=1))
    (a / "03.png").unlink()
    with pytest.raises(UserError, match=r"held 12 .* holds 11 now"):
        unpaired.resume(run, images=2)
    shutil.rmtree(a)
    with pytest.raises(UserError, match=str(a)):
        unpaired.resume(run, images=2)
    shutil.copytree(pictures[0], a)
    unpaired.resume(run, images=2)
    assert seen(run) == [1, 2]


@pytest.mark.parametrize("group", ["data", "generator", "discriminator", "loss", "optimizer"])
def test_what_shapes_a_training_cannot_change(copy: Path, group: str) -> None:
    other = {
        "data": {"flip": False}, "generator": {"width": 5}, "discriminator": {"width": 5}, "loss": {"lambda_a": 1.0},
        "optimizer": {"beta1": 0.9},
    }[group]  # fmt: skip

    def change(config: unpaired.Config) -> unpaired.Config:
        return replace(config, **{group: replace(getattr(config, group), **other)})

    before = {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}
    with pytest.raises(UserError, match="another configuration"):
        unpaired.resume(copy, images=20, change=change)
    assert before == {p: p.read_bytes() for p in copy.rglob("*") if p.is_file()}


def test_a_checkpoint_of_another_training_is_refused(copy: Path, pictures: Folders, tmp_path: Path) -> None:
    config = replace(TINY, generator=replace(TINY.generator, width=5))
    other = unpaired.train(*pictures, out=tmp_path / "other", config=plan(config, images=9))
    shutil.copytree(other / "checkpoints" / "images-000000009", copy / "checkpoints" / "images-000000009")
    with pytest.raises(UserError, match="another training"):
        unpaired.resume(copy, images=12)


def test_ctrl_c_while_the_last_checkpoint_is_written_loses_nothing(
    pictures: Folders, whole: Path, tmp_path: Path
) -> None:
    save, told = checkpoint.write, list[int]()

    def pressed(*args: object, **kwargs: object) -> Path:
        os.kill(os.getpid(), signal.SIGINT)
        return save(*args, **kwargs)  # pyright: ignore

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "write", pressed)
        run = unpaired.train(*pictures, out=tmp_path / "run", config=plan(), listeners=[lambda e: told.append(1)])
    assert told
    assert bits(run, 8) == bits(whole, 8)


def test_a_plan_in_minutes_replaces_one_in_images(copy: Path) -> None:
    saved = checkpoint.read(copy / "checkpoints" / "images-000000008").manifest
    unpaired.resume(copy, minutes=saved.seconds / 60 + 0.001)
    assert seen(copy)[-1] > 8
    assert events.read(copy)[-1]["reason"] == "minutes"


def test_painting_is_reproducible(tmp_path: Path, pictures: Folders) -> None:
    """The recorded and compared numbers rest on these pictures."""
    again = paint(tmp_path / "a", seed=1)
    assert all((again / p.name).read_bytes() == p.read_bytes() for p in pictures[0].iterdir())
