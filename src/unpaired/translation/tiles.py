"""Pictures too large for the network's memory: the same translation, a band of rows at a time.

Not an approximation. Convolutions see beyond a band's edge what is there, and the borders of the picture only where
they are; norms over the whole picture take its own mean and variance, gathered in a pass before they are applied.
What is left of a difference is the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unpaired.networks.layers import Noise
from unpaired.translation import fit
from unpaired.translation.layers import Layer, trace
from unpaired.translation.passes import Pass, plan
from unpaired.translation.rows import Budget, Rows

BAND = 128 << 20
"""Bytes of results that a band holds, about, where there is room: more would not save much of what overlaps."""

PLACES = 1 << 14
"""Of a result that are summed up in single precision; what is more is added in double."""

Write = Callable[[int, Tensor], None]
"""Takes (1, C, rows, W) that begin at a row; called from the top to the bottom."""


class Tiles:
    """A generator planned for pictures of any size. Call `run` in the precision that it was planned in."""

    def __init__(self, network: nn.Module, multiple: int, channels: int, device: torch.device) -> None:
        side = max(2 * multiple, 32)
        self.device = device
        dtype = next((p.dtype for p in network.parameters()), torch.float32)
        self.passes = plan(trace(network, torch.zeros(1, channels, side, side, device=device, dtype=dtype)))

    def run(
        self, read: fit.Rows, write: Write, height: int, width: int, *, memory: int, band: int | None = None,
        band_bytes: int = BAND, channels_last: bool = False, progress: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        """Translate a picture whose height and width are multiples of what the network takes.

        Args:
            memory: bytes that may hold results of the whole picture; what is more goes to temporary files.
            band: rows of the picture in a band, at least; by default as many as hold about `band_bytes`.
            progress: called with the share of the work that is done.
        """
        picture = _Picture(read, write, height, width, Budget(memory), self.device, channels_last)
        try:
            for number, current in enumerate(self.passes):
                if current.layers[-1].kind == "whole":
                    picture.whole(current)
                else:
                    picture.banded(current, band, band_bytes)
                picture.forget(current)
                if progress:
                    progress((number + 1) / len(self.passes))
        finally:
            picture.close()


class _Picture:
    """One picture on its way: what was kept of it, and what is known of its statistics."""

    def __init__(
        self, read: fit.Rows, write: Write, height: int, width: int, budget: Budget, device: torch.device,
        channels_last: bool,
    ) -> None:  # fmt: skip
        self.read, self.write = read, write
        self.height, self.width = height, width
        self.budget, self.device = budget, device
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        self.stored: dict[Layer, Rows] = {}
        self.statistics: dict[Layer, Statistics] = {}

    def banded(self, current: Pass, band: int | None, band_bytes: int) -> None:
        """Compute the layers of a pass from top to bottom."""
        row = sum(layer.channels * self.width * layer.dtype.itemsize / layer.scale**2 for layer in current.layers)
        rows = band or int(band_bytes / row)
        rows = max(1, rows // current.rows) * current.rows
        for layer in current.kept:
            self.stored[layer] = self._new(layer)
        starts = range(0, self.height, rows)
        needed = self._needed(current, 0, rows)
        for first in starts:
            made: dict[Layer, tuple[int, Tensor]] = {}
            for layer in current.layers:
                low, high = needed[layer]
                made[layer] = low, self._made(layer, current, made, low, high)
                self._use(layer, current, made, first, min(first + rows, self.height))
                for given in layer.inputs:
                    if all(user in made or user not in needed for user in given.users):
                        made.pop(given, None)
            following = self._needed(current, first + rows, first + 2 * rows) if first + rows < self.height else needed
            for layer in self.stored.keys() & current.last:
                self.stored[layer].forget(following[layer][0])
            needed = following

    def _needed(self, current: Pass, first: int, end: int) -> dict[Layer, tuple[int, int]]:
        """Which rows of each layer a band needs, those beyond its edges with it."""
        end = min(end, self.height)
        needed: dict[Layer, tuple[int, int]] = {}
        for layer in reversed(current.layers):
            if layer in current.measured or layer in current.kept or not layer.users:
                _extend(needed, layer, first // layer.scale, end // layer.scale)
            if layer in needed and not self._given(layer, current):
                for given in layer.inputs:
                    low, high = layer.reach.rows(*needed[layer])
                    _extend(needed, given, max(0, low), min(high, self.height // given.scale))
        return needed

    def _given(self, layer: Layer, current: Pass) -> bool:
        """Whether a layer is read, not computed."""
        return layer.kind == "picture" or (layer in self.stored and layer not in current.kept)

    def _made(self, layer: Layer, current: Pass, made: dict[Layer, tuple[int, Tensor]], low: int, high: int) -> Tensor:
        """Rows [low, high) of a layer's result."""
        if layer.kind == "picture":
            return self.read(low, high).to(self.device).contiguous(memory_format=self.layout)
        if self._given(layer, current):
            return self.stored[layer].read(low, high).to(self.device).contiguous(memory_format=self.layout)
        if layer.kind == "norm":
            return self.statistics[layer.inputs[0]].apply(layer, _rows(made[layer.inputs[0]], low, high))
        if layer.kind == "noise":
            assert isinstance(layer.module, Noise)
            return layer.module(_rows(made[layer.inputs[0]], low, high), low)
        start, stop = layer.reach.rows(low, high)
        start, stop = max(0, start), min(stop, self.height // layer.inputs[0].scale)
        result = layer({given.node: _rows(made[given], start, stop) for given in layer.inputs})
        offset = start * layer.reach.up // layer.reach.down
        return result[:, :, low - offset : high - offset]

    def _use(self, layer: Layer, current: Pass, made: dict[Layer, tuple[int, Tensor]], first: int, end: int) -> None:
        """Measure, keep or give out a band of a result."""
        if layer in current.measured or layer in current.kept or not layer.users:
            first, end = first // layer.scale, end // layer.scale
            rows = _rows(made[layer], first, end)
            if layer in current.measured:
                self.statistics.setdefault(layer, Statistics()).add(rows)
            if layer in current.kept:
                self.stored[layer].write(first, rows)
            if not layer.users:
                self.write(first, rows)

    def whole(self, current: Pass) -> None:
        """Compute the one layer that needs all rows at once."""
        layer = current.layers[-1]
        sizes = {given: (0, self.height // given.scale) for given in layer.inputs}
        result = layer({given.node: self._made(given, current, {}, *sizes[given]) for given in layer.inputs})
        for kept in current.kept:
            self.stored[kept] = self._new(kept)
        self._use(layer, current, {layer: (0, result)}, 0, self.height)

    def forget(self, current: Pass) -> None:
        """Give back what no later pass reads."""
        for layer in current.last & self.stored.keys():
            self.stored.pop(layer).close()

    def close(self) -> None:
        for rows in self.stored.values():
            rows.close()
        self.budget.close()

    def _new(self, layer: Layer) -> Rows:
        size = self.height // layer.scale, self.width // layer.scale
        return Rows(layer.channels, *size, layer.dtype, self.budget)


class Statistics:
    """Mean and variance of each channel, gathered band by band (Chan, Golub and LeVeque 1979)."""

    def __init__(self) -> None:
        self.count = 0
        self.mean = torch.zeros(())
        self.squares = torch.zeros(())

    def add(self, x: Tensor) -> None:
        """(1, C, H, W) more."""
        for part in x.split(max(1, PLACES // x.shape[3]), dim=2):
            count = part.shape[2] * part.shape[3]
            mean, variance = (value.double().cpu() for value in _measured(part))
            total = self.count + count
            apart = mean - self.mean
            self.squares = self.squares + variance * count + apart.square() * (self.count * count / total)
            self.mean = self.mean + apart * (count / total)
            self.count = total

    def apply(self, layer: Layer, x: Tensor) -> Tensor:
        """The norm of `layer` of (1, C, H, W) with these statistics in place of those of `x`."""
        norm, mean, variance = layer.module, self.mean, self.squares / self.count
        if isinstance(norm, nn.GroupNorm):
            groups = mean.view(norm.num_groups, -1)
            middle = groups.mean(1, keepdim=True)
            spread = variance.view(norm.num_groups, -1) + (groups - middle).square()
            mean = middle.expand_as(groups).flatten()
            variance = spread.mean(1, keepdim=True).expand_as(groups).flatten()
        assert isinstance(norm, nn.GroupNorm | nn.InstanceNorm2d)
        wide = torch.promote_types(x.dtype, torch.float32)
        return F.batch_norm(
            x, mean.to(x.device, wide), variance.to(x.device, wide), norm.weight, norm.bias, eps=norm.eps
        )


def _measured(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel of (1, C, H, W)."""
    wide = torch.promote_types(x.dtype, torch.float32)
    count = x.shape[2] * x.shape[3]
    if x.device.type == "cpu" and count > 1:
        # Batch norm's own kernel: 20 times as fast in bfloat16 as the same in torch operations.
        mean, variance = x.new_zeros(x.shape[1], dtype=wide), x.new_zeros(x.shape[1], dtype=wide)
        torch.batch_norm_update_stats(x, mean, variance, 1.0)
        return mean, variance * ((count - 1) / count)
    variance, mean = torch.var_mean(x.to(wide), (0, 2, 3), correction=0)
    return mean, variance


def _rows(band: tuple[int, Tensor], first: int, end: int) -> Tensor:
    """Rows [first, end) of the picture from a band that begins at a row."""
    return band[1][:, :, first - band[0] : end - band[0]]


def _extend(needed: dict[Layer, tuple[int, int]], layer: Layer, first: int, end: int) -> None:
    """Let `needed` hold rows [first, end) of a layer, and all between them and those it holds."""
    low, high = needed.get(layer, (first, end))
    needed[layer] = min(low, first), max(high, end)
