"""What every method may be asked to keep of its sources, and that a start that swaps light and dark is brought back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from unpaired.compute.ranks import Ranks
from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    OptimizerConfig,
    TrainingConfig,
)
from unpaired.losses.structure import STRUCTURE, inversion
from unpaired.methods import METHODS
from unpaired.methods.asked import kept
from unpaired.methods.step import Step
from unpaired.run.record import Folders
from unpaired.training import events, loop, start
from unpaired.training.engine import Engine

TINY = Config(
    data=DataConfig(size=32, crop=32),
    generator=GeneratorConfig(width=8, blocks=1, kernel=3),
    discriminator=DiscriminatorConfig(width=8, layers=1),
    loss=LossConfig(identity=0, pool=0),
    nce=NceConfig(layers=(0, 2, 3), patches=16, dimension=8, flip=True),
    optimizer=OptimizerConfig(learning_rate=1e-3, decay_from=1.0),
    training=TrainingConfig(batch=4, device="cpu", precision="float32", preview_minutes=60),
)


def _asked(**loss: Any) -> Config:
    return replace(TINY, loss=replace(TINY.loss, **loss))


def _pictures(seed: int) -> Tensor:
    return torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_it_can_be_counted_on_the_device_without_numbers() -> None:
    picture = torch.empty(2, 3, 32, 32, device="meta")
    part = Step(picture.mean(), {}, {}, {"b": picture})
    found = part.asked(kept(part.made, {"b": picture}, {}, LossConfig(inversion=2.0)))
    assert found.terms["inversion_b"].shape == ()


@pytest.mark.parametrize("kind", STRUCTURE)
def test_each_translation_is_compared_with_its_source(kind: Any) -> None:
    reals, made = {"a": _pictures(0), "b": _pictures(1)}, _pictures(2).requires_grad_()
    loss = LossConfig(structure=kind, structure_weight=3.0, inversion=2.0)
    part = Step(torch.tensor(1.0), {"gan_ba": torch.tensor(1.0)}, {}, {"b": made})  # pyright: ignore
    found = part.asked(kept(part.made, reals, {}, loss))  # pyright: ignore
    expected = {"structure_b": STRUCTURE[kind](reals["b"], made), "inversion_b": inversion(reals["b"], made)}
    assert {name: found.terms[name] for name in expected} == expected
    assert found.terms.keys() == {"gan_ba", *expected}
    assert found.loss == 1 + 3 * expected["structure_b"] + 2 * expected["inversion_b"]


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_can_be_asked(name: str) -> None:
    config = replace(_asked(structure="ngf", inversion=1.0), method=name)  # pyright: ignore
    rng, terms = np.random.default_rng(0), []
    engine = Engine(METHODS[config.method](config), config, torch.device("cpu"), Ranks())
    for images in (0, 4):
        a, b = (torch.from_numpy(rng.integers(0, 256, (4, 3, 32, 32), dtype=np.uint8)) for _ in "ab")
        terms.append(engine.step(a, b, images=images, rate=1.0))
    sources = {direction[0] for direction in engine.method.translators}
    for domain in sources:
        assert all(0 < t[f"structure_{domain}"] < 1 for t in terms), "a translation of noise is another picture"
        assert all(0 <= t[f"inversion_{domain}"] <= 1 for t in terms)


def test_a_translation_of_a_mirrored_picture_lies_where_its_source_does() -> None:
    """CUT mirrors half of the time; "change nothing" then keeps all structure nevertheless."""
    config = replace(_asked(structure="lncc"), method="cut")
    method = METHODS["cut"](config)
    method.generators()["generator_ab"].forward = lambda x: x  # pyright: ignore
    real = _pictures(0)
    for seed in range(4):
        torch.manual_seed(seed)
        for part in method.generator_step(real, _pictures(1), 0):
            torch.testing.assert_close(part.made["a"], real)


def _painted(folder: Path, seed: int) -> Path:
    """Pictures of soft colours, of which negatives look as real."""
    folder.mkdir()
    for i in range(24 if "test" not in folder.name else 10):
        rough = np.random.default_rng([seed, i]).integers(0, 256, (5, 5, 3), dtype=np.uint8)
        Image.fromarray(rough).resize((32, 32), Image.Resampling.BICUBIC).save(folder / f"{seed}-{i:02}.png")
    return folder


def _swap(generators: list[nn.Module], pictures: list[Tensor]) -> None:
    """Teach generators to give the negative."""
    optimizer = torch.optim.Adam([p for g in generators for p in g.parameters()], 2e-3)
    for step in range(120):
        x = pictures[step % len(pictures)].float() / 127.5 - 1
        for generator in generators:
            optimizer.zero_grad()
            (generator(x) + x).abs().mean().backward()
            optimizer.step()


@pytest.mark.parametrize("weight", [0.0, 5.0], ids=["left alone", "penalised"])
def test_a_start_that_swaps_light_and_dark_is_named_or_recovers(weight: float, tmp_path: Path) -> None:
    config = _asked(inversion=weight)
    config = replace(config, training=replace(config.training, images=240, evaluate_every=120, held_out=10))
    a, b, test_a, test_b = (_painted(tmp_path / name, i) for i, name in enumerate(("a", "b", "test-a", "test-b")))
    session = start.begin(config, Folders(a=a, b=b, test_a=test_a, test_b=test_b), tmp_path / "run")
    shown = [batch.a for batch, _ in zip(session.batches.prefetch(0, 4), range(6), strict=False)]
    _swap(list(session.engine.method.generators().values()), shown)
    loop.train(session)
    told = events.read(tmp_path / "run")
    light = [e["signs"][d]["light"] for e in told if e["kind"] == "evaluation" for d in ("a2b", "b2a")]
    named = [e["text"] for e in told if e["kind"] == "warning" and "Light and dark are swapped" in e["text"]]
    assert len(light) == 4
    if weight:
        assert min(light) > 0
        assert not named
    else:
        assert max(light) < -0.8, "the cycle does not mind"
        assert len(named) == 2
        assert all("--inversion" in sentence for sentence in named)
