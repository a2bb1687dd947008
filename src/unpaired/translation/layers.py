"""A network as a list of layers that know which rows of their input each row of their output needs.

Traced once with torch.fx, so that no network has to be known by name: whatever is built from the layers named here can
be computed a band of rows at a time, and any other layer can still be given its whole input.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn
from torch.fx.node import map_arg

from unpaired.networks.attention import attended, attention
from unpaired.networks.bridge import Condition, Modulation
from unpaired.networks.colour import coloured
from unpaired.networks.convnext import Attention
from unpaired.networks.layers import Blur, ResizeConv, residual_output
from unpaired.networks.noise import Noise, NoiseBeside
from unpaired.networks.palette import flattened
from unpaired.networks.warp import Bend


class Reach(NamedTuple):
    """Output row o depends on the input rows ⌊(o·down + low)/up⌋ to ⌊(o·down + high)/up⌋, where these exist."""

    low: int
    high: int
    up: int = 1
    down: int = 1

    def rows(self, first: int, end: int) -> tuple[int, int]:
        """Input rows [·, ·) for output rows [first, end), from a row on where the layer's phase is 0."""
        low = (first * self.down + self.low) // self.up
        high = ((end - 1) * self.down + self.high) // self.up + 1
        return low // self.down * self.down, -(-high // self.down) * self.down

    def end(self, rows: int) -> int:
        """Output rows that can be computed from the first `rows` of an input that has more."""
        return max(0, (rows * self.up - self.high - 1) // self.down + 1)


SAME = Reach(0, 0)
DOUBLED = Reach(-1, 1, up=2)  # bilinear, or nearest and a 3×3 convolution
REPEATED = Reach(0, 0, up=2)

POINTWISE = (nn.ReLU, nn.LeakyReLU, nn.GELU, nn.Tanh, nn.Identity, nn.Dropout, Modulation)
FUNCTIONS: frozenset[Callable[..., Any]] = frozenset({
    operator.add, operator.mul, operator.sub, operator.truediv, torch.cat, torch.add, torch.tanh, coloured,
    residual_output, attended, attention,
})  # fmt: skip
METHODS = frozenset({"to", "tanh", "float"})

Kind = Literal["picture", "local", "norm", "noise", "whole"]
"""`local` needs nearby rows; `norm` the same rows, and the statistics of the whole; `noise` the same rows, and
which of the whole they are; `whole` all rows."""


@dataclass(eq=False, slots=True)
class Layer:
    """One step of a network and what is known of its result, (1, channels, H / scale, W / scale)."""

    kind: Kind
    node: fx.Node
    module: nn.Module | None
    reach: Reach
    inputs: list[Layer]
    channels: int
    scale: int
    dtype: torch.dtype
    constants: dict[fx.Node, Any]
    multiplications: float
    """For each element of the result."""
    users: list[Layer] = field(default_factory=list["Layer"])

    def __call__(self, given: dict[fx.Node, Tensor]) -> Tensor:
        """The layer itself, of the results of its inputs or of bands of them."""
        values = {**self.constants, **given}
        args = map_arg(self.node.args, values.__getitem__)
        kwargs = map_arg(self.node.kwargs, values.__getitem__)
        if self.module is not None:
            return self.module(*args, **kwargs)
        if self.node.op == "call_method":
            return getattr(args[0], str(self.node.target))(*args[1:], **kwargs)
        return cast(Callable[..., Tensor], self.node.target)(*args, **kwargs)


def trace(network: nn.Module, example: Tensor) -> list[Layer]:
    """The layers of `network` in the order in which they run, the picture first and the result last.

    `example` (1, C, H, W) goes through once, on whatever device and in whatever precision the caller has set: from it
    the sizes and number formats of all results are known.
    """
    graph = _Tracer(autowrap_functions=(coloured, flattened, residual_output, attended, attention)).trace(network)
    modules = dict(network.named_modules())
    seen = _Recorder(fx.GraphModule(network, graph))
    seen.run(example)
    found: dict[fx.Node, Layer] = {}
    constants: dict[fx.Node, Any] = {}
    for node in graph.nodes:
        if node.op == "output":
            (result,) = node.all_input_nodes
            assert found[result] is list(found.values())[-1], "the last layer gives the result"
            break
        value = seen.results[node]
        if not isinstance(value, _Shape):
            constants[node] = value
            continue
        module = modules[str(node.target)] if node.op == "call_module" else None
        kind, reach = _place(node, module)
        layer = Layer(
            kind, node, module, reach, [found[n] for n in node.all_input_nodes if n in found], value.channels,
            example.shape[-2] // value.height, value.dtype, constants, _multiplications(module),
        )  # fmt: skip
        for given in layer.inputs:
            given.users.append(layer)
        found[node] = layer
    return list(found.values())


def _place(node: fx.Node, module: nn.Module | None) -> tuple[Kind, Reach]:
    """How a step of the graph can be computed in bands."""
    if node.op == "placeholder":
        return "picture", SAME
    if module is None:
        if node.target is F.interpolate:
            options = node.kwargs
            return ("local", DOUBLED) if options == _BILINEAR else ("whole", SAME)
        known = node.target in (METHODS if node.op == "call_method" else FUNCTIONS)
        return ("local" if known else "whole"), SAME
    if isinstance(module, nn.InstanceNorm2d | nn.GroupNorm):
        assert not getattr(module, "track_running_stats", False), "instance norm takes the picture's own statistics"
        return "norm", SAME
    if isinstance(module, Noise | NoiseBeside):
        return "noise", SAME
    reach = module_reach(module)
    return ("local", reach) if reach else ("whole", SAME)


_BILINEAR = {"scale_factor": 2.0, "mode": "bilinear", "align_corners": False}
_NEAREST = {"scale_factor": 2.0, "mode": "nearest", "align_corners": None}


def module_reach(module: nn.Module) -> Reach | None:
    """Which rows a layer looks at; None where it is not known to look at nearby ones only."""
    if isinstance(module, (*POINTWISE, nn.BatchNorm2d)):
        return SAME
    if isinstance(module, ResizeConv):
        return DOUBLED
    if isinstance(module, Bend):
        return Reach(-module.far - 1, module.far + 1)
    if isinstance(module, Blur):
        return Reach(-1, 1, down=2)
    if isinstance(module, nn.AvgPool2d):
        return Reach(0, 1, down=2) if (module.kernel_size, module.stride, module.padding) == (2, 2, 0) else None
    if isinstance(module, nn.Upsample):
        options = {"scale_factor": module.scale_factor, "mode": module.mode, "align_corners": module.align_corners}
        return {"bilinear": DOUBLED, "nearest": REPEATED}[module.mode] if options in (_BILINEAR, _NEAREST) else None
    if isinstance(module, nn.ConvTranspose2d):
        k, s, p = module.kernel_size[0], module.stride[0], cast(int, module.padding[0])
        doubles = k - 2 * p + module.output_padding[0] == s and module.dilation[0] == 1
        return Reach(p - k + s, p, up=s) if doubles else None
    if isinstance(module, nn.Conv2d) and module.padding_mode != "circular" and not isinstance(module.padding, str):
        k, s, p = (module.kernel_size[0] - 1) * module.dilation[0], module.stride[0], module.padding[0]
        return Reach(-p, k - p, down=s)
    return None


def _multiplications(module: nn.Module | None) -> float:
    """For each element of a convolution's result; other layers cost next to nothing beside."""
    if isinstance(module, ResizeConv):
        return 4.0 * module.in_channels
    if isinstance(module, nn.ConvTranspose2d):
        return module.weight[:, 0].numel() / (module.stride[0] * module.stride[1])
    return float(module.weight[0].numel()) if isinstance(module, nn.Conv2d) else 0.0


class _Tracer(fx.Tracer):
    """Looks into every module that consists of others, but for attention, which no band of rows can compute, and for
    what has to do with conditions, which are no pictures.
    """

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, Attention | Condition | Modulation) or not any(True for _ in m.children())


class _Shape(NamedTuple):
    channels: int
    height: int
    dtype: torch.dtype


class _Recorder(fx.Interpreter):
    """Runs a graph and notes what each step gives: the shape of a tensor, or whatever else it is."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.results: dict[fx.Node, Any] = {}

    def run_node(self, n: fx.Node) -> Any:
        value = super().run_node(n)
        tensor = isinstance(value, Tensor)
        self.results[n] = _Shape(value.shape[1], value.shape[2], value.dtype) if tensor else value
        return value
