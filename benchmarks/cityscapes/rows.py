"""The rows of the CycleGAN paper's tables 2 to 5 on Cityscapes, and what trains each of them here.

Domain A is label maps, domain B photos. Scores are per-pixel accuracy, per-class accuracy and class IoU, as printed in
the paper (Zhu et al., ICCV 2017) at 128 px; its FCN is another network than ours, so that its labels → photo scores
compare in their order only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from unpaired.config import Config
from unpaired.methods import METHODS
from unpaired.presets import PRESETS

Three = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One configuration."""

    make: Callable[[Config], Config]
    """From the preset at the benchmark's scale."""
    photos: Three
    """The paper's labels → photo."""
    labels: Three
    """The paper's photo → labels."""
    one_way: bool = False
    """Learns one direction: it is trained once each way, with half of the budget."""


def _weights(**weights: float) -> Callable[[Config], Config]:
    return lambda config: replace(config, loss=replace(config.loss, identity=0, **weights))


def _pix2pix(config: Config) -> Config:
    """Its own recipe, on true pairs, at the same scale: the supervised bound."""
    own = PRESETS["pix2pix"]()
    depth = int(math.log2(config.data.crop))
    return replace(
        own,
        data=replace(own.data, size=config.data.size, crop=config.data.crop),
        generator=replace(own.generator, depth=depth),
        training=config.training,
    )


ROWS: dict[str, Row] = {
    "cyclegan": Row(make=lambda config: config, photos=(0.52, 0.17, 0.11), labels=(0.58, 0.22, 0.16)),
    "cycle-alone": Row(make=_weights(gan_weight=0), photos=(0.22, 0.07, 0.02), labels=(0.10, 0.05, 0.02)),
    "gan-alone": Row(make=_weights(lambda_a=0, lambda_b=0), photos=(0.51, 0.11, 0.08), labels=(0.53, 0.11, 0.07)),
    "gan-forward": Row(make=_weights(lambda_b=0), photos=(0.55, 0.18, 0.12), labels=(0.49, 0.11, 0.07)),
    "gan-backward": Row(make=_weights(lambda_a=0), photos=(0.39, 0.14, 0.06), labels=(0.01, 0.06, 0.01)),
    "pix2pix": Row(make=_pix2pix, photos=(0.71, 0.25, 0.18), labels=(0.85, 0.40, 0.32), one_way=True),
}
"""The paper's rows, and its figures."""

OTHERS = ("cut", "fastcut", "dclgan", "unsb")
"""Methods that came after it, each with the contrast of its preset; the paper has no figures of them."""

NAMES = (*ROWS, *OTHERS)


def at_scale(preset: str, side: int) -> Config:
    """A preset for crops of `side` px out of pictures that are an eighth larger, with 6 residual blocks."""
    config = PRESETS[preset]()
    return replace(
        config,
        data=replace(config.data, size=side + side // 8, crop=side),
        generator=replace(config.generator, blocks=6),
    )


def configured(name: str, base: Config) -> Config:
    """The configuration of a row."""
    if name in ROWS:
        return ROWS[name].make(base)
    own = PRESETS[name]()
    training = replace(base.training, batch=max(base.training.batch, own.training.batch))
    return replace(base, method=own.method, nce=own.nce, training=training)


def is_one_way(name: str) -> bool:
    """Whether the row learns one direction."""
    return ROWS[name].one_way if name in ROWS else "b2a" not in METHODS[PRESETS[name]().method].translators
