"""The adversarial game over one domain, the same for every method."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from unpaired.config import Config, Domain
from unpaired.data.augment import differentiable_augment
from unpaired.losses.adversarial import ADVERSARIAL, over_heads
from unpaired.losses.cycle import l1
from unpaired.methods.pool import HistoryPool
from unpaired.methods.step import Asked, Step, frozen
from unpaired.networks import Discriminator
from unpaired.networks.precision import exactly


class Adversary(nn.Module):
    """What it is worth to fool a discriminator, and to it to tell real from fake (eq. 1 and section 4).

    Everything that a configuration may ask of a discriminator happens here: augmentation, history pool, penalty.
    """

    def __init__(self, domain: Domain, discriminator: Discriminator, config: Config) -> None:
        super().__init__()
        self.domain, self.discriminator, self.config = domain, discriminator, config.discriminator
        self.name = "gan_ab" if domain == "b" else "gan_ba"
        self.weight = config.loss.gan_weight
        self.loss = ADVERSARIAL[config.loss.adversarial]
        self.pool = HistoryPool(config.loss.pool)
        # Pictures of one pass share nothing but batch statistics: without those, passes may be joined.
        self.joined = config.discriminator.norm != "batch"

    def asks(self, fake: Tensor) -> Iterator[Asked]:
        """That (N, C, H, W) fakes fool it, where that has a weight."""
        if self.weight:
            yield self.name, self.weight, self.fool(fake)

    def fool(self, fake: Tensor) -> Tensor:
        """The generator's loss on (N, C, H, W) fakes, a scalar; the discriminator's weights get no gradients."""
        with frozen(self.discriminator):
            logits = self.discriminator(self._seen(fake))
        return over_heads(self.loss.generator, logits, self.discriminator.weights)

    def apart(self, made: Tensor, real: Tensor) -> Tensor:
        """How far pictures (N, C, H, W) of its domain are from others in its features: L1, in units of the mean size
        of the others' features, a scalar. Its weights get no gradients.
        """
        with frozen(self.discriminator):
            found = self.discriminator.features(made)
        with torch.no_grad():
            wanted = self.discriminator.features(real)
        return torch.stack([l1(x, y) / y.float().abs().mean() for x, y in zip(found, wanted, strict=True)]).mean()

    def judge(self, real: Tensor, fake: Tensor, step: int) -> Step:
        """The discriminator's loss on reals and fakes, which go through the pool."""
        asked = [(f"discriminator_{self.domain}", 1.0, self._tell(real, self.pool.exchange(fake)))]
        every = self.config.r1_every
        if self.config.r1 and step % every == 0:
            asked.append((f"r1_{self.domain}", 0.5 * self.config.r1 * every, self._penalty(real)))
        return Step.of(asked)

    def _tell(self, real: Tensor, fake: Tensor) -> Tensor:
        """Halved, so that D learns slower than G (section 4)."""
        if self.joined:
            logits = [h.chunk(2) for h in self.discriminator(self._seen(torch.cat([real, fake])))]
            on_real, on_fake = [r for r, _ in logits], [f for _, f in logits]
        else:
            on_real, on_fake = self.discriminator(self._seen(real)), self.discriminator(self._seen(fake))
        loss_real = over_heads(self.loss.real, on_real, self.discriminator.weights)
        return 0.5 * (loss_real + over_heads(self.loss.fake, on_fake, self.discriminator.weights))

    def _penalty(self, real: Tensor) -> Tensor:
        """E ‖∇D(x)‖² on real pictures (Mescheder et al. 2018, eq. 9), of each head's mean logit; in float32, where
        squares of small slopes are not lost.
        """
        with exactly(real.device):
            x = self._seen(real).detach().requires_grad_()
            logits = self.discriminator.from_pixels(x)
            total = torch.stack([h.flatten(1).mean(1).sum() for h in logits]).sum()
            (slope,) = torch.autograd.grad(total, x, create_graph=True)
            return slope.square().flatten(1).sum(1).mean()

    def _seen(self, x: Tensor) -> Tensor:
        return differentiable_augment(x) if self.config.augment else x
