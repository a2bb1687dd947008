"""What a configuration has to keep, whatever the method: a rule a line, each with the sentence for who breaks it."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from unpaired.config import Config, GeneratorConfig
from unpaired.config_json import to_dict
from unpaired.errors import UserError
from unpaired.networks import multiple_of


def validate(config: Config) -> None:
    """Raise `UserError` for a value that no training can have."""
    data, gen, disc, opt, training = (
        config.data, config.generator, config.discriminator, config.optimizer, config.training,
    )  # fmt: skip
    multiple = multiple_of(gen)
    halvings = disc.layers + (disc.scales - 1 if disc.kind == "multiscale" else 0)
    floats = [(name, value) for group in to_dict(config).values() if isinstance(group, dict)
              for name, value in typing.cast(dict[str, Any], group).items() if isinstance(value, float)]  # fmt: skip
    rules = [
        *((math.isfinite(value), f"{name.replace('_', '-')} is {value}") for name, value in floats),
        (data.resize == "none" or data.crop <= data.size,
         f"crop {data.crop} px exceeds size {data.size} px: lower --crop or raise --size"),
        (data.zoom >= 1, f"zoom {data.zoom} is not at least 1"),
        (data.crop >= 8 or gen.kind == "unet",
         f"crop {data.crop} px is below 8 px, too small for a {gen.kind} generator"),
        (data.crop > 0 and data.crop % multiple == 0,
         f"crop {data.crop} px is not a multiple of {multiple}, which a {gen.kind} generator "
         f"{'with a warp ' * bool(gen.warp)}needs: {_fitting(gen, data.crop, multiple)}"),
        (training.batch >= 1, f"batch {training.batch} is not at least 1"),
        (training.images is None or training.images >= 1, f"images {training.images} is not at least 1"),
        (training.minutes is None or training.minutes > 0, f"minutes {training.minutes} is not above 0"),
        (training.passes > 0, f"passes {training.passes} is not above 0"),
        (training.keep >= 1, f"keep {training.keep} is not at least 1: the newest checkpoint has to stay"),
        (training.checkpoint_minutes > 0, f"checkpoint-minutes {training.checkpoint_minutes} is not above 0"),
        (gen.width >= 1 and disc.width >= 1, "a network's width is at least 1"),
        (gen.kernel % 2 == 1 and 1 <= gen.kernel < 2 * data.crop,
         f"kernel {gen.kernel} is not an odd number, or too large for a crop of {data.crop} px"),
        (0 <= training.seed < 2**63, f"seed {training.seed} is negative or too large"),
        *_ranges(data.channels_a, data.range_a, "a"), *_ranges(data.channels_b, data.range_b, "b"),
        (all(colours == 0 or 2 <= colours <= 256 for colours in (data.colours_a, data.colours_b)),
         f"colours-a {data.colours_a} and colours-b {data.colours_b} are not 2 to 256, or 0 for any"),
        (0 <= data.axis <= 2, f"axis {data.axis} is not 0, 1 or 2"),
        (disc.kind != "projected" or {data.channels_a, data.channels_b} <= {1, 3},
         "a projected discriminator looks through a network that knows pictures of 1 or 3 channels, not "
         f"{data.channels_a} and {data.channels_b}: take --discriminator.kind patchgan"),
        (training.held_out >= 0 and training.preview_minutes >= 0, "held-out and preview-minutes must not be negative"),
        (training.evaluate_every is None or training.evaluate_every >= 1,
         f"evaluate-every {training.evaluate_every} is not at least 1"),
        (training.held_out > 0 or not (training.evaluate_every or training.stop_when_flat),
         "evaluate-every and stop-when-flat need held-out pictures: leave out --held-out 0"),
        (len(data.background) == 3 and all(0 <= c <= 255 for c in data.background),
         f"background {data.background} is not three numbers from 0 to 255"),
        (disc.kind in ("projected", "pixel") or data.crop // 2**halvings >= 3,
         f"crop {data.crop} px is too small for a {disc.kind} discriminator with {disc.layers} layers: "
         "lower --discriminator.layers"),
        (disc.scales >= 1, f"scales {disc.scales} is not at least 1"),
        (disc.r1 >= 0 and disc.r1_every >= 1, "r1 ≥ 0 and r1-every ≥ 1 are needed"),
        (disc.r1 == 0 or disc.kind != "projected", "r1 needs a discriminator that learns from pixels: take "
         "--discriminator.kind projected+patchgan, or patchgan"),
        (len(disc.eyes) > 0 and len({*disc.eyes}) == len(disc.eyes),
         "discriminator.eyes are one or more, all different"),
        (disc.view >= 32, f"view {disc.view} px is not at least 32"),
        (disc.patch_weight > 0, f"patch-weight {disc.patch_weight} is not above 0"),
        (gen.blocks >= 0 and gen.depth >= 2 and disc.layers >= 1, "blocks ≥ 0, depth ≥ 2 and layers ≥ 1 are needed"),
        (0 <= gen.dropout < 1, f"dropout {gen.dropout} is not in [0, 1)"),
        (len(disc.stages) > 0 and len({*disc.stages}) == len(disc.stages) and {*disc.stages} <= {*range(5)},
         f"stages {disc.stages} are not different numbers from 0 to 4"),
        (0 <= opt.decay_from <= 1, f"decay-from {opt.decay_from} is not in [0, 1]"),
        (opt.learning_rate > 0, f"learning-rate {opt.learning_rate} is not above 0"),
        (opt.discriminator_learning_rate is None or opt.discriminator_learning_rate > 0,
         f"discriminator-learning-rate {opt.discriminator_learning_rate} is not above 0"),
        (opt.clip >= 0, f"clip {opt.clip} is negative"),
        (0 <= opt.beta1 < 1 and 0 <= opt.beta2 < 1, f"beta1 {opt.beta1} and beta2 {opt.beta2} are not in [0, 1)"),
        (opt.warmup >= 0 and opt.ema_images >= 0 and opt.init_gain > 0,
         "warmup ≥ 0, ema-images ≥ 0 and init-gain > 0 are needed"),
        (training.checkpoint_images is None or training.checkpoint_images >= 1,
         f"checkpoint-images {training.checkpoint_images} is not at least 1"),
        (min(config.loss.gan_weight, config.loss.lambda_a, config.loss.lambda_b, config.loss.identity) >= 0,
         "the weight of a loss must not be negative"),
        (min(config.loss.structure_weight, config.loss.inversion) >= 0,
         "structure-weight and inversion must not be negative"),
        (config.loss.outside_mask >= 0, f"outside-mask {config.loss.outside_mask} is negative"),
        (config.loss.gan_weight + config.loss.lambda_a + config.loss.lambda_b > 0, "all losses have weight 0"),
        (config.loss.warm_up_images >= 0 and 0 <= config.loss.warm_up_mask < 1,
         "warm-up-images ≥ 0 and warm-up-mask in [0, 1) are needed"),
        (config.loss.warm_up_images == 0 or data.channels_a == data.channels_b,
         "a warm-up needs domains with the same channels: give --warm-up-images 0"),
        (config.loss.identity_every >= 1, f"identity-every {config.loss.identity_every} is not at least 1"),
        (config.loss.pool >= 0, f"pool {config.loss.pool} is negative"),
        (config.loss.cycle_noise >= 0, f"cycle-noise {config.loss.cycle_noise} is negative"),
        (1 <= config.loss.cycle_coarse <= data.crop,
         f"cycle-coarse {config.loss.cycle_coarse} is not from 1 to the crop, {data.crop} px"),
        (0 <= config.loss.cycle_floor <= 1, f"cycle-floor {config.loss.cycle_floor} is not in [0, 1]"),
        (0 <= config.loss.cycle_features <= 1, f"cycle-features {config.loss.cycle_features} is not in [0, 1]"),
        (config.loss.cycle_features == 0 or config.loss.gan_weight > 0,
         "cycle-features asks discriminators, and with gan-weight 0 they learn nothing: give --cycle-features 0"),
        (config.loss.identity == 0 or data.channels_a == data.channels_b,
         "the identity loss needs domains with the same channels: give --identity 0"),
        (not gen.residual or data.channels_a == data.channels_b,
         "a residual generator needs domains with the same channels"),
        (not gen.attention or data.channels_a == data.channels_b,
         "attention leaves a part of the input as it is, which needs domains with the same channels"),
        (not gen.attention or not (data.colours_a or data.colours_b),
         "attention leaves a part of the input as it is, whose colours are not few: give --colours-a 0 and "
         "--colours-b 0"),
        (0 <= gen.warp <= data.crop, f"generator.warp {gen.warp} is not from 0 to the crop, {data.crop} px"),
        (not (gen.warp and gen.attention),
         "attention leaves things where they are, and a warp moves them: give --generator.attention or "
         "--generator.warp"),
        (not gen.lab or (data.channels_a, data.channels_b) == (1, 3),
         "colouring in Lab goes from grey to colour: give --channels-a 1 and --channels-b 3"),
    ]  # fmt: skip
    require(rules)


def require(rules: Iterable[tuple[bool, str]]) -> None:
    """Raise `UserError` with the sentence of the first rule that does not hold."""
    for holds, sentence in rules:
        if not holds:
            raise UserError(f"Unusable configuration: {sentence}.")


def _fitting(gen: GeneratorConfig, crop: int, multiple: int) -> str:
    """What to give where a crop can't be halved as often as a generator halves."""
    for depth in range(min(gen.depth, 31) - 1, 1, -1):
        if crop > 0 and crop % multiple_of(replace(gen, depth=depth)) == 0:
            return f"give --generator.depth {depth}"
    return f"give --crop {max(multiple, crop // multiple * multiple)}"


def _ranges(channels: int, numbers: tuple[float, ...], domain: str) -> list[tuple[bool, str]]:
    """What has to hold of the channels and the range of a domain."""
    finite = all(math.isfinite(v) for v in numbers)
    return [
        (channels >= 1, f"channels-{domain} {channels} is not at least 1"),
        (len(numbers) in (0, 2, 2 * channels), f"range-{domain} has {len(numbers)} numbers, not 2 or two for each of "
         f"{channels} channels"),
        (finite and all(low < high for low, high in zip(numbers[::2], numbers[1::2], strict=False)),
         f"range-{domain} {numbers} does not go from lower to higher"),
    ]  # fmt: skip
