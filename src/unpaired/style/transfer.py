"""Neural style transfer: one picture, painted as others are (Gatys, Ecker, Bethge, "Image style transfer using
convolutional neural networks", CVPR 2016). No training: the picture itself is optimised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unpaired.compute.device import choose_device, keep_freed_memory
from unpaired.data.decode import resized
from unpaired.data.tensors import luminance, to_float, to_uint8
from unpaired.errors import UserError
from unpaired.losses.perceptual import content_loss, gram, style_loss, total_variation
from unpaired.networks.perceptual import Perceptual, load_perceptual
from unpaired.style import colour
from unpaired.text import counted

Colours = Literal["style", "luminance", "histogram"]
Picture = NDArray[np.uint8]

SMALLEST = 32
"""Pixels of the shorter side: below, the deepest maps have no places left to compare."""
FIRST = 256
"""Pixels of the longer side at which large pictures begin: strokes can't grow longer than what the network sees."""


def stylise(
    content: Picture, styles: Sequence[Picture], *,
    eyes: str = "lite1", size: int = 512, steps: int = 200, style_weight: float = 10.0, smoothness: float = 0.1,
    shares: Sequence[float] = (), scale: float = 1.0, colours: Colours = "style", device: str = "auto",
    download: bool = False,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Picture:  # fmt: skip
    """Paint `content` as `styles` are painted.

    Args:
        content: (H, W, 3) uint8.
        styles: one or several, of any sizes; their Gram matrices are averaged.
        eyes: the frozen network that compares: `lite0`, `lite1`, `lite2`, `vgg19`, or a file of VGG-16 or VGG-19.
        size: pixels of the result's longer side, at most; a smaller content is not enlarged.
        steps: of the optimisation, over all sizes.
        style_weight: of the style's loss beside the content's, both relative (`losses/perceptual.py`).
        smoothness: weight of the total variation.
        shares: how much each of `styles` counts; equal if not given.
        scale: size of the styles as a share of the result's: larger ones give larger strokes.
        colours: `style` takes the colours with the strokes; `luminance` and `histogram` keep the content's (Gatys et
            al. 2016b): only the luminance is painted, or the styles are brought to the content's colours before.
        device: auto, cpu, cuda, cuda:N or mps.
        download: `vgg19` may be fetched, once.
        tell: is called with the steps done and to do.

    Returns (h, w, 3) uint8. Raises `UserError` for what can't be used, and for missing eyes.
    """
    _check(content, styles, size, steps, style_weight, smoothness, shares, scale)
    network, place = load_perceptual(eyes, download=download), choose_device(device)
    network.to(place)
    keep_freed_memory()
    shares = [share / sum(shares) for share in shares] if shares else [1 / len(styles)] * len(styles)
    levels = _levels(content.shape[0], content.shape[1], size)
    painted: Tensor | None = None
    for index, (height, width) in enumerate(levels):
        original = _tensor(content, height, width, place)
        examples = [_tensor(s, *_fitting(s, scale * max(height, width)), place) for s in styles]
        begin = original if painted is None else _enlarged(painted, height, width)
        source = original
        if colours == "luminance":
            source, begin = luminance(original), luminance(begin)
            examples = [colour.match_luminance(example, original) for example in examples]
        elif colours == "histogram":
            examples = [colour.match_colours(example, original) for example in examples]
        share = steps // len(levels) + (steps % len(levels) if index == 0 else 0)
        done = sum(steps // len(levels) + (steps % len(levels) if i == 0 else 0) for i in range(index))
        painted = _optimised(
            begin, source, examples, shares, network, style_weight, smoothness, share,
            lambda step, before=done: tell(before + step, steps),
        )  # fmt: skip
        if colours == "luminance":
            painted = colour.with_luminance(original, painted)
    assert painted is not None
    return to_uint8(painted)[0].permute(1, 2, 0).contiguous().cpu().numpy()


def _optimised(
    begin: Tensor, content: Tensor, styles: Sequence[Tensor], shares: Sequence[float], network: Perceptual,
    style_weight: float, smoothness: float, steps: int, tell: Callable[[int], None],
) -> Tensor:  # fmt: skip
    """The picture that minimises eq. 7, by L-BFGS as in the paper, from `begin`."""
    wanted = (*network.content, *network.style)
    with torch.no_grad():
        shown = network.maps(content, network.content)
        each = [[gram(m) for m in network.maps(style, network.style)] for style in styles]
        painted = [sum((w * g for w, g in zip(shares, grams, strict=True)), start=torch.zeros_like(grams[0]))
                   for grams in zip(*each, strict=True)]  # fmt: skip
    x = begin.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    # max_eval also bounds the line search: by its default, 1 here, a first trial that is worse ends every step at once.
    optimizer = torch.optim.LBFGS(
        [x], max_iter=1, max_eval=25, history_size=20, line_search_fn="strong_wolfe"
    )  # fmt: skip

    def loss() -> Tensor:
        optimizer.zero_grad()
        maps = network.maps(x, wanted)
        grams = [gram(m) for m in maps[len(shown) :]]
        total = content_loss(maps[: len(shown)], shown) + style_weight * style_loss(grams, painted)
        total = total + smoothness * total_variation(x)
        total.backward()
        return total

    for step in range(1, steps + 1):
        optimizer.step(loss)
        tell(step)
    return x.detach().clamp(-1, 1)


def _check(
    content: Picture, styles: Sequence[Picture], size: int, steps: int, style_weight: float, smoothness: float,
    shares: Sequence[float], scale: float,
) -> None:  # fmt: skip
    height, width = content.shape[:2]
    rules = [
        (len(styles) > 0, "name at least one style picture"),
        (len(shares) in (0, len(styles)),
         f"{len(shares)} shares do not belong to {counted(len(styles), 'style picture')}"),
        (not shares or (min(shares) >= 0 and sum(shares) > 0), "shares must not be negative, nor all 0"),
        (steps >= 1, f"steps {steps} is not at least 1"),
        (style_weight >= 0 and smoothness >= 0, "style-weight and smoothness must be numbers that are not negative"),
        (0.1 <= scale <= 10, f"scale {scale} is not from 0.1 to 10"),
        (min(_levels(height, width, size)[-1]) >= SMALLEST,
         f"a picture of {width}×{height} px at size {size} is smaller than {SMALLEST} px"),
    ]  # fmt: skip
    for holds, sentence in rules:
        if not holds:
            raise UserError(f"Unusable for style transfer: {sentence}.")


def _levels(height: int, width: int, size: int) -> list[tuple[int, int]]:
    """Heights and widths to work at, from coarse to fine: each twice the one before."""
    whole = min(1.0, size / max(height, width))
    shares = [whole]
    while max(height, width) * shares[0] / 2 >= FIRST and min(height, width) * shares[0] / 2 >= SMALLEST:
        shares.insert(0, shares[0] / 2)
    return [(max(1, round(height * share)), max(1, round(width * share))) for share in shares]


def _fitting(picture: Picture, longer: float) -> tuple[int, int]:
    """Height and width of a style picture whose longer side is to be `longer`."""
    height, width = picture.shape[:2]
    share = longer / max(height, width)
    return max(SMALLEST, round(height * share)), max(SMALLEST, round(width * share))


def _tensor(picture: Picture, height: int, width: int, device: torch.device) -> Tensor:
    """(1, 3, height, width) in [-1, 1]."""
    array = np.ascontiguousarray(resized(picture, width, height).transpose(2, 0, 1))
    return to_float(torch.from_numpy(array)[None].to(device))


def _enlarged(x: Tensor, height: int, width: int) -> Tensor:
    return torch.nn.functional.interpolate(x, (height, width), mode="bicubic", align_corners=False).clamp(-1, 1)
