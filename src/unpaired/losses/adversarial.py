"""What a discriminator's logits are worth. All take any shape and return a scalar, the mean over all logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor


def lsgan_real(logits: Tensor) -> Tensor:
    """(D(y) − 1)², Mao et al. 2017, section 4 of the paper."""
    return (logits - 1).square().mean()


def lsgan_fake(logits: Tensor) -> Tensor:
    """D(G(x))²."""
    return logits.square().mean()


def vanilla_real(logits: Tensor) -> Tensor:
    """−log σ(D(y)), eq. 1."""
    return F.softplus(-logits).mean()


def vanilla_fake(logits: Tensor) -> Tensor:
    """−log(1 − σ(D(G(x)))), eq. 1."""
    return F.softplus(logits).mean()


def hinge_real(logits: Tensor) -> Tensor:
    """max(0, 1 − D(y)), Lim & Ye 2017."""
    return F.relu(1 - logits).mean()


def hinge_fake(logits: Tensor) -> Tensor:
    """max(0, 1 + D(G(x)))."""
    return F.relu(1 + logits).mean()


def hinge_generator(logits: Tensor) -> Tensor:
    """−D(G(x))."""
    return -logits.mean()


@dataclass(frozen=True, slots=True)
class AdversarialLoss:
    """The three faces of one adversarial loss; each maps logits to a scalar."""

    real: Callable[[Tensor], Tensor]
    """The discriminator's loss on real pictures."""
    fake: Callable[[Tensor], Tensor]
    """The discriminator's loss on fakes."""
    generator: Callable[[Tensor], Tensor]
    """The generator's loss on its fakes."""


ADVERSARIAL = {
    "lsgan": AdversarialLoss(real=lsgan_real, fake=lsgan_fake, generator=lsgan_real),
    # Non-saturating: the generator maximises log σ(D(G(x))) (Goodfellow et al. 2014, section 3).
    "vanilla": AdversarialLoss(real=vanilla_real, fake=vanilla_fake, generator=vanilla_real),
    "hinge": AdversarialLoss(real=hinge_real, fake=hinge_fake, generator=hinge_generator),
}


def over_heads(loss: Callable[[Tensor], Tensor], heads: list[Tensor], weights: list[float]) -> Tensor:
    """Weighted mean of `loss` over the logits of several heads."""
    total = sum(weights)
    return sum(
        (w / total * loss(h.float()) for h, w in zip(heads, weights, strict=True)),
        start=heads[0].new_zeros(()).float(),
    )
