"""Noticing that a training has exploded, before it spoils a checkpoint."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor, nn

from unpaired.compute.ranks import Ranks
from unpaired.errors import Exploded
from unpaired.run import checkpoints

LARGEST = 1e6
"""Of a loss term and of a weight: those of trainings that learn stay below a thousand."""


class Watch:
    """Notices the first step with a loss that is no number or too large, without making each step wait for it."""

    def __init__(self, run: Path, stride: int) -> None:
        """`stride` is the images of a step, over all ranks."""
        self.run, self.stride = run, stride
        self._pending: list[tuple[int, Tensor]] = []

    def see(self, terms: dict[str, Tensor], images: int) -> None:
        """Remember the loss terms of the step that began after `images`."""
        if terms:
            self._pending.append((images, torch.stack([t.float() for t in terms.values()]).abs().amax()))

    def check(self, ranks: Ranks) -> None:
        """Raise `Exploded`, on all ranks, where a loss seen since the last check, by any of them, was such."""
        pending, self._pending = self._pending, []
        with ranks.together():
            for images, largest in pending:
                if not largest <= LARGEST:  # nor is NaN
                    raise exploded("loss", largest.item(), self.run, images, self.stride)


def check_weights(networks: dict[str, nn.Module], run: Path, images: int, stride: int) -> None:
    """Raise `Exploded` where a weight is no number or too large.

    A loss can be a small number and its step still spoil the weights: the next loss would tell, too late for this
    checkpoint; and that of bounded outputs never would.
    """
    for network in networks.values():
        for weight in network.parameters():
            largest = weight.detach().abs().amax()
            if not largest <= LARGEST:
                raise exploded("weights", largest.item(), run, images - stride, stride)


def exploded(what: str, value: float, run: Path, images: int, stride: int) -> Exploded:
    """What happened in the step after `images`, what is left, and what to do."""
    folder = checkpoints.latest(run)
    left = f"{folder.name} is as it was" if folder else "there is no checkpoint yet"
    happened = f"rose to {value:.1g}" if math.isfinite(value) else "was not a finite number"
    happened = happened if what == "loss" else happened.replace("was", "were")
    return Exploded(
        f"The {what} {happened} at image {images + stride:,} (step {images // stride + 1:,}) and training stopped; "
        f"{left}: go on with --resume {run} and a lower --learning-rate."
    )
