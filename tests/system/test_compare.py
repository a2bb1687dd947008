"""Runs side by side, as it is typed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from terminal import TINY, Command, fill

from unpaired.cli import main
from unpaired.run import checkpoints


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("compared")
    for i, name in enumerate(("trainA", "trainB", "testA", "testB")):
        fill(root / name, 10, seed=i)
    return root


@pytest.fixture(scope="module")
def runs(folders: Path) -> tuple[Path, Path]:
    """Two trainings that measured themselves on the same pictures."""
    for name, more in (("one", []), ("two", ["--seed", "1", "--lambda-a", "3"])):
        words = [*TINY, "--held-out", "10", "--evaluate-every", "4", *more]
        main(["train", str(folders), "--out", str(folders / name), *words])
    return folders / "one", folders / "two"


def test_what_was_measured_while_training_stands_side_by_side(
    unpaired: Command, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    page = tmp_path / "both.html"
    answer = unpaired("compare", *runs, "--out", page, "--device", "cpu")
    assert answer.status == 0, answer
    for word in ("one", "two", "KID", "do nothing", "images seen", str(page)):
        assert word in answer.out.replace("\n", " ").replace("│ ", "") or word in answer.out
    text = page.read_text().replace("<wbr>", "")  # where a name may break in a narrow table
    for setting in ("--lambda-a", "--seed", "after 8 images", "10 and 10"):
        assert setting in text
    assert "--lambda-b" not in text, "what is the same is not shown"
    assert text.count("data:image/webp;base64,") == 2
    assert "How they got there" in text
    assert "different pictures" not in text
    assert "no run is better than leaving the pictures as they are" in text, "after 8 images"
    told = json.loads(unpaired("compare", *runs, "--out", page, "--json", "--device", "cpu").out)
    assert told["one"]["images"] == told["two"]["images"] == 8
    assert "a2b KID (EfficientNet-Lite0)" in told["one"]["scores"]


def test_three_runs_fit_into_a_narrow_terminal(
    unpaired: Command, runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    third = Path(shutil.copytree(runs[1], tmp_path / "three"))
    record = json.loads((third / "run.json").read_text())
    record["config"]["optimizer"]["discriminator_learning_rate"] = 1e-4
    record["config"]["discriminator"]["kind"] = "projected+patchgan"
    record["config"]["nce"]["weight"] = 3.0
    (third / "run.json").write_text(json.dumps(record))
    monkeypatch.setenv("COLUMNS", "80")
    answer = unpaired("compare", *runs, third, "--out", tmp_path / "page.html", "--device", "cpu")
    assert answer.status == 0, answer
    lines = answer.out.splitlines()
    assert max(len(line) for line in lines if not line.startswith("Page: ")) <= 80  # a path is as long as it is
    for name in ("--discriminator-learning-rate", "--discriminator.kind", "checkpoint measured", "EfficientNet-Lite0"):
        assert name in answer.out, "no name is cut"
    assert "--nce.weight" not in answer.out, "no method here reads it"


def test_runs_are_measured_anew_on_pictures_that_are_named(
    unpaired: Command, runs: tuple[Path, Path], folders: Path, tmp_path: Path
) -> None:
    words = ("--test-a", folders / "testA", "--test-b", folders / "testB", "--paired", "--json", "--device", "cpu")
    answer = unpaired("compare", *runs, "--out", tmp_path / "page.html", *words)
    assert answer.status == 0, answer
    scores = json.loads(answer.out)["two"]["scores"]
    assert scores["b2a PSNR to true pairs (dB)"]["translator"] > 0
    assert scores["a2b KID (EfficientNet-Lite0)"]["do_nothing"] is not None


def test_what_does_not_compare_is_said(unpaired: Command, runs: tuple[Path, Path], tmp_path: Path) -> None:
    other = Path(shutil.copytree(runs[1], tmp_path / "other"))
    log = (other / "events.jsonl").read_text().replace('"pictures": "', '"pictures": "0')
    (other / "events.jsonl").write_text(log)
    page = tmp_path / "page.html"
    assert unpaired("compare", runs[0], other, "--out", page, "--device", "cpu").status == 0
    assert "measured on different pictures" in page.read_text()
    assert 'class="ours better"' not in page.read_text(), "of numbers that do not compare none is the best"
    lines = [line for line in log.splitlines() if '"kind": "evaluation"' not in line]
    (other / "events.jsonl").write_text("\n".join(lines))
    assert unpaired("compare", runs[0], other, "--out", page, "--device", "cpu").status == 0
    assert "other was never measured" in page.read_text()


def test_mistakes(unpaired: Command, runs: tuple[Path, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    assert "two to 6 different runs" in unpaired("compare", runs[0], "--out", page).sentence
    assert "two to 6 different runs" in unpaired("compare", runs[0], runs[0], "--out", page).sentence
    assert "is not a run" in unpaired("compare", runs[0], tmp_path, "--out", page).sentence
    assert "name both" in unpaired("compare", *runs, "--out", page, "--test-a", tmp_path).sentence
    empty = Path(shutil.copytree(runs[0], tmp_path / "empty", ignore=shutil.ignore_patterns("checkpoints")))
    assert checkpoints.latest(empty) is None
    answer = unpaired("compare", runs[0], empty, "--out", page, "--device", "cpu")
    assert answer.status == 1
    assert "no checkpoint" in answer.err.splitlines()[-1]
    assert not page.exists()
