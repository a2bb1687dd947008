"""Folders of many pictures: going on, several processes, and what the last line and the exit status say."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Command, fill

from unpaired.translation.outcome import MANIFEST, outcomes


def made(out: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in out.iterdir() if p.name != MANIFEST}


def test_the_same_command_goes_on_and_says_so(unpaired: Command, run: Path, tmp_path: Path) -> None:
    inputs, out = fill(tmp_path / "in", 4), tmp_path / "out"
    words = ("translate", run, inputs, "--out", out, "--direction", "a2b")
    assert unpaired(*words).out.startswith("4 translated into")
    (out / "02.png").unlink()
    answer = unpaired(*words)
    assert answer.out == f"1 translated into {out}, 3 were done before, 0 skipped, 0 failed.\n"
    assert unpaired("translate", run, inputs, "--out", out, "--direction", "b2a").sentence.endswith("give --overwrite.")


def test_of_many_failures_some_are_named_and_all_are_in_the_manifest(
    unpaired: Command, run: Path, tmp_path: Path
) -> None:
    inputs, out = fill(tmp_path / "in", 1), tmp_path / "out"
    for n in range(30):
        (inputs / f"bad{n:02}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    answer = unpaired("translate", run, inputs, "--out", out, "--direction", "a2b")
    assert answer.status == 1
    assert answer.out.endswith("1 translated into " + str(out) + ", 0 skipped, 30 failed.\n")
    failed = [line for line in answer.err.splitlines() if line.startswith("Failed")]
    assert len(failed) == 21
    assert failed[-1] == f"Failed 10 more: {out / MANIFEST} says why."
    assert sum(o.status == "failed" for o in outcomes(out / MANIFEST)) == 30


def test_names_that_are_no_text_can_be_said(unpaired: Command, run: Path, tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    inputs = fill(tmp_path / "in", 1)
    (inputs / name).write_bytes(b"no picture")
    answer = unpaired("translate", run, inputs, "--out", tmp_path / "out", "--direction", "a2b")
    assert answer.status == 1
    assert "caf\\udce9.png: named like a PNG picture but is none" in answer.err


def test_two_processes_share_the_work(unpaired: Command, run: Path, tmp_path: Path) -> None:
    inputs, out = fill(tmp_path / "in", 7), tmp_path / "out"
    (inputs / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    options = ["--direction", "a2b", "--device", "cpu", "--batch", "1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*torchrun, "-m", "unpaired", "translate", run, inputs, "--out", out, *options]
    done = subprocess.run(list(map(str, words)), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done
    assert done.stdout == f"7 translated into {out}, 0 skipped, 1 failed.\n"
    assert done.stderr.count("Failed ") == 1
    assert unpaired("translate", run, inputs, "--out", tmp_path / "alone", *options).status == 1
    assert made(out) == made(tmp_path / "alone")
    assert len(list(outcomes(out / MANIFEST))) == 8
    answer = unpaired("translate", run, inputs, "--out", out, *options)
    assert "7 were done before" in answer.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["s3://bucket/in", "--out", "o"], "is an address: give --engine ray"),
        (["rtsp://camera/live", "--out", "o"], "or for a film or stream an --out that names a film, such as film.mp4."),
        (["in", "--out", "s3://bucket/out"], "is an address: give --engine ray"),
        (["in", "--out", "s3://b/o", "--engine", "ray", "--changes", "c"], "is an address: --changes is for files"),
        (["in", "--out", "o", "--workers", "2"], "--workers is for --engine ray"),
        (["in", "--out", "o", "--engine", "ray", "--precision", "float32"], "--precision is for --engine local"),
        (["in", "--out", "o", "--engine", "ray", "--workers", "0"], "workers 0 is not at least 1"),
    ],
)
def test_engines_and_their_words(unpaired: Command, tmp_path: Path, words: list[str], told: str) -> None:
    assert told in unpaired("translate", tmp_path / "run", *words).sentence


def test_a_full_disk_is_one_sentence_and_the_same_command_goes_on(
    unpaired: Command, run: Path, tmp_path: Path, small_disk: Callable[[str], Path]
) -> None:
    inputs, out = fill(tmp_path / "in", 30), small_disk("100k") / "out"
    words = ("translate", run, inputs, "--out", out, "--direction", "a2b", "--no-trust")
    sentence = unpaired(*words).sentence
    assert re.fullmatch(rf"The disk of {out} is full: \d+ of 30 files are done\. .* goes on\.", sentence)
    done = made(out)
    assert 0 < len(done) < 30
    assert f"{len(done)} of 30" in sentence
    subprocess.run(["mount", "-o", "remount,size=1m", str(out.parent)], check=True)
    assert unpaired(*words).out == (
        f"{30 - len(done)} translated into {out}, {len(done)} were done before, 0 skipped, 0 failed.\n"
    )
    unpaired(*(*words[:4], tmp_path / "whole", *words[5:]))
    assert made(out) == made(tmp_path / "whole")
