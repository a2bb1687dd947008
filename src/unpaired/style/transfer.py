"""Neural style transfer: one picture, painted as others are (Gatys, Ecker, Bethge, "Image style transfer using
convolutional neural networks", CVPR 2016). No training: the picture itself is optimised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from unpaired.compute.device import choose_device, keep_freed_memory
from unpaired.data.decode import resized
from unpaired.data.tensors import luminance, to_float, to_uint8
from unpaired.errors import UserError
from unpaired.losses.perceptual import content_loss, gram, style_loss, total_variation
from unpaired.networks.perceptual import Perceptual, load_perceptual
from unpaired.style import colour
from unpaired.style.options import SMALLEST, StyleOptions

Picture = NDArray[np.uint8]


def stylise(
    content: Picture, styles: Sequence[Picture], options: StyleOptions | None = None, *,
    tell: Callable[[int, int], None] = lambda done, total: None,
) -> Picture:  # fmt: skip
    """Paint `content` as `styles` are painted.

    Args:
        content: (H, W, 3) uint8.
        styles: one or several such pictures, of any sizes; their Gram matrices are averaged.
        options: how, and with what: size, steps, weights, colours; the defaults of `StyleOptions` if not given.
        tell: is called with the steps begun and to do, whenever the picture was looked at.

    Returns (h, w, 3) uint8. Raises `UserError` for what can't be used, and for missing eyes.
    """
    options = options or StyleOptions()
    for picture in (content, *styles):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise UserError(
                f"Style transfer takes pictures as (H, W, 3) of uint8, and one is {picture.shape} of {picture.dtype}: "
                'Pillow\'s convert("RGB") makes such of others.'
            )
    options.check(*content.shape[:2], styles=len(styles))
    device = choose_device(options.device)
    eyes = load_perceptual(options.eyes, download=options.download)
    eyes.to(device)
    keep_freed_memory()
    done = 0
    painted: Tensor | None = None
    for height, width, steps in options.rounds(*content.shape[:2]):
        original = _tensor(content, height, width, device)
        examples = [_tensor(style, *_fitting(style, options.scale * max(height, width)), device) for style in styles]
        shown, begin = original, original if painted is None else _enlarged(painted, height, width)
        if options.colours == "luminance":
            shown, begin = luminance(shown), luminance(begin)
            examples = [colour.match_luminance(example, original) for example in examples]
        elif options.colours == "histogram":
            examples = [colour.match_colours(example, original) for example in examples]
        aim = _Aim.of(shown, examples, options.weights(len(styles)), eyes)
        painted = _optimised(begin, aim, options, steps, lambda step, before=done: tell(before + step, options.steps))
        done += steps
        if options.colours == "luminance":
            painted = colour.with_luminance(original, painted)
    assert painted is not None
    return to_uint8(painted)[0].permute(1, 2, 0).contiguous().cpu().numpy()


@dataclass(frozen=True)
class _Aim:
    """What a painting should come near to, as the eyes see it."""

    eyes: Perceptual
    content: list[Tensor]
    """Maps."""
    style: list[Tensor]
    """Gram matrices."""

    @classmethod
    @torch.no_grad()
    def of(cls, content: Tensor, styles: Sequence[Tensor], weights: Sequence[float], eyes: Perceptual) -> _Aim:
        seen = [
            [weight * gram(m) for m in eyes.maps(style, eyes.style)]
            for style, weight in zip(styles, weights, strict=True)
        ]
        grams = [torch.stack(of_layer).sum(0) for of_layer in zip(*seen, strict=True)]
        return cls(eyes, eyes.maps(content, eyes.content), grams)

    def distance(self, x: Tensor, options: StyleOptions) -> Tensor:
        """The loss of eq. 7 with the total variation beside it: a scalar."""
        maps = self.eyes.maps(x, (*self.eyes.content, *self.eyes.style))
        shown, painted = maps[: len(self.content)], [gram(m) for m in maps[len(self.content) :]]
        style = options.style_weight * style_loss(painted, self.style)
        return content_loss(shown, self.content) + style + options.smoothness * total_variation(x)


def _optimised(begin: Tensor, aim: _Aim, options: StyleOptions, steps: int, stepped: Callable[[int], None]) -> Tensor:
    """The picture nearest to `aim`, by L-BFGS as in the paper, from `begin`."""
    x = begin.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    # One call for all steps: a call for each would look again at where the last one ended, and take twice as long.
    # Steps are many and a picture's derivatives small, so nothing else may end it: not the number of trials, by
    # default 1.25 a step, nor that little changes.
    optimizer = torch.optim.LBFGS(
        [x], max_iter=steps, max_eval=25 * steps, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def loss() -> Tensor:
        optimizer.zero_grad()
        distance = aim.distance(x, options)
        distance.backward()
        stepped(optimizer.state[x].get("n_iter", 0))
        return distance

    optimizer.step(loss)
    return x.detach().clamp(-1, 1)


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
    return interpolate(x, (height, width), mode="bicubic", align_corners=False).clamp(-1, 1)
