"""Pictures too large for the network's memory: the same translation, a band of rows at a time.

Not an approximation. Convolutions see beyond a band's edge what is there, and the borders of the picture only where
they are; norms over the whole picture take its own mean and variance, gathered in a pass before they are applied.
What is left of a difference is the rounding of sums.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from unpaired.networks.noise import Noise, NoiseBeside
from unpaired.translation import fit
from unpaired.translation.band import Band, convolution_rows, convolved, is_convolution
from unpaired.translation.layers import Layer, trace
from unpaired.translation.passes import Pass, plan
from unpaired.translation.rows import Budget, Rows, rows_in
from unpaired.translation.statistics import Statistics

BAND = 128 << 20
"""Bytes of results that a band holds, about, where there is room."""
BLOCKS = 8
"""Into a band go so many blocks of what is kept: one result of it, at most, has to lie in one block."""

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
            band: rows of the picture in a band; by default as many as hold about `band_bytes`.
            progress: called with the share of the work that is done.
        """
        kept = [layer for current in self.passes for layer in current.kept]
        largest = max((_row(layer, width) for layer in kept), default=1)
        whole = max((_row(layer, width) * (height // layer.scale) for layer in kept), default=1)
        block = rows_in(min(band_bytes // BLOCKS, whole), largest) * largest
        picture = _Picture(read, write, height, width, Budget(memory, block), self.device, channels_last)
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


def _row(layer: Layer, width: int) -> int:
    """Bytes of a row of a layer's result."""
    return layer.channels * (width // layer.scale) * layer.dtype.itemsize


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

    def banded(self, current: Pass, rows: int | None, size: int) -> None:
        """Compute the layers of a pass from top to bottom: of each layer, band by band, all rows for which its inputs
        have come, once. Rows of the inputs that are needed again for the next band are kept until then.

        A band has `rows` of the picture, or as many as have results of `size` bytes, and those it reads in one block.
        """
        for layer in current.kept:
            self.stored[layer] = self._new(layer)
        sources = {layer for layer in current.layers if self._is_source(layer, current)}
        if rows is None:
            rows = rows_in(size, sum(_row(layer, self.width) / layer.scale for layer in current.layers))
            rows = min([rows, *(self.stored[source].deep * source.scale for source in sources & self.stored.keys())])
        users = {
            layer: [user for user in current.layers if layer in user.inputs and user not in sources]
            for layer in current.layers
        }
        bands = {layer: Band() for layer in current.layers}
        for end in range(rows, self.height + rows, rows):
            for layer in current.layers:
                stop = min(end, self.height) // layer.scale if layer in sources else self._reached(layer, bands)
                self._advance(layer, current, bands, stop, source=layer in sources)
                for given in (layer, *layer.inputs):
                    if given in bands and layer is (users[given] or [given])[-1]:
                        bands[given].keep(self._wanted(given, users[given], bands))
            for layer in self.stored.keys() & current.last:
                self.stored[layer].forget(bands[layer].end)

    def _is_source(self, layer: Layer, current: Pass) -> bool:
        """Whether a layer is read, not computed."""
        return layer.kind == "picture" or (layer in self.stored and layer not in current.kept)

    def _reached(self, layer: Layer, bands: dict[Layer, Band]) -> int:
        """Up to which row a layer can be computed from what has come of its inputs."""
        whole = self.height // layer.scale
        missing = [given for given in layer.inputs if bands[given].end < self.height // given.scale]
        return min([whole, *(layer.reach.end(bands[given].end) for given in missing)])

    def _wanted(self, layer: Layer, users: list[Layer], bands: dict[Layer, Band]) -> int:
        """The first row of a layer that has still to be looked at."""
        ahead = [user for user in users if bands[user].end < self.height // user.scale]
        rows = [_input_rows(user, bands[user].end, bands[user].end + 1)[0] for user in ahead]
        return min([bands[layer].end, *(max(0, row) for row in rows)])

    def _advance(self, layer: Layer, current: Pass, bands: dict[Layer, Band], stop: int, *, source: bool) -> None:
        """Read or compute a layer's rows up to `stop`; measure, keep or give them out."""
        first = bands[layer].end
        if stop <= first:
            return
        rows = self._source(layer, first, stop) if source else self._made(layer, bands, first, stop)
        bands[layer].add(rows)
        self._use(layer, current, rows, first)

    def _source(self, layer: Layer, first: int, end: int) -> Tensor:
        rows = self.read(first, end) if layer.kind == "picture" else self.stored[layer].read(first, end)
        return rows.to(self.device).contiguous(memory_format=self.layout)

    def _made(self, layer: Layer, bands: dict[Layer, Band], first: int, end: int) -> Tensor:
        """Rows [first, end) of a layer's result."""
        given = layer.inputs[0]
        if layer.kind == "norm":
            return self.statistics[given].apply(layer.module, bands[given].rows(first, end))
        if layer.kind == "noise":
            assert isinstance(layer.module, Noise | NoiseBeside)
            return layer.module(bands[given].rows(first, end), first)
        top, bottom = _input_rows(layer, first, end)
        start, stop = max(0, top), min(bottom, self.height // given.scale)
        if is_convolution(layer.module):
            return convolved(
                cast(nn.Conv2d, layer.module), bands[given].pieces(start, stop), start - top, bottom - stop,
                layer.dtype, self.layout,
            )  # fmt: skip
        result = layer({given.node: bands[given].rows(start, stop) for given in layer.inputs})
        offset = start * layer.reach.up // layer.reach.down
        return result[:, :, first - offset : end - offset]

    def _use(self, layer: Layer, current: Pass, rows: Tensor, first: int) -> None:
        """Measure, keep or give out rows of a result that begin at a row."""
        if layer in current.measured:
            self.statistics.setdefault(layer, Statistics()).add(rows)
        if layer in current.kept:
            self.stored[layer].write(first, rows)
        if not layer.users:
            self.write(first, rows)

    def whole(self, current: Pass) -> None:
        """Compute the one layer that needs all rows at once."""
        layer = current.layers[-1]
        result = layer({
            given.node: self._source(given, 0, self.height // given.scale) for given in layer.inputs
        })  # fmt: skip
        for kept in current.kept:
            self.stored[kept] = self._new(kept)
        self._use(layer, current, result, 0)

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


def _input_rows(layer: Layer, first: int, end: int) -> tuple[int, int]:
    """Rows of a layer's inputs that its rows [first, end) look at: some may lie beyond the picture."""
    if is_convolution(layer.module):
        return convolution_rows(cast(nn.Conv2d, layer.module), first, end)
    return layer.reach.rows(first, end)
