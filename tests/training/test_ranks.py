"""Two real processes (gloo): one training, one run."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import OPTIONS, bits, plan, seen
from together import ALIKE
from two_ranks import one_sentence, two_ranks

import unpaired
from unpaired.networks import build_generator
from unpaired.run import checkpoint, checkpoints
from unpaired.training import events

TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
TOGETHER = Path(__file__).with_name("together.py")


def _torchrun(*words: object) -> str:
    done = subprocess.run([*TORCHRUN, *map(str, words)], capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def typed(pictures: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of 12 images by two processes, as a person types it, and what that printed."""
    run = tmp_path_factory.mktemp("typed") / "run"
    plan = ["--images", 12, "--checkpoint-images", 4, "--keep", 9]
    return run, _torchrun("-m", "unpaired", "train", *pictures, "--out", run, *OPTIONS, *plan)


@pytest.fixture(scope="module")
def together(
    typed: tuple[Path, str], pictures: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path, dict[str, list[str]]]:
    """A run without history by two processes; the typed run, resumed by two from its first checkpoint; and what each
    rank held.
    """
    root = tmp_path_factory.mktemp("together")
    resumed = Path(shutil.copytree(typed[0], root / "resumed"))
    for images in (8, 12):
        shutil.rmtree(resumed / "checkpoints" / f"images-{images:09d}")
    _torchrun(TOGETHER, root / "fresh", resumed, root / "held.json", *pictures)
    return root / "fresh", resumed, json.loads((root / "held.json").read_text())


def test_one_rank_writes_and_speaks(typed: tuple[Path, str]) -> None:
    run, printed = typed
    assert seen(run) == [4, 8, 12]
    folder = checkpoints.latest(run)
    assert folder is not None
    saved = checkpoint.read(folder)
    assert saved.manifest.world == 2
    assert {"rank-0.pt", "rank-1.pt"} <= saved.files.keys()
    pools = [saved.state(f"rank-{rank}")["pool_a"]["fakes"] for rank in (0, 1)]
    assert len(pools[0]) == len(pools[1]) == 6
    assert not torch.equal(*pools), "each rank has its own history"
    kinds = [e["kind"] for e in events.read(run)]
    assert [kinds.count(k) for k in ("start", "checkpoint", "end")] == [1, 3, 1]
    assert printed.count("A: 12 pictures") == printed.count("Trained on 12 images") == 1


def test_ranks_hold_equal_weights(together: tuple[Path, Path, dict[str, list[str]]]) -> None:
    held = together[2]
    assert held.keys() == {"fresh before", "fresh", "resumed before", "resumed"}
    for ranks in held.values():
        assert ranks[0] == ranks[1]
    assert len({ranks[0] for ranks in held.values()}) == 4, "and they learnt something"


def test_two_resume_exactly(typed: tuple[Path, str], together: tuple[Path, Path, dict[str, list[str]]]) -> None:
    assert bits(together[1], 12) == bits(typed[0], 12)
    assert not [e for e in events.read(together[1]) if e["kind"] == "warning"]


def test_two_are_one_with_twice_the_batch(
    together: tuple[Path, Path, dict[str, list[str]]], pictures: tuple[Path, Path], tmp_path: Path
) -> None:
    alone = unpaired.train(*pictures, out=tmp_path / "alone", config=plan(ALIKE, batch=2))
    runs = [folder for run in (together[0], alone) if (folder := checkpoints.latest(run))]
    assert [folder.name for folder in runs] == ["images-000000012"] * 2
    for name in (p.name for p in runs[0].glob("*.safetensors")):
        two, one = load_file(runs[0] / name), load_file(runs[1] / name)
        # A bias before an instance norm changes nothing, so Adam walks it along rounding errors.
        weights = {k for k in two if two[k].ndim > 1}
        torch.testing.assert_close({k: two[k] for k in weights}, {k: one[k] for k in weights}, rtol=1e-3, atol=2e-5)
    x = 2 * torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(0)) - 1
    pictures_made = []
    for folder in runs:
        generator = build_generator(3, 3, ALIKE.generator)
        generator.load_state_dict(checkpoint.read(folder).weights("generator_ab"))
        pictures_made.append(generator(x).detach())
    torch.testing.assert_close(*pictures_made, rtol=0, atol=1e-4)


def test_another_number_of_processes_is_said_aloud(typed: tuple[Path, str], tmp_path: Path) -> None:
    run = Path(shutil.copytree(typed[0], tmp_path / "run"))
    told: list[str] = []

    def listen(event: events.Event) -> None:
        if event["kind"] == "warning":
            told.append(event["text"])

    unpaired.resume(run, images=14, listeners=[listen])
    assert len(told) == 1
    assert "2 processes" in told[0]
    assert "with 1" in told[0]
    assert checkpoint.read(run / "checkpoints" / "images-000000014").manifest.world == 1


# One rank fails: both end, with one sentence.


def _train(*words: object) -> list[object]:
    return ["-m", "unpaired", "train", *words, *OPTIONS, "--images", 12]


def test_a_start_that_is_refused_ends_both(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.txt").write_text("precious")
    ranks = two_ranks(lambda rank: _train(*pictures, "--out", tmp_path / "run"))
    assert "not an empty folder" in one_sentence(ranks)
    assert [p.name for p in (tmp_path / "run").iterdir()] == ["thesis.txt"]


def test_what_only_the_second_can_see_is_said_by_the_first(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    """As on another machine, where a folder is missing."""
    ranks = two_ranks(
        lambda rank: _train(pictures[0], pictures[1] if rank == 0 else tmp_path / "gone", "--out", tmp_path / "run")
    )
    assert f"{tmp_path / 'gone'} does not exist" in one_sentence(ranks)
    assert not (tmp_path / "run").exists()


def test_a_full_disk_of_the_first_ends_both(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, resource.RLIM_INFINITY))

    unpaired.train(*pictures, out=tmp_path / "alone", config=plan(images=1))  # the cache is there
    ranks = two_ranks(lambda rank: _train(*pictures, "--out", tmp_path / "run"), preexec_fn=small_files)
    assert "could not be written" in one_sentence(ranks)
    assert seen(tmp_path / "run") == []


def test_a_loss_that_is_no_number_on_one_rank_ends_both(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    ranks = two_ranks(lambda rank: [TOGETHER.with_name("poisoned.py"), tmp_path / "run", *pictures])
    sentence = one_sentence(ranks)
    assert "loss was not a finite number at image 2 (step 1)" in sentence
    assert seen(tmp_path / "run") == []
