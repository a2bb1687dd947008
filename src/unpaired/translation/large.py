"""Whether a picture goes through a network whole, and how it goes where it does not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import cast

import torch
from torch import Tensor, nn

from unpaired.translation import memory
from unpaired.translation.fit import Rows, fitted_rows
from unpaired.translation.tiles import BAND, Tiles, Write
from unpaired.translation.turns import TURNS

SMALL = 256 * 256
"""Pixels that always go whole: they take less than the bands of a larger picture."""
BESIDE = 1 / 6
"""Of the memory that is left: what may be taken beside others. A server computes four batches at once, a film, and the
pictures of a study."""


LEAST_BAND = 4 << 20
"""Bytes of results that a band holds at least."""
BANDS = 6
"""Bands' worth of memory beside what is kept: results, what convolutions take beside them, and gaps between what is
freed and asked for."""


class Large:
    """One translator's memory: how much it may take, and the plans of its networks."""

    def __init__(
        self, device: torch.device, dtype: torch.dtype, *, channels_last: bool, max_memory: int | str | None
    ) -> None:
        self.device, self.dtype, self.channels_last = device, dtype, channels_last
        self.max_memory = memory.parsed(max_memory) if isinstance(max_memory, str) else max_memory
        self._per_pixel: dict[nn.Module, float] = {}
        self._plans: dict[nn.Module, Tiles] = {}

    def left(self) -> int:
        """Bytes that may still be taken where the network computes."""
        if self.max_memory is None:
            return int(memory.SHARE * memory.free(self.device))
        held = torch.cuda.memory_reserved(self.device) if self.device.type == "cuda" else memory.held()
        return self.max_memory - held

    def share(self, network: nn.Module, channels: int, height: int, width: int) -> float:
        """How much of the memory that is left a picture takes that goes through `network` whole: above 1, it can't."""
        if height * width <= SMALL:
            return 0.0
        if network not in self._per_pixel:
            side = max(64, 2 * cast(int, network.multiple))
            with TURNS.beside():
                self._per_pixel[network] = memory.per_pixel(network, channels, side, self.dtype)
        return height * width * self._per_pixel[network] / max(1, self.left())

    def turn(self, share: float) -> AbstractContextManager[None]:
        """For pictures that go whole and take a `share` of the memory: beside others, or alone where it is large."""
        return TURNS.alone() if share > BESIDE else TURNS.beside()

    def run(
        self, network: nn.Module, channels: int, read: Rows, write: Write, height: int, width: int,
        progress: Callable[[float], None] | None = None,
    ) -> None:  # fmt: skip
        """Translate a picture a band of rows at a time, alone. To be called in the translator's precision."""
        with TURNS.alone():
            self._run(network, channels, read, write, height, width, progress)

    def _run(
        self, network: nn.Module, channels: int, read: Rows, write: Write, height: int, width: int,
        progress: Callable[[float], None] | None,
    ) -> None:  # fmt: skip
        multiple = cast(int, network.multiple)
        if network not in self._plans:
            self._plans[network] = Tiles(network, multiple, channels, self.device)
        padded, full_height, full_width = fitted_rows(read, height, width, multiple)

        def cropped(first: int, rows: Tensor) -> None:
            if first < height:
                write(first, rows[:, :, : height - first, :width].float().clamp(-1, 1))

        room = self.left()
        # Small bands where there is little room, so that what is kept has half of it.
        band = min(BAND, max(LEAST_BAND, room // (2 * BANDS)))
        stores = room - BANDS * band if self.device.type == "cpu" else memory.free(torch.device("cpu")) // 2
        self._plans[network].run(
            padded, cropped, full_height, full_width,
            memory=max(0, stores), band_bytes=band, channels_last=self.channels_last, progress=progress,
        )  # fmt: skip
