"""Generators: the paper's architecture by its numbers, and what holds for every one in the registry."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from unpaired.config import GeneratorConfig, NceConfig
from unpaired.networks import GENERATORS, build_generator
from unpaired.networks.layers import Blur, ResizeConv, initialise
from unpaired.networks.resnet import ResidualBlock, ResNetGenerator


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def _conv(side: int, inputs: int, outputs: int, bias: bool = True) -> int:
    return side * side * inputs * outputs + outputs * bias


def _resnet(width: int, blocks: int, inputs: int, outputs: int) -> int:
    """c7s1-w, d2w, d4w, R4w × blocks, u2w, uw, c7s1-out; all convolutions with biases (appendix 7.2)."""
    w = width
    down = _conv(7, inputs, w) + _conv(3, w, 2 * w) + _conv(3, 2 * w, 4 * w)
    up = _conv(3, 4 * w, 2 * w) + _conv(3, 2 * w, w) + _conv(7, w, outputs)
    return down + blocks * 2 * _conv(3, 4 * w, 4 * w) + up


def _build(inputs: int = 3, outputs: int = 3, **options: Any) -> nn.Module:
    with torch.device("meta"):  # shapes without numbers
        return build_generator(inputs, outputs, GeneratorConfig(**options))


@pytest.mark.parametrize(("blocks", "millions"), [(9, 11.378), (6, 7.838)])
def test_the_resnets_of_the_paper(blocks: int, millions: float) -> None:
    count = _parameters(_build(blocks=blocks))
    assert count == _resnet(64, blocks, 3, 3)
    assert round(count / 1e6, 3) == millions


@settings(deadline=None)
@given(st.integers(1, 20), st.integers(0, 4), st.sampled_from([1, 3]), st.sampled_from([1, 3]))
def test_a_resnet_of_any_width_has_the_parameters_of_its_formula(
    w: int, blocks: int, inputs: int, outputs: int
) -> None:
    assert _parameters(_build(inputs, outputs, width=w, blocks=blocks)) == _resnet(w, blocks, inputs, outputs)


def test_normalisations_that_bring_a_bias_replace_it() -> None:
    biases = 64 + 128 + 256 + 2 * 9 * 256 + 128 + 64  # of every convolution but the last
    plain = _resnet(64, 9, 3, 3)
    assert _parameters(_build(norm="none")) == plain
    for norm in ("batch", "group"):
        assert _parameters(_build(norm=norm)) == plain - biases + 2 * biases


def test_the_unet_of_pix2pix_with_instance_norm() -> None:
    """Isola et al., appendix 6.1.1: encoder C64-C128-C256-C512 × 5, decoder CD512 × 3-C512-C256-C128-C64."""
    w = [64, 128, 256, 512, 512, 512, 512, 512]
    encoder = _conv(4, 3, 64) + sum(_conv(4, a, b) for a, b in pairwise(w))
    # Each doubling but the innermost also gets the skip.
    decoder = _conv(4, 512, 512) + sum(_conv(4, 2 * b, a) for a, b in pairwise(w[:-1]))
    decoder += _conv(4, 128, 3)
    count = _parameters(_build(kind="unet"))
    assert count == encoder + decoder
    assert round(count / 1e6, 1) == 54.4


def test_dropout_sits_where_the_papers_put_it() -> None:
    def count(**options: Any) -> int:
        return sum(isinstance(m, nn.Dropout) for m in _build(**options).modules())

    assert count(kind="unet", dropout=0.5) == 3
    assert count(kind="resnet", dropout=0.5) == 9
    assert count(kind="unet") == count(kind="resnet") == 0


def test_transposed_convolutions_are_the_default_and_resize_leaves_none() -> None:
    for kind in ("resnet", "unet"):
        transposed, resized = _build(kind=kind), _build(kind=kind, upsample="resize")
        assert any(isinstance(m, nn.ConvTranspose2d) for m in transposed.modules())
        assert not any(isinstance(m, ResizeConv) for m in transposed.modules())
        assert not any(isinstance(m, nn.ConvTranspose2d) for m in resized.modules())


MULTIPLES: dict[str, Any] = {
    "resnet": lambda _: 4,
    "unet": lambda c: 2**c.depth,
    "convnext": lambda _: 16,
    "pyramid": lambda c: 2 ** (c.depth + 1),
}


@st.composite
def _cases(draw: st.DrawFn) -> tuple[GeneratorConfig, int, int, int, int]:
    config = GeneratorConfig(
        kind=draw(st.sampled_from(sorted(GENERATORS))),  # pyright: ignore
        width=draw(st.integers(1, 5)),
        blocks=draw(st.integers(0, 2)),
        kernel=draw(st.sampled_from([3, 7])),
        depth=draw(st.integers(2, 4)),
        norm=draw(st.sampled_from(["instance", "batch", "group", "none"])),  # pyright: ignore
        dropout=draw(st.sampled_from([0.0, 0.5])),
        noise=draw(st.booleans()),
        downsample=draw(st.sampled_from(["strided", "blur"])),  # pyright: ignore
        upsample=draw(st.sampled_from(["transposed", "resize", "blur"])),  # pyright: ignore
        padding=draw(st.sampled_from(["reflect", "zeros"])),  # pyright: ignore
        residual=draw(st.booleans()),
        attention=draw(st.booleans()),
    )
    if not config.attention:
        config = replace(config, warp=draw(st.sampled_from([0, 7])))
    multiple = build_generator(1, 1, config).multiple
    height, width = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    inputs = draw(st.sampled_from([1, 3]))
    outputs = inputs if config.residual or config.attention else draw(st.sampled_from([1, 3]))
    return config, inputs, outputs, multiple * height, multiple * width


@settings(deadline=None, max_examples=60)
@given(_cases(), st.integers(1, 2))
def test_any_generator_keeps_size_and_range(case: tuple[GeneratorConfig, int, int, int, int], batch: int) -> None:
    config, inputs, outputs, height, width = case
    torch.manual_seed(0)
    generator = build_generator(inputs, outputs, config)
    initialise(generator, 1.0)  # far stronger than any training begins with
    x = 2 * torch.rand(batch, inputs, height, width) - 1
    before = x.clone()
    y = generator(x)
    assert y.shape == (batch, outputs, height, width)
    assert y.isfinite().all()
    limit = 1 / 0.98 + 1e-6 if config.residual else 1.0
    assert y.abs().max() <= limit
    assert torch.equal(x, before), "the input is the caller's"
    y.square().mean().backward()
    assert all(p.grad is not None for p in generator.parameters())
    assert generator.multiple == max(MULTIPLES[config.kind](config), 8 if config.warp else 1)


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_a_residual_generator_that_has_learnt_nothing_changes_nothing(kind: Any) -> None:
    generator = build_generator(3, 3, GeneratorConfig(kind=kind, width=4, blocks=1, depth=3, residual=True))
    for p in generator.parameters():
        nn.init.zeros_(p)
    x = 2 * torch.rand(1, 3, 32, 32) - 1
    torch.testing.assert_close(generator(x), x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", sorted(GENERATORS))
def test_pictures_of_a_batch_do_not_see_each_other(kind: Any) -> None:
    torch.manual_seed(0)
    generator = build_generator(3, 3, GeneratorConfig(kind=kind, width=4, blocks=1, depth=3)).eval()
    x = 2 * torch.rand(3, 3, 32, 32) - 1
    together = generator(x)
    alone = torch.cat([generator(one[None]) for one in x])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)


def test_the_last_convolution_sees_seven_by_seven_pixels() -> None:
    for side in (3, 7):
        generator = _build(kernel=side)
        sides = [m.kernel_size[0] for m in generator.modules() if isinstance(m, nn.Conv2d)]
        assert (sides[0], sides[-1]) == (side, side)


def test_a_block_adds_to_what_it_got() -> None:
    """x + body(x): a body that gives nothing leaves x, and one that gives x doubles it."""
    block = ResidualBlock(4, GeneratorConfig(norm="none"))
    x = torch.randn(1, 4, 8, 8)
    for p in block.parameters():
        nn.init.zeros_(p)
    assert torch.equal(block(x), x)
    block.body = nn.Identity()
    assert torch.equal(block(x), 2 * x)


@pytest.mark.parametrize("kind", sorted(GENERATORS))
@pytest.mark.parametrize("downsample", ["strided", "blur"])
def test_stages_are_what_their_widths_say_and_the_last_one_wanted_is_the_last_computed(
    kind: Any, downsample: Any
) -> None:
    config = GeneratorConfig(kind=kind, width=4, blocks=2, depth=3, downsample=downsample)
    generator = build_generator(3, 3, config).eval()
    x = 2 * torch.rand(2, 3, 32, 32) - 1
    every = generator.stages(x, range(len(generator.widths)))
    assert [stage.shape[1] for stage in every] == generator.widths
    assert every[0] is x
    ran: list[nn.Module] = []
    for module in generator.modules():
        module.register_forward_hook(lambda m, *_: ran.append(m))
    some = generator.stages(x, (0, 2))
    assert len(ran) > 0
    assert all(torch.equal(a, every[i]) for a, i in zip(some, (0, 2), strict=True))
    before = len(ran)
    generator.stages(x, range(len(generator.widths)))
    assert len(ran) - before > before, "later stages cost nothing where they are not wanted"


def test_the_stages_of_cut_are_those_of_the_authors_numbering() -> None:
    """0, 4, 8, 12, 16: pixels, the two halving convolutions before their norm, the first and the fifth block."""
    generator = build_generator(3, 3, GeneratorConfig(width=4, blocks=9))
    assert isinstance(generator, ResNetGenerator)
    x = 2 * torch.rand(1, 3, 32, 32) - 1
    first = generator.encoder[3](generator.encoder[:3](x))
    second = generator.encoder[6](generator.encoder[4:6](first.clone()))
    inner = generator.encoder(x)
    expected = [x, first, second, generator.blocks[:1](inner), generator.blocks[:5](inner)]
    for ours, theirs in zip(generator.stages(x, NceConfig().layers), expected, strict=True):
        torch.testing.assert_close(ours, theirs)


def test_noise_goes_on_when_translating_and_is_the_same_for_every_picture() -> None:
    torch.manual_seed(0)
    noisy, plain = (
        build_generator(3, 3, GeneratorConfig(width=4, blocks=1, dropout=0.5, noise=noise)).eval()
        for noise in (True, False)
    )
    noisy.load_state_dict(plain.state_dict())
    x = (2 * torch.rand(1, 3, 16, 16) - 1).expand(2, -1, -1, -1)
    made = noisy(x)
    assert not torch.allclose(made, plain(x))
    torch.testing.assert_close(made[0], made[1])
    torch.testing.assert_close(noisy(x[:1]), made[:1])
    assert not torch.equal(noisy.train()(x), noisy(x)), "in training it is drawn anew"


def test_blurred_halving_forgets_what_half_the_places_cannot_hold() -> None:
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 2, 16, 16)
    assert Blur()(stripes)[..., 1:].abs().max() < 1e-6, "the finest stripes become grey, not an alias"
    torch.testing.assert_close(Blur()(torch.ones(1, 2, 8, 8)), torch.ones(1, 2, 4, 4))
