"""Every preset, as it is typed, from its training to a server's answer; and its generator as a program."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from terminal import Command, fill, paint

import unpaired as library
from unpaired.cli.display import EXPLAINED
from unpaired.presets import PRESETS, explained
from unpaired.report.losses import PANELS
from unpaired.training.events import read

sys.path.append(str(Path(__file__).parents[1] / "web"))
from served import serving

from unpaired.web.runs import Runs
from unpaired.web.settings import Settings

SMALL = [
    *("--size", "36", "--crop", "32", "--generator.width", "2", "--generator.blocks", "1", "--generator.depth", "3"),
    *("--discriminator.width", "4", "--discriminator.layers", "1", "--discriminator.view", "32"),
    *("--nce.layers", "0", "1", "2", "--nce.patches", "16", "--nce.dimension", "8", "--bridge.steps", "2"),
    *("--batch", "2", "--held-out", "0", "--device", "cpu", "--precision", "float32"),
]

PLAINLY = ("--no-trust", "--device", "cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("pictures")
    return fill(root / "a", 4, seed=1), fill(root / "b", 4, seed=2)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which each preset's run is trained once."""
    return tmp_path_factory.mktemp("runs")


def trained(unpaired: Command, pictures: tuple[Path, Path], runs: Path, preset: str) -> Path:
    """A run of two steps, the second after resuming."""
    run = runs / preset
    if not run.exists():
        folders = pictures[1:] if PRESETS[preset]().data.layout == "same" else pictures
        begun = unpaired("train", *folders, "--out", run, "--preset", preset, *SMALL, "--images", 2)
        assert begun.status == 0, begun
        assert unpaired("train", "--resume", run, "--images", 4).status == 0
    return run


@pytest.mark.parametrize("columns", ["80", "120"])
def test_help_says_what_each_preset_is_on_a_line(
    unpaired: Command, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    lines = [line.strip("│ ") for line in unpaired("train", "--help").out.splitlines()]
    assert all(f"{name:<12}  {explained(name)[0]}" in lines for name in PRESETS)


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_from_training_to_a_servers_answer(
    unpaired: Command, pictures: tuple[Path, Path], runs: Path, tmp_path: Path, preset: str
) -> None:
    run = trained(unpaired, pictures, runs, preset)
    picture = paint(tmp_path / "picture.png", 40, 36)
    answer = unpaired("inspect", run)
    assert answer.status == 0, answer
    assert "checkpoint images-000000004: whole" in answer.out
    answer = unpaired("translate", run, picture, "--out", tmp_path / "made", "--direction", "a2b", *PLAINLY)
    assert answer.status == 0, answer
    with serving(Runs.single(run), Settings(device="cpu")) as server:
        served = np.asarray(library.Client(f"http://127.0.0.1:{server.port}")(picture, "a2b"))
    with Image.open(tmp_path / "made" / "picture.png") as made:
        assert made.size == (40, 36)
        assert np.array_equal(served, np.asarray(made))


@pytest.mark.parametrize("preset", [*PRESETS, "all that is asked"])
def test_every_loss_is_explained_in_the_report_and_the_terminal(
    unpaired: Command, pictures: tuple[Path, Path], runs: Path, preset: str
) -> None:
    if preset in PRESETS:
        run = trained(unpaired, pictures, runs, preset)
    else:
        run = runs / "asked"
        more = ["--structure", "mind", "--inversion", 1, "--cycle-features", 0.5, "--warm-up-images", 2]
        more += ["--discriminator.r1", 1, "--discriminator.r1-every", 1, "--identity", 1, "--masks-a", pictures[0]]
        for picture in pictures[0].glob("[0-9]*.png"):
            Image.new("L", (40, 40), 128).save(picture.with_name(f"{picture.stem}-mask.png"))
        begun = unpaired("train", *pictures, "--out", run, *SMALL, *more, "--images", 6)
        for mask in pictures[0].glob("*-mask.png"):
            mask.unlink()
        assert begun.status == 0, begun
    terms = {term for event in read(run) if event["kind"] == "progress" for term in event["terms"]}
    assert terms
    assert terms <= {term for panel in PANELS for term in panel.terms}, "in the report"
    assert terms <= {*EXPLAINED}, "in the terminal"
    if preset not in PRESETS:
        assert {"structure_a", "inversion_b", "cycle_features_a", "outside_a", "r1_b", "warm_up_a2b"} <= terms


@pytest.mark.parametrize("preset", ["demo", "pix2pix", "colorization"])  # of kinds of their own
def test_a_presets_network_in_onnxruntime_translates_as_the_command_does(
    unpaired: Command, pictures: tuple[Path, Path], runs: Path, tmp_path: Path, preset: str
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime", reason="the extra [onnx] is not installed")
    run, data = trained(unpaired, pictures, runs, preset), PRESETS[preset]().data
    way = "b2a" if data.colours_a else "a2b"  # towards flat colours, where there are some
    picture = paint(tmp_path / "picture.png", 40, 32, mode="L" if data.channels_a == 1 else "RGB")
    answer = unpaired("export", run, "--onnx", tmp_path / "run.onnx", "--direction", way)
    assert answer.status == 0, answer
    answer = unpaired(
        "translate", run, picture, "--out", tmp_path / "made", "--direction", way, *PLAINLY, "--precision", "float32"
    )
    assert answer.status == 0, answer
    with Image.open(picture) as image, Image.open(tmp_path / "made" / "picture.png") as made:
        seen, there = np.asarray(image, np.float32), np.asarray(made.convert("RGB"), np.float32)
    x = (seen[None] if seen.ndim == 2 else seen.transpose(2, 0, 1))[None] / 127.5 - 1
    session = onnxruntime.InferenceSession(tmp_path / "run.onnx", providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"picture": x})
    assert np.abs((y[0].transpose(1, 2, 0) + 1) * 127.5 - there).max() < 0.51
