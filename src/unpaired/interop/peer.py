"""Our generators under the names of pytorch-CycleGAN-and-pix2pix and CUT, for them and whoever reads theirs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from unpaired.config import GeneratorConfig
from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.interop.slots import slots
from unpaired.networks.bridge import BridgeGenerator
from unpaired.networks.generator import Generator
from unpaired.networks.palette import PaletteGenerator


def write_pth(network: Generator, config: GeneratorConfig, path: Path) -> str:
    """Write `network` as a state dict of theirs, whole or not at all; returns the options with which they build it.

    Raises `UserError` where their networks lack something that ours has.
    """
    if missing := next(_lacking(config, network), None):
        raise UserError(f"pytorch-CycleGAN-and-pix2pix and CUT have no {missing}: export to --onnx or --pt2.")
    state: dict[str, Tensor] = {}
    ours = network.state_dict()
    names = _unet_names(config) if config.kind == "unet" else _resnet_names(config)
    for slot, name in zip(slots(network), names, strict=True):
        state[f"{name}.weight"] = ours[f"{slot.name}.weight"]
        bias = ours.get(f"{slot.name}.bias")
        if bias is not None and _has_bias(config, name, [*names]):
            state[f"{name}.bias"] = bias
        elif bias is not None and bias.any():
            raise UserError(
                f"pytorch-CycleGAN-and-pix2pix has no bias at {name} with norm {config.norm}: "
                "export to --onnx or --pt2."
            )
        if slot.norm_name is not None:
            norm = f"{_next(name)}."
            state |= {norm + k.removeprefix(f"{slot.norm_name}."): t for k, t in ours.items()
                      if k.startswith(f"{slot.norm_name}.")}  # fmt: skip
    state |= {name: tensor.clone() for name, tensor in _filters(config)}
    content = io.BytesIO()
    torch.save({k: t.detach().cpu().contiguous() for k, t in state.items()}, content)
    with replacing(path) as file:
        file.write(content.getvalue())
    return _options(config)


def _lacking(config: GeneratorConfig, network: Generator) -> Iterator[str]:
    """What ours has and theirs have not."""
    if config.kind not in ("resnet", "unet"):
        yield f"{config.kind} generator"
    if isinstance(network, PaletteGenerator):
        yield "generator of few colours"
    if isinstance(network, BridgeGenerator):
        yield "generator of several steps"
    if config.attention:
        yield "generator with attention"
    if config.warp:
        yield "generator that bends pictures"
    if config.lab or config.residual:
        yield "generator that colours in Lab" if config.lab else "residual output"
    if config.norm not in ("instance", "batch", "none"):
        yield f"{config.norm} norm"
    if config.kind == "unet" and (config.upsample != "transposed" or config.depth < 5):
        yield "U-Net that doubles by resizing" if config.upsample != "transposed" else "U-Net of fewer than 5 halvings"
    if config.kind != "resnet":
        return
    if config.kernel != 7:
        yield f"first and last convolution of {config.kernel}×{config.kernel}"
    if config.padding != "reflect":
        yield f"padding with {config.padding}"
    if config.upsample == "resize":
        yield "doubling by nearest neighbours"
    blurs = "blur" in (config.downsample, config.upsample)
    if config.scaling_padding == "reflect" or (blurs and config.scaling_padding != "zeros"):
        yield "padding by reflection where it halves or doubles"


def _resnet_names(config: GeneratorConfig) -> list[str]:
    """Of the convolutions, in their order in an nn.Sequential of padding, convolution, norm, activation, blur."""
    blurs = config.downsample == "blur"
    halving = 4 if blurs else 3
    first = 4 + 2 * halving
    second = 6 if config.dropout else 5
    blocks = [f"model.{first + i}.conv_block.{k}" for i in range(config.blocks) for k in (1, second)]
    after = first + config.blocks
    ups = [after + 1, after + 5] if config.upsample == "blur" else [after, after + 3]
    numbers = [1, 4, 4 + halving]
    return [*(f"model.{n}" for n in numbers), *blocks, *(f"model.{n}" for n in (*ups, ups[1] + 4))]


def _unet_names(config: GeneratorConfig) -> list[str]:
    """Of the convolutions: halvings from the outermost to the innermost, then doublings back."""
    inside = ["model.model.1" + ".model.3" * level for level in range(config.depth - 1)]
    down = ["model.model.0", *(f"{name}.model.1" for name in inside)]
    up = ["model.model.3", *(f"{name}.model.5" for name in inside[:-1]), f"{inside[-1]}.model.3"]
    return [*down, *reversed(up)]


def _has_bias(config: GeneratorConfig, name: str, names: list[str]) -> bool:
    """The last convolution has one, the others before an instance norm only."""
    return name == names[-1] or config.norm == "instance"


def _next(name: str) -> str:
    """The layer after the one of that name."""
    parent, _, number = name.rpartition(".")
    return f"{parent}.{int(number) + 1}"


def _filters(config: GeneratorConfig) -> Iterator[tuple[str, Tensor]]:
    """CUT's blurs, which it keeps as buffers."""
    if config.kind != "resnet":
        return
    names = _resnet_names(config)
    if config.downsample == "blur":
        line = torch.tensor([0.25, 0.5, 0.25])
        for name, width in zip(names[1:3], (2, 4), strict=True):
            number = int(name.rpartition(".")[2]) + 3
            yield f"model.{number}.filt", torch.outer(line, line).expand(width * config.width, 1, 3, 3)
    if config.upsample == "blur":
        line = torch.tensor([0.25, 0.75, 0.75, 0.25])
        for name, width in zip(names[-3:-1], (4, 2), strict=True):
            number = int(name.rpartition(".")[2]) - 1
            yield f"model.{number}.filt", torch.outer(line, line).expand(width * config.width, 1, 4, 4)


def _options(config: GeneratorConfig) -> str:
    if config.kind == "unet":
        known = {7: "unet_128", 8: "unet_256"}
        kind = known.get(config.depth, f"UnetGenerator(num_downs={config.depth})")
        dropout = ""
    else:
        known = {6: "resnet_6blocks", 9: "resnet_9blocks"}
        kind = known.get(config.blocks, f"ResnetGenerator(n_blocks={config.blocks})")
        dropout = "" if config.dropout else " --no_dropout"
    cut = {("strided", "blur"): " --no_antialias", ("blur", "transposed"): " --no_antialias_up"}
    extra = cut.get((config.downsample, config.upsample), "") if config.kind == "resnet" else ""
    return f"--netG {kind} --norm {config.norm} --ngf {config.width}{dropout}{extra}"
