"""How much memory a training will take, before it takes it."""

from __future__ import annotations

import torch

from unpaired.config import Config
from unpaired.methods import METHODS
from unpaired.methods.asked import generator_parts

RUNTIME = 300 << 20  # Python, torch and their buffers, as measured after import and a first convolution


def estimate(config: Config) -> int:
    """Bytes of a training at its peak: weights, gradients, optimiser, averages, and what a step keeps for its
    backward pass, which is counted on torch's meta device, where tensors have shapes but no numbers.
    """
    with torch.device("meta"):
        method = METHODS[config.method](config)
    method.to("meta")
    weights = sum(p.numel() * p.element_size() for p in method.parameters() if p.requires_grad)
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        kept[id(tensor.untyped_storage())] = tensor.untyped_storage().nbytes()
        alive.append(tensor)  # an id means nothing once its storage is gone
        return tensor

    alive: list[torch.Tensor] = []
    n, side = config.training.batch, config.data.crop
    real_a = torch.empty(n, config.data.channels_a, side, side, device="meta")
    real_b = torch.empty(n, config.data.channels_b, side, side, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        # The first of the parts that are differentiated one by one, and which are alike.
        next(generator_parts(method, {"a": real_a, "b": real_b}, {}, config.loss, 0))
    # weights + gradients + two moments of Adam + an average
    return RUNTIME + 5 * weights + sum(kept.values())
