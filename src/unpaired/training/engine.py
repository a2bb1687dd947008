"""One step of any method: precision, gradients, optimisers, averaged weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from unpaired.compute.device import choose_channels_last, choose_precision
from unpaired.compute.ranks import Ranks
from unpaired.config import Config, Domain, OptimizerConfig
from unpaired.data.tensors import to_float
from unpaired.methods.asked import generator_parts
from unpaired.methods.base import Method
from unpaired.methods.step import Step
from unpaired.methods.warm_up import warm_up_step


class Engine:
    """Trains `method` on `device`, together with the other ranks."""

    def __init__(self, method: Method, config: Config, device: torch.device, ranks: Ranks) -> None:
        self.method, self.config, self.device, self.ranks = method, config, device, ranks
        self.dtype = choose_precision(config.training.precision, device)
        self.channels_last = choose_channels_last(config.training.channels_last, device, self.dtype)
        method.to(device)
        if self.channels_last:
            method.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
        opt = config.optimizer
        rates = (opt.learning_rate, opt.discriminator_learning_rate or opt.learning_rate)
        # A method without adversaries has nothing on the discriminators' side.
        self.sides = [
            _Side(networks, rate, opt, device)
            for networks, rate in zip((method.generators(), method.discriminators()), rates, strict=True)
            if networks
        ]
        self.averaged: dict[str, AveragedModel] = {}
        if opt.ema_images:
            names = sorted(set(method.translators.values()))
            self.averaged = {n: AveragedModel(method.networks()[n], use_buffers=True) for n in names}
        if config.training.compile:
            for network in method.networks().values():
                network.compile()

    def step(
        self, a: Tensor, b: Tensor, *, images: int, rate: float, done: float = 0.0,
        masks: Mapping[Domain, Tensor] | None = None,
    ) -> dict[str, Tensor]:  # fmt: skip
        """Train once on uint8 (N, C, H, W) batches; `rate` is the share of the full learning rate, `done` that of the
        planned training, `masks` are uint8 (N, 1, H, W).

        All randomness of a step comes from (seed, rank, images seen), so a training can go on anywhere.
        Returns the loss terms, scalars on the device.
        """
        seed_all(self.config.training.seed, self.ranks.rank, images)
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        real_a, real_b = (
            to_float(x.to(self.device, non_blocking=True)).contiguous(memory_format=layout) for x in (a, b)
        )
        self.method.progress = done
        index = images // (len(a) * self.ranks.world)
        generators, *discriminators = self.sides
        if images < self.config.loss.warm_up_images:
            parts = warm_up_step(self.method, real_a, real_b, self.config.loss.warm_up_mask)
            terms, _ = generators.update(self._parts(parts), rate, self.ranks)
            self._average(images + len(a) * self.ranks.world)
            return terms
        reals: dict[Domain, Tensor] = {"a": real_a, "b": real_b}
        shares: dict[Domain, Tensor] = {d: m.to(self.device, real_a.dtype) / 255 for d, m in (masks or {}).items()}
        learning = generator_parts(self.method, reals, shares, self.config.loss, index)
        terms, fakes = generators.update(self._parts(learning), rate, self.ranks)
        for side in discriminators:
            parts = self._parts(self.method.discriminator_step(real_a, real_b, fakes, index))
            terms |= side.update(parts, rate, self.ranks)[0]
        self._average(images + len(a) * self.ranks.world)
        return terms

    def translators(self) -> dict[str, nn.Module]:
        """The generators that translate: averaged where averages are kept."""
        names = set(self.method.translators.values())
        return {n: self.averaged[n].module if n in self.averaged else self.method.networks()[n] for n in names}

    def state_dict(self) -> dict[str, Any]:
        return {"optimizers": [side.optimizer.state_dict() for side in self.sides]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for side, saved in zip(self.sides, state["optimizers"], strict=True):
            side.optimizer.load_state_dict(saved)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype == torch.bfloat16)

    def _parts(self, parts: Iterator[Step]) -> Iterator[Step]:
        """Compute each part in the chosen precision, but leave that before it is differentiated."""
        while True:
            with self._autocast():
                part = next(parts, None)
            if part is None:
                return
            yield part

    def _average(self, images: int) -> None:
        """Exponential moving average. Its half-life grows with the images seen, so that the first weights are
        forgotten soon (Karras et al. 2020, "Training GANs with limited data", ramp-up 0.05).
        """
        half_life = min(self.config.optimizer.ema_images, 0.05 * images)
        for name, average in self.averaged.items():
            decay = 0.5 ** (self.config.training.batch * self.ranks.world / max(half_life, 1e-8))
            average.multi_avg_fn = get_ema_multi_avg_fn(decay)
            average.update_parameters(self.method.networks()[name])


class _Side:
    """The generators or the discriminators, with their optimiser."""

    def __init__(
        self, networks: dict[str, nn.Module], rate: float, config: OptimizerConfig, device: torch.device
    ) -> None:
        self.parameters = [p for n in networks.values() for p in n.parameters() if p.requires_grad]
        self.rate, self.clip = rate, config.clip
        # Floats also where a program gave the integer 0 or 1, which Adam refuses.
        betas = (float(config.beta1), float(config.beta2))
        self.optimizer = torch.optim.Adam(self.parameters, lr=float(rate), betas=betas, fused=device.type != "mps")

    def update(self, parts: Iterator[Step], rate: float, ranks: Ranks) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Differentiate the parts one by one and step once. Returns their terms, detached, and their fakes."""
        terms: dict[str, Tensor] = {}
        fakes: dict[str, Tensor] = {}
        learnt = False
        self.optimizer.zero_grad(set_to_none=True)
        for part in parts:
            if part.loss.requires_grad:  # an ablation may leave nothing to learn
                part.loss.backward()
                learnt = True
            terms |= {name: term.detach() for name, term in part.terms.items()}
            fakes |= part.fakes
        if learnt:
            for group in self.optimizer.param_groups:
                group["lr"] = self.rate * rate
            ranks.average_gradients(self.parameters)
            if self.clip:
                clip([p.grad for p in self.parameters if p.grad is not None], self.clip)
            self.optimizer.step()
        return terms, fakes


def clip(gradients: list[Tensor], largest: float) -> None:
    """Scale gradients in place so that their common norm is `largest` at most, or to 0 where it is no number.

    Without waiting for the device. A norm beyond the range of float32 counts as no number.
    """
    norm = nn.utils.get_total_norm(gradients)
    scale = (largest / norm).clamp(max=1.0)
    for gradient in gradients:
        gradient.copy_(torch.where(norm.isfinite(), gradient * scale, 0.0))


def seed_all(seed: int, rank: int, images: int) -> None:
    """Set torch's generators, on all devices, to a pure function of the arguments."""
    torch.manual_seed(int(np.random.SeedSequence((seed, rank, images)).generate_state(1, np.uint32)[0]))
