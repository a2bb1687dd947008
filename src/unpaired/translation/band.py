"""A band of a result: its rows that are still needed, and convolutions of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unpaired.networks.winograd import WinogradConv2d, conv3x3, pays


class Band:
    """Adjoining rows of one result, in one piece or more, the newest last."""

    def __init__(self) -> None:
        self.end = 0
        """Rows of the picture's whole result that have been computed."""
        self._pieces: list[tuple[int, Tensor]] = []
        self._fresh = False

    def add(self, rows: Tensor) -> None:
        """(1, C, rows, W) more, below the others."""
        self._pieces.append((self.end, rows))
        self.end += rows.shape[2]
        self._fresh = True

    def pieces(self, first: int, end: int) -> list[Tensor]:
        """Rows [first, end) as they lie."""
        found = [(max(first - at, 0), min(end - at, rows.shape[2]), rows) for at, rows in self._pieces]
        return [rows[:, :, start:stop] for start, stop, rows in found if stop > start]

    def rows(self, first: int, end: int) -> Tensor:
        """Rows [first, end) in one piece."""
        pieces = self.pieces(first, end)
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces, 2)

    def keep(self, first: int) -> None:
        """Forget all above row `first`. What is left of the newest piece is copied, so that the rest of it can go."""
        kept = [(max(at, first), rows[:, :, max(0, first - at) :]) for at, rows in self._pieces]
        kept = [(at, rows) for at, rows in kept if rows.shape[2]]
        if kept and self._fresh:
            at, rows = kept[-1]
            kept[-1] = at, rows.clone()
        self._pieces, self._fresh = kept, False


def is_convolution(module: nn.Module | None) -> bool:
    """Whether `convolved` computes what the layer does."""
    if not isinstance(module, nn.Conv2d) or type(module).forward not in (nn.Conv2d.forward, WinogradConv2d.forward):
        return False
    return module.padding_mode != "circular" and not isinstance(module.padding, str)


def convolution_rows(conv: nn.Conv2d, first: int, end: int) -> tuple[int, int]:
    """Rows [·, ·) of its padded input that output rows [first, end) need, counted without the padding: those above 0
    and those beyond the input are padding.
    """
    reach = (conv.kernel_size[0] - 1) * conv.dilation[0]
    top = first * conv.stride[0] - int(conv.padding[0])
    return top, (end - 1) * conv.stride[0] - int(conv.padding[0]) + reach + 1


def convolved(
    conv: nn.Conv2d, pieces: list[Tensor], above: int, below: int, dtype: torch.dtype, layout: torch.memory_format
) -> Tensor:
    """The convolution of adjoining rows (1, C, ·, W), padded at the sides and by `above` and `below` rows.

    Pieces are put together and padded in one copy, in the number format of the result: torch pads a bfloat16 picture
    as float32.
    """
    side, width = int(conv.padding[1]), pieces[0].shape[3]
    height = sum(piece.shape[2] for piece in pieces)
    padded = torch.empty(
        (1, pieces[0].shape[1], above + height + below, width + 2 * side),
        dtype=dtype, device=pieces[0].device, memory_format=layout,
    )  # fmt: skip
    inside = padded[:, :, above : above + height, side : side + width]
    done = 0
    for piece in pieces:
        inside[:, :, done : done + piece.shape[2]] = piece
        done += piece.shape[2]
    _fill(padded, 3, side, side, conv.padding_mode)
    _fill(padded, 2, above, below, conv.padding_mode)
    if isinstance(conv, WinogradConv2d) and not conv.exact and pays(inside, conv.weight):
        return conv3x3(padded, conv.weight, conv.bias)
    return F.conv2d(padded, conv.weight, conv.bias, conv.stride, 0, conv.dilation, conv.groups)


def _fill(x: Tensor, dim: int, before: int, after: int, mode: str) -> None:
    """Pad what lies between the first `before` and the last `after` places along an axis, in place."""
    last = x.shape[dim] - 1 - after
    edges = [(before - i, before, before + i) for i in range(1, before + 1)]
    edges += [(last + i, last, last - i) for i in range(1, after + 1)]
    for place, edge, mirrored in edges:
        if mode == "zeros":
            x.select(dim, place).zero_()
        else:
            x.select(dim, place).copy_(x.select(dim, mirrored if mode == "reflect" else edge))
