"""The CycleGAN recipe written the straightforward way: the ruler that the other benchmarks measure with.

Eager, float32, every pass separate, nothing joined, nothing averaged, nothing clever. It imports torch and
Pillow and nothing of `unpaired`, so that no change there can move it. `training_step.py --peer` checks that
it takes the time of the published code.

Recipe: Zhu, Park, Isola, Efros, ICCV 2017 (arXiv:1703.10593), sections 3, 4 and appendix 7; identity loss of
section 5.2 on; reflection padding and transposed convolutions as in the authors' networks.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn


def generator(width: int = 64, blocks: int = 9) -> nn.Sequential:
    """ResNet generator: (N, 3, H, W) → (N, 3, H, W) in [-1, 1]."""
    layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, width, 7)]
    layers += [nn.InstanceNorm2d(width), nn.ReLU(True)]
    for channels in (width, 2 * width):
        layers += [nn.Conv2d(channels, 2 * channels, 3, stride=2, padding=1)]
        layers += [nn.InstanceNorm2d(2 * channels), nn.ReLU(True)]
    layers += [ResidualBlock(4 * width) for _ in range(blocks)]
    for channels in (4 * width, 2 * width):
        layers += [nn.ConvTranspose2d(channels, channels // 2, 3, stride=2, padding=1, output_padding=1)]
        layers += [nn.InstanceNorm2d(channels // 2), nn.ReLU(True)]
    layers += [nn.ReflectionPad2d(3), nn.Conv2d(width, 3, 7), nn.Tanh()]
    return nn.Sequential(*layers).apply(small_normal)


class ResidualBlock(nn.Module):
    """Two reflection-padded 3×3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels),
            nn.ReLU(True), nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3),
            nn.InstanceNorm2d(channels),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def discriminator(width: int = 64) -> nn.Sequential:
    """PatchGAN whose logits see 70×70 pixels: (N, 3, H, W) → (N, 1, H/8 − 2, W/8 − 2)."""
    layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2, True)]
    for channels, stride in ((width, 2), (2 * width, 2), (4 * width, 1)):
        layers += [nn.Conv2d(channels, 2 * channels, 4, stride=stride, padding=1)]
        layers += [nn.InstanceNorm2d(2 * channels), nn.LeakyReLU(0.2, True)]
    layers += [nn.Conv2d(8 * width, 1, 4, padding=1)]
    return nn.Sequential(*layers).apply(small_normal)


def small_normal(module: nn.Module) -> None:
    """N(0, 0.02²) for weights, 0 for biases."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class Pool:
    """Up to `size` earlier fakes; one shown in place of every second new one, once it is full."""

    def __init__(self, size: int = 50, seed: int = 0) -> None:
        self.size, self.kept, self.random = size, list[Tensor](), np.random.default_rng(seed)

    def swap(self, fakes: Tensor) -> Tensor:
        shown: list[Tensor] = []
        for fake in fakes.detach().split(1):
            if len(self.kept) < self.size:
                self.kept.append(fake)
                shown.append(fake)
            elif self.random.random() < 0.5:
                i = int(self.random.integers(self.size))
                shown.append(self.kept[i].clone())
                self.kept[i] = fake
            else:
                shown.append(fake)
        return torch.cat(shown)


class ReferenceStep:
    """One training step of the full objective with identity loss: λ 10, identity 0.5 λ, LSGAN, pool of 50."""

    cycle_weight = 10.0
    identity_weight = 0.5

    def __init__(
        self, size: int, blocks: int = 9, width: int = 64, batch: int = 1, device: str | torch.device = "cpu"
    ) -> None:
        self.size, self.batch, self.device = size, batch, torch.device(device)
        self.ab, self.ba = (generator(width, blocks).to(self.device) for _ in "ab")
        self.judge_a, self.judge_b = (discriminator(width).to(self.device) for _ in "ab")
        self.pool_a, self.pool_b = Pool(seed=1), Pool(seed=2)
        self.adam_generators = self._adam(self.ab, self.ba)
        self.adam_discriminators = self._adam(self.judge_a, self.judge_b)

    def step(self, real_a: Tensor, real_b: Tensor) -> dict[str, float]:
        """Train on (N, 3, H, W) in [-1, 1]; returns all losses, pulled to the host once."""
        fake_b = self.ab(real_a)
        back_a = self.ba(fake_b)
        fake_a = self.ba(real_b)
        back_b = self.ab(fake_a)
        self._train_discriminators(False)
        self.adam_generators.zero_grad()
        l1 = nn.functional.l1_loss
        losses = {
            "identity_b": self.cycle_weight * self.identity_weight * l1(self.ab(real_b), real_b),
            "identity_a": self.cycle_weight * self.identity_weight * l1(self.ba(real_a), real_a),
            "gan_ab": squares(self.judge_b(fake_b), 1.0),
            "gan_ba": squares(self.judge_a(fake_a), 1.0),
            "cycle_a": self.cycle_weight * l1(back_a, real_a),
            "cycle_b": self.cycle_weight * l1(back_b, real_b),
        }
        torch.stack(list(losses.values())).sum().backward()
        self.adam_generators.step()

        self._train_discriminators(True)
        self.adam_discriminators.zero_grad()
        losses["discriminator_b"] = self._judge(self.judge_b, real_b, self.pool_b.swap(fake_b))
        losses["discriminator_a"] = self._judge(self.judge_a, real_a, self.pool_a.swap(fake_a))
        self.adam_discriminators.step()
        return {name: loss.item() for name, loss in losses.items()}

    def _judge(self, network: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
        """The halved loss of one discriminator, with its backward pass."""
        on_real = squares(network(real), 1.0)
        on_fake = squares(network(fake), 0.0)
        loss = 0.5 * (on_real + on_fake)
        loss.backward()
        return loss

    def _train_discriminators(self, train: bool) -> None:
        for network in (self.judge_a, self.judge_b):
            network.requires_grad_(train)

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        return torch.optim.Adam([p for n in networks for p in n.parameters()], lr=2e-4, betas=(0.5, 0.999))


def squares(logits: Tensor, target: float) -> Tensor:
    """Least-squares adversarial loss (section 4)."""
    return nn.functional.mse_loss(logits, torch.full_like(logits, target))


def reference_translate(folder_in: Path, folder_out: Path, network: nn.Module, size: int = 256) -> int:
    """Translate each picture of a folder by itself: decode, resize, generator, encode in the same format.

    Returns how many there were.
    """
    folder_out.mkdir(parents=True, exist_ok=True)
    files = sorted(p for p in folder_in.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
    for file in files:
        with Image.open(file) as opened:
            picture = opened.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
        x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1
        with torch.no_grad():
            y = network(x)[0]
        pixels = ((y.permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255).byte().numpy()
        Image.fromarray(pixels).save(folder_out / file.name)
    return len(files)
