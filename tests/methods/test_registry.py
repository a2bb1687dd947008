"""What holds for every method: it trains, goes on exactly, translates, measures and reports through the same code."""

from __future__ import annotations

import shutil
import typing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import unpaired
from unpaired.compute.ranks import Ranks
from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    MethodName,
    NceConfig,
    OptimizerConfig,
    TrainingConfig,
)
from unpaired.errors import UserError
from unpaired.evaluation.measures import TruePairs
from unpaired.methods import METHODS
from unpaired.run import checkpoint, checkpoints
from unpaired.training.engine import Engine
from unpaired.training.memory import estimate

TINY = Config(
    data=DataConfig(size=36, crop=32),
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    loss=LossConfig(pool=2),
    nce=NceConfig(layers=(0, 2, 3), patches=16, dimension=8, flip=True),
    optimizer=OptimizerConfig(ema_images=20, init_gain=0.2),
    training=TrainingConfig(images=2, held_out=0, device="cpu", precision="float32", preview_minutes=60),
)
NAMES = sorted(METHODS)


def _config(name: str, **training: Any) -> Config:
    if name == "unsb":  # compares the pictures of a batch
        training = {"batch": 2, **training}
    return replace(TINY, method=name, training=replace(TINY.training, **training))  # pyright: ignore


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders of 12 pictures of soft colours; of one name the second is the first inverted."""
    root = tmp_path_factory.mktemp("pictures")
    for i in range(12):
        rough = np.random.default_rng(i).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        for folder, values in ((root / "a", rough), (root / "b", 255 - rough)):
            folder.mkdir(exist_ok=True)
            Image.fromarray(values).resize((36, 36), Image.Resampling.BICUBIC).save(folder / f"{i:02}.png")
    return root / "a", root / "b"


@pytest.fixture(scope="module", params=NAMES)
def run(request: pytest.FixtureRequest, pictures: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of four images of each method. Not to be changed."""
    folder = tmp_path_factory.mktemp(request.param) / request.param
    return unpaired.train(*pictures, out=folder, config=_config(request.param, images=4))


def _files(run: Path) -> dict[str, str]:
    newest = checkpoints.latest(run)
    assert newest is not None
    return checkpoint.read(newest).files


def test_the_registry_and_the_configuration_name_the_same_methods() -> None:
    assert set(typing.get_args(MethodName)) == METHODS.keys()


def test_going_on_gives_the_bits_of_one_go(run: Path, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    again = unpaired.train(*pictures, out=tmp_path / "again", config=_config(run.name, images=2))
    unpaired.resume(again, images=4)
    assert _files(again) == _files(run)


def test_it_translates_in_its_directions_and_in_no_other(run: Path, pictures: tuple[Path, Path]) -> None:
    translators = METHODS[run.name].translators  # pyright: ignore
    loaded = unpaired.Translator.load(run, device="cpu")
    assert set(loaded.directions) == set(translators)
    for direction, name in translators.items():
        assert f"{name}.ema.safetensors" in _files(run)
        made = loaded(pictures[0] / "00.png", direction)
        assert made.size == (36, 36)
        assert made.tobytes() == loaded(pictures[0] / "00.png", direction).tobytes()
    for direction in {"a2b", "b2a"} - set(translators):
        with pytest.raises(UserError, match=f"does not translate {direction}: .* the two folders exchanged"):
            unpaired.Translator.load(run, direction=direction)  # pyright: ignore


def test_it_is_measured(run: Path, pictures: tuple[Path, Path]) -> None:
    result = unpaired.evaluate(run, *pictures, paired=True, measures=[TruePairs()], device="cpu")
    assert set(result.directions) == set(METHODS[run.name].translators)  # pyright: ignore
    for scores in result.directions.values():
        assert scores.measures["L1 to true pairs"].translator > 0


def test_it_is_shown_and_reported(run: Path) -> None:
    directions = METHODS[run.name].translators  # pyright: ignore
    assert {p.name.split("-")[1].removesuffix(".png") for p in (run / "previews").iterdir()} == set(directions)
    page = unpaired.write_report(run).read_text()
    assert ("and back, learnt" in page) == (len(directions) == 2)
    assert ("as pairs" in page) == METHODS[run.name].paired  # pyright: ignore


@pytest.mark.parametrize("name", NAMES)
def test_checkpoints_are_judged(name: str, pictures: tuple[Path, Path], tmp_path: Path) -> None:
    test_a, test_b = (shutil.copytree(folder, tmp_path / folder.name) for folder in pictures)
    run = unpaired.train(
        *pictures, test_a=test_a, test_b=test_b, out=tmp_path / "run", config=_config(name, held_out=10)
    )
    assert checkpoints.best(run) == checkpoints.latest(run)


@pytest.mark.parametrize("name", NAMES)
def test_each_side_trains_itself_and_all_that_learns_is_saved(name: str) -> None:
    method = METHODS[name](_config(name))  # pyright: ignore
    assert set(method.translators.values()) <= method.generators().keys()
    assert not method.generators().keys() & method.discriminators().keys()
    trained = {id(p) for network in method.networks().values() for p in network.parameters()}
    assert {id(p) for p in method.parameters() if p.requires_grad} <= trained

    torch.manual_seed(0)
    real_a, real_b = torch.rand(2, 2, 3, 32, 32) * 2 - 1
    fakes: dict[str, torch.Tensor] = {}
    for part in method.generator_step(real_a, real_b, 0):
        part.loss.backward()
        fakes |= part.fakes
    assert not any(f.requires_grad for f in fakes.values())
    for network in method.generators().values():
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters() if p.ndim > 1)
    assert all(p.grad is None for network in method.discriminators().values() for p in network.parameters())
    method.zero_grad(set_to_none=True)
    for part in method.discriminator_step(real_a, real_b, fakes, 0):
        part.loss.backward()
    for network in method.discriminators().values():
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters() if p.ndim > 1)
    assert all(p.grad is None for network in method.generators().values() for p in network.parameters())


DISCRIMINATORS = {
    "multiscale": {"kind": "multiscale", "scales": 2},
    "pixel": {"kind": "pixel"},
    "projected": {"kind": "projected", "view": 32, "stages": (1, 2)},
    "both, R1, augmented": {"kind": "projected+patchgan", "view": 32, "stages": (1,), "r1": 1.0, "augment": True},
    "two pairs of eyes": {"kind": "projected", "view": 32, "stages": (1,), "eyes": ("lite1", "lite2")},
    "spectral, R1": {"spectral": True, "r1": 1.0},
    "batch norm, R1": {"norm": "batch", "r1": 1.0},
}
GENERATORS = {
    "unet": {"kind": "unet", "depth": 3, "dropout": 0.5, "noise": True, "norm": "batch"},
    "convnext": {"kind": "convnext"},
    "pyramid": {"kind": "pyramid", "depth": 3},
    "attention": {"attention": True},
    "warp": {"warp": 6},
    "blurred resnet": {"downsample": "blur", "upsample": "blur"},
}


def _steps(config: Config) -> dict[str, torch.Tensor]:
    assert estimate(config) > 0
    engine = Engine(METHODS[config.method](config), config, torch.device("cpu"), Ranks())
    rng = np.random.default_rng(0)
    terms: dict[str, torch.Tensor] = {}
    for images in range(2):
        a, b = (torch.from_numpy(rng.integers(0, 256, (1, 3, 32, 32), dtype=np.uint8)) for _ in "ab")
        terms |= engine.step(a, b, images=images, rate=1.0)
    assert all(t.isfinite() for t in terms.values())
    assert all(p.isfinite().all() for p in engine.method.parameters())
    return terms


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_every_discriminator_fits_every_method(name: str, discriminator: str) -> None:
    options = DISCRIMINATORS[discriminator]
    terms = _steps(replace(_config(name), discriminator=replace(TINY.discriminator, **options)))
    judged = any(term.startswith("discriminator_") for term in terms)
    assert any(term.startswith("r1_") for term in terms) == ("r1" in options and judged)
    assert judged == (name != "johnson")


@pytest.mark.parametrize("discriminator", DISCRIMINATORS)
def test_every_discriminator_can_be_asked_for_its_features(discriminator: str) -> None:
    options = replace(TINY.discriminator, **DISCRIMINATORS[discriminator])
    terms = _steps(replace(TINY, discriminator=options, loss=replace(TINY.loss, cycle_features=0.5)))
    assert {"cycle_features_a", "cycle_features_b"} <= terms.keys()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("generator", GENERATORS)
def test_every_generator_fits_every_method(name: str, generator: str) -> None:
    config = replace(_config(name), generator=replace(TINY.generator, **GENERATORS[generator]))
    gen = config.generator
    if name == "unsb" and (gen.kind != "resnet" or gen.attention or gen.warp):
        with pytest.raises(UserError, match=r"kind resnet|leave out --generator\.(attention|warp)"):
            METHODS[config.method].check(config)
    else:
        _steps(config)


@pytest.mark.parametrize("name", NAMES)
def test_without_adversaries_the_rest_still_trains(name: str) -> None:
    terms = _steps(replace(_config(name), loss=replace(TINY.loss, gan_weight=0.0)))
    assert terms
    assert not any(term.startswith(("gan", "discriminator")) for term in terms)
