"""Pictures of few colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from unpaired.config import Config, DataConfig, GeneratorConfig
from unpaired.errors import UserError
from unpaired.interop.onnx import write_onnx
from unpaired.interop.peer import write_pth
from unpaired.methods import METHODS
from unpaired.networks import build_translator, palette
from unpaired.networks.layers import initialise
from unpaired.networks.palette import PaletteGenerator, flattened
from unpaired.presets import demo
from unpaired.training.memory import estimate
from unpaired.translation.tiles import Tiles
from unpaired.translation.translator import Translator

CONFIG = Config(data=DataConfig(colours_b=4), generator=GeneratorConfig(width=4, blocks=1))


def _gradient(side: int) -> Tensor:
    line = torch.linspace(-1, 1, side)
    return torch.stack([line.expand(side, side), line[:, None].expand(side, side), torch.zeros(side, side)])[None]


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**31), colours=st.integers(2, 6), height=st.integers(8, 50), width=st.integers(8, 50))
def test_a_drawing_of_few_colours_stays_as_it_is(seed: int, colours: int, height: int, width: int) -> None:
    """Fields of 4 px or more in up to as many colours as there may be, far enough apart."""
    random = torch.Generator().manual_seed(seed)
    shades = torch.cartesian_prod(*[torch.tensor([-0.8, 0.0, 0.8])] * 3)
    inks = shades[torch.randperm(27, generator=random)[:colours]]
    fields = torch.randint(colours, (height // 4 + 1, width // 4 + 1), generator=random)
    drawing = inks[fields.repeat_interleave(4, 0).repeat_interleave(4, 1)[:height, :width]].permute(2, 0, 1)[None]
    torch.testing.assert_close(flattened(drawing, 6), drawing, atol=1e-3, rtol=0)


def test_faint_noise_and_gradients_are_gone() -> None:
    drawing = torch.tensor([-0.7, 0.5])[(torch.arange(64) > 30).long()].expand(1, 3, 64, 64)
    noisy = drawing + 0.02 * torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert (flattened(noisy, 2) - drawing).abs().max() < 0.01
    made = flattened(_gradient(64), 5)
    steps = (made[..., 1:] - made[..., :-1]).abs().amax(1)
    assert (steps < 1e-3).float().mean() > 0.5
    assert (_gradient(64).diff(dim=-1).abs().amax(1) > 1e-2).all()


def test_each_picture_has_its_own_colours() -> None:
    dark, light = _gradient(32) * 0.2 - 0.7, _gradient(32) * 0.2 + 0.7
    both = flattened(torch.cat([dark, light]), 3)
    torch.testing.assert_close(both, torch.cat([flattened(dark, 3), flattened(light, 3)]))


def test_large_pictures_are_painted_in_strips(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = _gradient(40)
    at_once = flattened(picture, 4)
    monkeypatch.setattr(palette, "STRIP", 300)
    with torch.inference_mode():
        torch.testing.assert_close(flattened(picture, 4), at_once)


def _network() -> PaletteGenerator:
    torch.manual_seed(0)
    network = build_translator(CONFIG, "a2b")
    assert isinstance(network, PaletteGenerator)
    initialise(network, 0.3)
    return network.eval().requires_grad_(False)


def test_training_paints_freely() -> None:
    network, picture = _network(), _gradient(32)
    torch.testing.assert_close(network(picture), flattened(network.body(picture), 4))
    torch.testing.assert_close(network.train()(picture), network.body(picture))


def test_only_the_way_to_the_drawings_has_few_colours() -> None:
    assert not isinstance(build_translator(CONFIG, "b2a"), PaletteGenerator)
    method = METHODS["cyclegan"](CONFIG)
    assert isinstance(method.generators()["generator_ab"], PaletteGenerator)
    assert not isinstance(method.generators()["generator_ba"], PaletteGenerator)


def test_tiled_is_whole() -> None:
    network, picture = _network().double(), _gradient(72).double()
    made: list[Tensor] = []
    with torch.inference_mode():
        whole = network(picture)
        Tiles(network, 4, 3, torch.device("cpu")).run(
            lambda low, high: picture[:, :, low:high], lambda _, rows: made.append(rows), 72, 72, memory=0, band=16
        )
    torch.testing.assert_close(torch.cat(made, 2), whole, atol=1e-9, rtol=0)


def test_onnxruntime_paints_the_same_at_any_size_and_the_authors_code_has_no_such_thing(tmp_path: Path) -> None:
    one = Translator(CONFIG, {"a2b": _network}, device="cpu", precision="float32")
    assert write_onnx(one, "a2b", tmp_path / "model.onnx") < 1 / 255
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    picture = torch.nn.functional.interpolate(_gradient(40), size=(40, 56))
    (made,) = session.run(None, {session.get_inputs()[0].name: picture.numpy()})
    assert np.abs(made - _network()(picture).numpy()).max() < 1 / 255
    assert palette.STRIP < 512 * 520
    large = torch.nn.functional.interpolate(_gradient(40), size=(512, 520))
    (made,) = session.run(None, {session.get_inputs()[0].name: large.numpy()})
    assert made.shape == (1, 3, 512, 520)
    with torch.inference_mode():
        assert np.abs(made - _network()(large).numpy()).mean() < 1 / 255
    with pytest.raises(UserError, match="few colours"):
        write_pth(one.generator("a2b"), CONFIG.generator, tmp_path / "model.pth")


def test_its_memory_can_be_told_before_it_is_taken() -> None:
    """On torch's device without numbers, which knows no autocast."""
    assert flattened(torch.empty(1, 3, 32, 32, device="meta"), 4).shape == (1, 3, 32, 32)
    assert estimate(demo()) > 0
