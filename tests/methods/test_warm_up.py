"""Generators fill in what is masked, and nothing else trains meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import unpaired
from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    TrainingConfig,
)
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.methods.warm_up import masked, warm_up_step
from unpaired.run import checkpoint, checkpoints
from unpaired.validation import validate

CONFIG = Config(
    data=DataConfig(size=36, crop=32),
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    loss=LossConfig(warm_up_images=6, pool=2),
    nce=NceConfig(layers=(0, 3), patches=16, dimension=8),
    training=TrainingConfig(
        images=10,
        batch=2,
        checkpoint_images=2,
        keep=9,
        held_out=0,
        device="cpu",
        precision="float32",
        preview_minutes=60,
    ),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("pictures")
    for i in range(6):
        for folder in (root / "a", root / "b"):
            folder.mkdir(exist_ok=True)
            pixels = np.random.default_rng([i, len(folder.name)]).integers(0, 256, (36, 36, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{i}.png")
    return root / "a", root / "b"


@pytest.mark.parametrize("share", [0.0, 0.4, 0.9])
def test_a_share_of_squares_becomes_grey(share: float) -> None:
    torch.manual_seed(0)
    x = torch.rand(8, 3, 32, 48) + 0.5
    made = masked(x, share)
    gone = made == 0
    assert torch.equal(made[~gone], x[~gone])
    assert gone.float().mean().item() == pytest.approx(share, abs=0.06)
    squares = gone.view(8, 3, 8, 4, 8, 6).float().mean((1, 3, 5))
    assert set(squares.unique().tolist()) <= {0.0, 1.0}, "whole squares, in all channels"


@pytest.mark.parametrize("name", sorted(METHODS))
def test_the_loss_is_the_distance_to_the_whole_picture(name: str) -> None:
    method = METHODS[name](replace(CONFIG, method=name))  # pyright: ignore
    a, b = torch.rand(2, 2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    steps = list(warm_up_step(method, a, b, 0.0))
    assert len(steps) == len(method.translators)
    for step, (direction, network) in zip(steps, method.translators.items(), strict=True):
        source = a if direction == "a2b" else b
        torch.testing.assert_close(step.loss, (method.networks()[network](source) - source).abs().mean())
        assert step.terms.keys() == {f"warm_up_{direction}"}


@pytest.mark.parametrize("name", ["cyclegan", "cut"])
def test_nothing_else_trains_before_its_end_and_going_on_is_exact(
    name: str, folders: tuple[Path, Path], tmp_path: Path
) -> None:
    run = unpaired.train(*folders, out=tmp_path / "run", config=replace(CONFIG, method=name))  # pyright: ignore
    places = {int(folder.name.removeprefix("images-")): folder for folder in checkpoints.of(run)}
    early, warm, late = (checkpoint.read(places[images]).files for images in (2, 6, 10))

    def moments(folder: Path) -> list[object]:
        return [o["state"] for o in torch.load(folder / "state.pt", weights_only=True)["optimizers"]]

    discriminator = "discriminator_b.safetensors"
    assert early[discriminator] == warm[discriminator] != late[discriminator]
    assert early["generator_ab.safetensors"] != warm["generator_ab.safetensors"]
    in_one_go = moments(places[10])
    torch.manual_seed(0)
    unpaired.resume(places[4])
    again = checkpoints.latest(run)
    assert again == places[10]
    assert {**checkpoint.read(again).files, "state.pt": ""} == {**late, "state.pt": ""}
    # The moments are the same; how Python wrote them down is not, where the discriminators had none to be read.
    torch.testing.assert_close(in_one_go, moments(again), rtol=0, atol=0)


def test_a_plan_that_is_no_longer_than_the_warm_up_is_refused(folders: tuple[Path, Path], tmp_path: Path) -> None:
    short = replace(CONFIG, training=replace(CONFIG.training, images=6))
    with pytest.raises(UserError, match="A warm-up of 6 images takes the whole training, 6 images"):
        unpaired.train(*folders, out=tmp_path / "run", config=short)
    assert not (tmp_path / "run").exists()


def test_a_training_that_ends_within_its_warm_up_says_so(folders: tuple[Path, Path], tmp_path: Path) -> None:
    training = replace(CONFIG.training, images=None, minutes=1e-6)  # one step
    run = unpaired.train(*folders, out=tmp_path / "run", config=replace(CONFIG, training=training))
    assert "nothing has learnt to translate yet" in (run / "events.jsonl").read_text()
    assert "no more than the warm-up" in unpaired.write_report(run).read_text()


def test_what_cannot_warm_up_is_refused() -> None:
    with pytest.raises(UserError, match="warm-up-mask"):
        validate(replace(CONFIG, loss=LossConfig(warm_up_mask=1.0)))
    grey = replace(CONFIG, data=replace(CONFIG.data, channels_a=1), loss=LossConfig(warm_up_images=8, identity=0))
    with pytest.raises(UserError, match="a warm-up needs domains with the same channels"):
        validate(grey)
