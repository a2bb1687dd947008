"""Cycle honesty: does a fake hide its input in a signal that nobody sees?

Cycle consistency asks that the way back finds the input again. Chu, Zhmoginov and Sandler 2017 ("CycleGAN, a master of
steganography", arXiv:1712.02950) show that a generator may meet it by writing the input into the fake as a faint
pattern, and that the reconstruction then breaks down when the fake is changed in ways too small to see.

Here fakes are changed in such ways before they are translated back. With e the error of the reconstructions:

    lost = (e after the change − e of the clean fakes) / (e from other pictures' fakes − e of the clean fakes)

is the share of what the way back knows of its input that the change destroys: 0 where the fake shows openly what it
shows, 1 where all of it was in the signal that is gone. And

    enlarged = (e after the noise − e of the clean fakes) / the noise's own size

is how many times the way back enlarges faint noise: about 1 where it reads what is seen, many where it reads what is
not. It needs no other pictures, and is what trainings watch.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from unpaired.data.tensors import to_uint8
from unpaired.evaluation.evidence import Way
from unpaired.evaluation.features import to_tensor
from unpaired.evaluation.pictures import Picture, Pictures, stack

NOISE = 3 / 255
"""Standard deviation of the noise, on the scale 0…1: hardly visible."""
JPEG_QUALITY = 75
BLUR = 1.0
"""σ in px."""
HIGH = 0.5
"""Frequencies above this share of the highest count as high: details of less than 4 px."""
PICTURES, _BATCH = 64, 8

Change = Callable[[Tensor], Tensor]


def eight_bits(x: Tensor) -> Tensor:
    """(N, 3, H, W) in [-1, 1], as a picture file keeps it."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def jpeg(x: Tensor) -> Tensor:
    """After a JPEG of quality `JPEG_QUALITY` with colours at half the resolution."""
    pictures = to_uint8(x).permute(0, 2, 3, 1).cpu().numpy()
    back: list[np.ndarray] = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=JPEG_QUALITY, subsampling=2)
        with Image.open(file) as image:
            back.append(np.array(image))
    return to_tensor(np.stack(back)).to(x.device)


def noise(x: Tensor) -> Tensor:
    """With Gaussian noise of deviation `NOISE`; the same each time."""
    drawn = torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    return (x + 2 * NOISE * drawn.to(x.device)).clamp(-1, 1)


def blur(x: Tensor) -> Tensor:
    """Convolved with a Gaussian of σ = `BLUR`, mirrored at the border."""
    reach = int(np.ceil(3 * BLUR))
    weights = torch.exp(-(torch.arange(-reach, reach + 1, device=x.device) ** 2) / (2 * BLUR**2))
    weights /= weights.sum()
    kernel = (weights[:, None] * weights).expand(x.shape[1], 1, -1, -1)
    return F.conv2d(F.pad(x, (reach, reach, reach, reach), mode="reflect"), kernel, groups=x.shape[1])


def low_frequencies(x: Tensor) -> Tensor:
    """Without the frequencies above `HIGH` of the highest, across or down."""
    spectrum = torch.fft.rfft2(x)
    down = torch.fft.fftfreq(x.shape[-2], device=x.device).abs() * 2 <= HIGH
    across = torch.fft.rfftfreq(x.shape[-1], device=x.device) * 2 <= HIGH
    return torch.fft.irfft2(spectrum * (down[:, None] & across), s=x.shape[-2:]).clamp(-1, 1)


CHANGES: dict[str, Change] = {
    "8 bits": eight_bits, "JPEG": jpeg, "noise": noise, "blur": blur, "low frequencies only": low_frequencies,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Honesty:
    """L1 errors of reconstructions on 0…1, the means over the pictures."""

    clean: float
    """From the fakes as the generator gave them, nothing rounded."""
    strangers: float
    """From other pictures' fakes: nothing of the input is known."""
    changed: dict[str, float]
    """From changed fakes, by the name of the change."""
    sensitivity: float | None
    """How much more the noise moves what comes back from fakes than what comes back from real pictures. A way back
    that is only fragile has 1; above, fakes hold something faint that it reads. None where nothing moves."""

    @property
    def enlarged(self) -> float:
        """How many times the way back enlarges the noise."""
        return _enlarged(self.clean, self.changed["noise"])

    def lost(self, change: str) -> float | None:
        """Share of what the way back knows of its input that the change destroys; None where it knows nothing."""
        known = self.strangers - self.clean
        return (self.changed[change] - self.clean) / known if known > 1e-3 else None


def enlarged(x: Tensor, there: Way, back: Way) -> float:
    """How many times `back` enlarges faint noise on the fakes of (N, C, H, W) inputs in [-1, 1], of any channels."""
    with torch.inference_mode():
        fake = there(x)
        clean, noisy = (float(np.mean(_l1(back(f), x))) for f in (fake, noise(fake)))
    return _enlarged(clean, noisy)


def _enlarged(clean: float, noisy: float) -> float:
    """From L1 errors of reconstructions. The mean of |N(0, σ²)| is σ √(2/π)."""
    return max(0.0, (noisy - clean) / (NOISE * math.sqrt(2 / math.pi)))


def examine(inputs: Pictures, reals: Pictures, there: Way, back: Way) -> Honesty:
    """Errors of `back(change(there(x)))`, x being up to `PICTURES` of the inputs, spread evenly over them.

    `reals` are real pictures of the domain that fakes are of.
    """
    errors: dict[str, list[float]] = {name: [] for name in ("clean", "strangers", *CHANGES)}
    moved: dict[str, list[float]] = {"fakes": [], "reals": []}
    with torch.inference_mode():
        for x, stranger in _beside_strangers(_spread(inputs)):
            fake = there(x)
            x = x.to(fake.device)
            found = back(fake)
            errors["clean"] += _l1(found, x)
            errors["strangers"] += _l1(back(there(stranger)), x)
            after = {name: back(change(fake)) for name, change in CHANGES.items()}
            for name, y in after.items():
                errors[name] += _l1(y, x)
            moved["fakes"] += _l1(after["noise"], found)
        for y, _ in _beside_strangers(_spread(reals)):
            moved["reals"] += _l1(back(noise(y)), back(y))
    means = {name: float(np.mean(values)) for name, values in errors.items()}
    fakes, real = (float(np.mean(values)) for values in moved.values())
    return Honesty(means.pop("clean"), means.pop("strangers"), means, fakes / real if real > 1e-6 else None)


def _spread(pictures: Pictures) -> list[Picture]:
    """Up to `PICTURES` of them, evenly."""
    chosen = np.linspace(0, len(pictures) - 1, min(len(pictures), PICTURES)).round().astype(int)
    return [pictures[i] for i in np.unique(chosen)]


def _beside_strangers(pictures: Pictures) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches, each with as many other pictures."""
    count = len(pictures)
    for start in range(0, count, _BATCH):
        these = range(start, min(start + _BATCH, count))
        others = [(i + count // 2) % count for i in these]
        yield to_tensor(stack(pictures[start : start + _BATCH])), to_tensor(stack([pictures[i] for i in others]))


def _l1(x: Tensor, y: Tensor) -> list[float]:
    return ((x - y).abs().mean(dim=(1, 2, 3)) / 2).tolist()
