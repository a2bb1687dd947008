"""Measuring while training, as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from terminal import TINY, Command, fill

from unpaired.training import events


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path, Path]:
    root = tmp_path_factory.mktemp("watched")
    a, b, c, d = (fill(root / name, 10, seed=i) for i, name in enumerate(("a", "b", "other-a", "other-b")))
    return a, b, c, d


def test_a_training_is_measured_shown_and_told(
    unpaired: Command, folders: tuple[Path, Path, Path, Path], tmp_path: Path
) -> None:
    a, b, test_a, test_b = folders
    run = tmp_path / "run"
    answer = unpaired(
        "train", a, b, "--out", run, *TINY, "--test-a", test_a, "--test-b", test_b,
        "--held-out", "10", "--evaluate-every", "2", "--stop-when-flat", "--tensorboard",
    )  # fmt: skip
    assert answer.status == 0, answer
    assert "Measured while training on 10 of A and 10 of B, test pictures." in answer.out
    assert [e["images"] for e in events.read(run) if e["kind"] == "evaluation"] == [2, 4, 6, 8]
    page = (run / "report.html").read_text()
    for heading in ("Is it getting better?", "Best against last", "Best and worst", "What could go wrong"):
        assert heading in page
    assert list((run / "tensorboard").iterdir())
    assert unpaired("train", "--resume", run, "--images", 10, "--tensorboard").status == 0
    assert len(list((run / "tensorboard").iterdir())) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--held-out", "0", "--stop-when-flat"], "need held-out pictures"),
        (["--held-out", "0", "--evaluate-every", "5"], "need held-out pictures"),
        (["--held-out", "10", "--evaluate-every", "0"], "--evaluate-every 0 is not a number from 1 on"),
        (["--test-a", "nowhere"], "name both with --test-a and --test-b"),
    ],
)
def test_what_can_not_be_measured(
    unpaired: Command, folders: tuple[Path, Path, Path, Path], tmp_path: Path, words: list[str], told: str
) -> None:
    assert told in unpaired("train", *folders[:2], "--out", tmp_path / "run", *TINY, *words).sentence
    assert not (tmp_path / "run").exists()
