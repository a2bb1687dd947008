"""What network a file of tensors belongs to: its kind, size, norm and padding, worked out and never asked.

Shapes tell the kind, width, depth, channels, kernels and how a ResNet doubles; tensors of norms tell the norm; blur
filters tell how CUT's networks resample. Padding and dropout leave no tensors: of those, numbered names tell something,
since each layer of an `nn.Sequential` counts, and what is left is taken as in pytorch-CycleGAN-and-pix2pix and said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from unpaired.config import DiscriminatorConfig, GeneratorConfig, Norm, Padding
from unpaired.errors import UserError
from unpaired.interop.chain import Chain, Convolution, Unlike, read_chain
from unpaired.interop.slots import fill
from unpaired.networks import Discriminator, build_generator
from unpaired.networks.projector import PatchProjector

PEER = "pytorch-CycleGAN-and-pix2pix"


@dataclass(frozen=True, slots=True)
class Found:
    """A generator: what it is, and its weights under our names."""

    config: GeneratorConfig
    inputs: int
    outputs: int
    state: dict[str, Tensor]
    notes: tuple[str, ...]
    """What was not told by the file and is taken as usual, a sentence each."""


@dataclass(frozen=True, slots=True)
class FoundDiscriminator:
    """A discriminator: what it is, and its weights under our names."""

    config: DiscriminatorConfig
    channels: int
    state: dict[str, Tensor]


def recognise_generator(tensors: Mapping[str, Tensor], where: str) -> Found:
    """Raises `UserError` that says what is different or missing; `where` names the file."""
    try:
        chain = read_chain(tensors)
        kernels = {shape[2:] for shape in chain.shapes}
        if kernels == {(4, 4)}:
            config, inputs, outputs, notes = _unet(chain)
        elif kernels == {(1, 1)}:
            raise Unlike("it is a pixel discriminator")
        else:
            config, inputs, outputs, notes = _resnet(chain)
        with torch.device("meta"):
            network = build_generator(inputs, outputs, config)
        return Found(config, inputs, outputs, fill(network, chain), tuple(notes))
    except Unlike as e:
        raise UserError(f"{where} is no generator that can be imported: {e}.") from e


def recognise_discriminator(tensors: Mapping[str, Tensor], where: str) -> FoundDiscriminator:
    """Raises `UserError` that says what is different or missing; `where` names the file."""
    try:
        chain = read_chain(tensors)
        config = _discriminator(chain)
        channels = chain.shapes[0][1]
        with torch.device("meta"):
            network = Discriminator(channels, config, ())
        return FoundDiscriminator(config, channels, fill(network, chain))
    except Unlike as e:
        raise UserError(f"{where} is no discriminator that can be imported: {e}.") from e


def recognise_projector(
    tensors: Mapping[str, Tensor], widths: list[int], dimension: int, where: str
) -> dict[str, Tensor]:
    """CUT's heads `mlp_0.0`, `mlp_0.2`, `mlp_1.0`, …; `widths` are those of the stages that they look at."""
    with torch.device("meta"):
        expected = PatchProjector(widths, dimension).state_dict()
    state = {f"heads.{re.sub('^mlp_', '', name)}": tensor for name, tensor in tensors.items()}
    if {k: t.shape for k, t in state.items()} != {k: t.shape for k, t in expected.items()}:
        raise UserError(
            f"{where} does not hold CUT's heads for stages of {widths} channels (its latest_net_F.pth does)."
        )
    return state


def _resnet(chain: Chain) -> tuple[GeneratorConfig, int, int, list[str]]:
    shapes, convolutions = chain.shapes, chain.convolutions
    count = len(shapes)
    width, inputs, kernel, _ = shapes[0]
    blocks = (count - 6) // 2
    inner = [(2 * width, width, 3, 3), *[(4 * width, s, 3, 3) for s in (2 * width, *[4 * width] * (2 * blocks))]]
    if count < 6 or count % 2 or shapes[1 : 3 + 2 * blocks] != inner or kernel % 2 == 0:
        raise Unlike("its convolutions are neither those of a ResNet with two halvings nor those of a U-Net")
    doubled = (shapes[-3], shapes[-2])
    transposed = doubled == ((4 * width, 2 * width, 3, 3), (2 * width, width, 3, 3))
    if not transposed and doubled != ((2 * width, 4 * width, 3, 3), (width, 2 * width, 3, 3)):
        raise Unlike(f"its doublings {doubled[0]} and {doubled[1]} are not 3×3 convolutions to half the channels")
    outputs = shapes[-1][0]
    if shapes[-1] != (outputs, width, kernel, kernel):
        raise Unlike(f"its last convolution {shapes[-1]} does not go with its first {shapes[0]}")
    last = convolutions[-1]
    if last.norm is not None:
        raise Unlike("its last convolution is normalised")
    norm, notes = _norm(convolutions[:-1], chain)
    names = _Names.of(chain, blocks)
    padding = names.padding(notes)
    scaling: Literal["auto", "reflect", "zeros"] = "reflect" if names.family == "initial.0" else "auto"
    halved = {(2, 3), (3, 3)} <= {*chain.blurs}
    blurred = {(count - 3, 4), (count - 2, 4)} <= {*chain.blurs}
    if len(chain.blurs) != 2 * halved + 2 * blurred:
        raise Unlike("it blurs at other places than CUT's generators do")
    upsample: Literal["transposed", "resize", "blur"] = "transposed"
    if blurred:
        upsample = "blur"
    elif not transposed:
        upsample, scaling = "resize", names.resized()
    if halved or blurred:
        scaling = "zeros"
    config = GeneratorConfig(
        kind="resnet", width=width, blocks=blocks, kernel=kernel, norm=norm, dropout=names.dropout, padding=padding,
        scaling_padding=scaling, downsample="blur" if halved else "strided", upsample=upsample,
    )  # fmt: skip
    return config, inputs, outputs, notes


def _unet(chain: Chain) -> tuple[GeneratorConfig, int, int, list[str]]:
    shapes, depth = chain.shapes, len(chain.shapes) // 2
    if shapes[-1][0] == 1:
        raise Unlike("it is a PatchGAN discriminator")
    width, inputs = shapes[0][:2]
    widths = [width * min(8, 2**level) for level in range(depth)]
    down = list(zip(widths, (inputs, *widths), strict=False))
    outputs = shapes[-1][1]
    up = [(w if level == depth - 1 else 2 * w, before) for level, (w, before) in enumerate(down)]
    expected = [*down, *reversed(up)]
    expected[-1] = (expected[-1][0], outputs)
    if depth < 3 or len(shapes) % 2 or [s[:2] for s in shapes] != expected or chain.blurs:
        raise Unlike(f"its {len(shapes)} convolutions of 4×4 are not those of a U-Net as {PEER} builds it")
    outer, inner, last = chain.convolutions[0], chain.convolutions[depth - 1], chain.convolutions[-1]
    if outer.norm or inner.norm or last.norm:
        raise Unlike("its outermost or innermost convolutions are normalised")
    normalised = [c for c in chain.convolutions if c not in (outer, inner, last)]
    norm, notes = _norm(normalised, chain)
    if any(name.startswith("initial_down") for name in chain.names):
        raise Unlike("its names are those of a U-Net that activates after its convolutions, not before")
    if not chain.names[depth - 1].endswith(".model.3" * (depth - 2) + ".model.1"):
        notes.append(f"its names do not tell where it activates: taken as in {PEER}, before each convolution")
    return GeneratorConfig(kind="unet", width=width, depth=depth, norm=norm), inputs, outputs, notes


def _discriminator(chain: Chain) -> DiscriminatorConfig:
    shapes, convolutions = chain.shapes, chain.convolutions
    width, channels = shapes[0][:2]
    layers = len(shapes) - 2
    if len(shapes) == 3 and [*shapes[1:]] == [(2 * width, width, 1, 1), (1, 2 * width, 1, 1)]:
        norm, _ = _norm(convolutions[1:2], chain)
        return DiscriminatorConfig(kind="pixel", width=width, norm=norm)
    widths = [width * min(8, 2**level) for level in range(layers + 1)]
    expected = [(w, before, 4, 4) for w, before in zip((*widths, 1), (channels, *widths), strict=False)]
    if layers < 1 or shapes != expected:
        raise Unlike("its convolutions are those of neither a PatchGAN nor a pixel discriminator")
    blurred = chain.blurs == [(place, 3) for place in range(1, layers + 1)]
    if chain.blurs and not blurred:
        raise Unlike("it blurs at other places than CUT's discriminators do")
    numbers = _numbers(chain.names)
    strides = 4 if blurred else 3
    usual = [0, *(strides * level - 1 for level in range(1, layers + 1))]
    usual.append(usual[-1] + 3)
    if numbers is not None and [n - numbers[0] for n in numbers] != usual:
        raise Unlike("there are other layers between its convolutions than in a PatchGAN")
    norm, _ = _norm(convolutions[1:-1], chain)
    return DiscriminatorConfig(width=width, layers=layers, norm=norm, downsample="blur" if blurred else "strided")


def _norm(convolutions: list[Convolution], chain: Chain) -> tuple[Norm, list[str]]:
    """How these are normalised, and what of it is not told. Raises `Unlike` where they differ, or nothing tells."""
    norms = [c.norm for c in convolutions]
    affine = {n is not None and n.weight is not None for n in norms}
    tracked = {n is not None and n.mean is not None for n in norms}
    if len(affine) > 1 or len(tracked) > 1:
        raise Unlike("some of its convolutions are normalised in another way than the others")
    if affine == {True}:
        # The peers' convolutions have a bias only before an instance norm, which before PyTorch 0.4 (as in Lua) kept
        # statistics, too, but no count of batches.
        old = not chain.counted and all(c.bias is not None for c in convolutions)
        if tracked == {True} and not old:
            return "batch", []
        return "instance-affine", ["its norm has a scale and a shift for each channel: taken as instance norm"]
    if tracked == {True}:
        return "instance", ["statistics of its instance norm are left out, as the networks of its time did"]
    if all(c.bias is not None for c in convolutions):
        return "instance", []
    if any(c.bias is not None for c in convolutions):
        raise Unlike("some of its convolutions have a bias and some have none")
    if any("conv_block" in name for name in chain.names) or _numbers(chain.names) is not None:
        return "none", []  # the peer's convolutions have a bias before an instance norm
    raise Unlike(
        "it does not tell whether it is normalised by instance or not at all: its convolutions have no bias, and no "
        "norm has a tensor"
    )


@dataclass(frozen=True, slots=True)
class _Names:
    """What numbered names tell of layers without tensors."""

    first: int | None
    """Place of the first convolution among its siblings."""
    block: tuple[int, int] | None
    """Places of the two convolutions of a residual block."""
    doubled: int | None
    """Layers from one doubling convolution to the next."""
    family: Literal["initial.0", "block", ""]
    """Whose names they are, where that says more than the places do."""

    @staticmethod
    def of(chain: Chain, blocks: int) -> _Names:
        names = chain.names
        pair = _numbers(names[3:5]) if blocks else None
        first, up = _numbers(names[:1]), _numbers(names[-3:-1])
        family: Literal["initial.0", "block", ""] = ""
        if re.search(r"(^|\.)initial\.0$", names[0]) and all(".conv." in n for n in names[1:-1]):
            family = "initial.0"
        elif blocks and re.search(r"\.block\.\d+$", names[3]):
            family = "block"
        return _Names(
            first[0] if first else None, (pair[0], pair[1]) if pair else None, up[1] - up[0] if up else None, family
        )

    @property
    def dropout(self) -> float:
        return 0.5 if self.block in ((1, 6), (0, 4)) else 0.0

    def padding(self, notes: list[str]) -> Padding:
        """Of all convolutions that neither halve nor double."""
        if self.family == "initial.0":
            return "reflect"  # padding is the convolutions' own there
        if self.block in ((0, 3), (0, 4)):
            raise Unlike(
                "it does not tell what its residual blocks see beyond the border: no layer pads before their "
                "convolutions, which may pad with zeros or by reflection"
            )
        if self.block not in ((1, 5), (1, 6)):
            notes.append("its names do not tell how it pads: taken as by reflection, as in the paper")
        return "reflect"

    def resized(self) -> Padding:
        """What convolutions after a resize see beyond the border."""
        if self.family == "block" and self.doubled == 4:
            return "zeros"
        raise Unlike(
            "it does not tell how it doubles before its last convolutions: by nearest neighbours or bilinearly, and "
            "what those see beyond the border"
        )


def _numbers(names: list[str]) -> list[int] | None:
    """Places of siblings, where all are children of one numbered sequence."""
    parts = [name.rpartition(".") for name in names]
    if len({parent for parent, _, _ in parts}) != 1 or not all(number.isdigit() for _, _, number in parts):
        return None
    return [int(number) for _, _, number in parts]
