"""Where tensors belong in our networks, in the order in which pictures flow through them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from unpaired.interop.chain import Chain, Convolution, Unlike
from unpaired.networks.unet import UNetGenerator


@dataclass(frozen=True, slots=True)
class Slot:
    """A convolution of ours and the normalisation after it."""

    name: str
    convolution: nn.Conv2d | nn.ConvTranspose2d
    norm_name: str | None = None
    norm: nn.Module | None = None


def slots(network: nn.Module) -> list[Slot]:
    """The convolutions of a ResNet, U-Net, PatchGAN or pixel discriminator."""
    found: list[Slot] = []
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            found.append(Slot(name, module))
        elif isinstance(module, nn.InstanceNorm2d | nn.BatchNorm2d | nn.GroupNorm):
            last = found.pop()
            found.append(Slot(last.name, last.convolution, name, module))
    if isinstance(network, UNetGenerator):  # it names its doublings from the outermost on
        depth = len(network.down)
        found = [*found[:depth], *reversed(found[depth:])]
    return found


def fill(network: nn.Module, chain: Chain) -> dict[str, Tensor]:
    """The state dict of `network` (which may be on the meta device) with the tensors of `chain`.

    A bias that a normalisation takes away again is left out where ours has none; where ours has one and theirs has
    none, it is 0. Raises `Unlike` where shapes differ.
    """
    places = slots(network)
    if len(places) != len(chain.convolutions):
        raise Unlike(f"it has {len(chain.convolutions)} convolutions where {len(places)} are expected")
    state: dict[str, Tensor] = {}
    for place, theirs in zip(places, chain.convolutions, strict=True):
        expected = tuple(place.convolution.weight.shape)
        if expected != theirs.shape:
            raise Unlike(f"{theirs.name} has the shape {theirs.shape} where {expected} is expected")
        state[f"{place.name}.weight"] = theirs.weight
        if place.convolution.bias is not None:
            bias = torch.zeros(place.convolution.out_channels) if theirs.bias is None else theirs.bias
            state[f"{place.name}.bias"] = bias
        if place.norm_name is not None and place.norm is not None:
            state |= _norm(place.norm_name, place.norm, theirs, folded=place.convolution.bias is None)
        elif theirs.norm is not None:
            raise Unlike(f"{theirs.name} is normalised, where nothing should be")
        elif place.convolution.bias is None and theirs.bias is not None:
            raise Unlike(f"{theirs.name} has a bias, where none should be")
    left_out = network.state_dict().keys() - state.keys()
    assert not left_out, left_out
    return state


def _norm(name: str, ours: nn.Module, theirs: Convolution, *, folded: bool) -> dict[str, Tensor]:
    norm = theirs.norm
    if isinstance(ours, nn.InstanceNorm2d) and not ours.affine:
        return {}
    if norm is None or norm.weight is None or norm.bias is None:
        raise Unlike(f"{theirs.name} is not normalised as the others are")
    state = {f"{name}.weight": norm.weight, f"{name}.bias": norm.bias}
    if isinstance(ours, nn.BatchNorm2d):
        if norm.mean is None or norm.variance is None:
            raise Unlike(f"{theirs.name} is not normalised as the others are")
        # norm(x + b) with the mean m is norm(x) with the mean m - b.
        mean = norm.mean if theirs.bias is None or not folded else norm.mean - theirs.bias
        state |= {f"{name}.running_mean": mean, f"{name}.running_var": norm.variance}
        state[f"{name}.num_batches_tracked"] = torch.tensor(0)
    return state
