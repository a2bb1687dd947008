"""What a configuration has to keep, whatever the method: a rule a line, each with the sentence for who breaks it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

from unpaired.config import Config, GeneratorConfig
from unpaired.errors import UserError
from unpaired.networks import multiple_of
from unpaired.ranges import outside


def validate(config: Config) -> None:
    """Raise `UserError` for a value that no training can have."""
    require((False, sentence) for sentence in outside(config))  # the other rules can count on ranges
    data, gen, disc, training = config.data, config.generator, config.discriminator, config.training
    multiple = multiple_of(gen)
    halvings = disc.layers + (disc.scales - 1 if disc.kind == "multiscale" else 0)
    rules = [
        (data.resize == "none" or data.crop <= data.size,
         f"--crop {data.crop} px exceeds size {data.size} px: lower --crop or raise --size"),
        (data.crop >= 8 or gen.kind == "unet",
         f"--crop {data.crop} px is below 8 px, too small for a {gen.kind} generator"),
        (data.crop % multiple == 0,
         f"--crop {data.crop} px is not a multiple of {multiple}, which a {gen.kind} generator "
         f"{'with a warp ' * bool(gen.warp)}needs: {_fitting(gen, data.crop, multiple)}"),
        (gen.kernel % 2 == 1 and gen.kernel < 2 * data.crop,
         f"--generator.kernel {gen.kernel} is not an odd number, or too large for a crop of {data.crop} px"),
        *_ranges(data.channels_a, data.range_a, "a"), *_ranges(data.channels_b, data.range_b, "b"),
        *((colours != 1, f"--colours-{domain} 1 leaves nothing to see: give 2 to 256, or 0 for any")
          for domain, colours in (("a", data.colours_a), ("b", data.colours_b))),
        (disc.kind != "projected" or {data.channels_a, data.channels_b} <= {1, 3},
         "a projected discriminator looks through a network that knows pictures of 1 or 3 channels, not "
         f"{data.channels_a} and {data.channels_b}: take --discriminator.kind patchgan"),
        (training.held_out > 0 or not (training.evaluate_every or training.stop_when_flat),
         "--evaluate-every and --stop-when-flat need held-out pictures: leave out --held-out 0"),
        (len(data.background) == 3 and all(0 <= c <= 255 for c in data.background),
         f"--background {data.background} is not three numbers from 0 to 255"),
        (disc.kind in ("projected", "pixel") or data.crop // 2**halvings >= 3,
         f"--crop {data.crop} px is too small for a {disc.kind} discriminator with {disc.layers} layers: "
         "lower --discriminator.layers"),
        (disc.r1 == 0 or disc.kind != "projected",
         "--discriminator.r1 needs a discriminator that learns from pixels: take --discriminator.kind "
         "projected+patchgan, or patchgan"),
        (len(disc.eyes) > 0 and len({*disc.eyes}) == len(disc.eyes),
         "--discriminator.eyes are one or more, all different"),
        (len(disc.stages) > 0 and len({*disc.stages}) == len(disc.stages) and {*disc.stages} <= {*range(5)},
         f"--discriminator.stages {' '.join(map(str, disc.stages))} are not one or more different numbers from 0 to 4"),
        (config.loss.gan_weight + config.loss.lambda_a + config.loss.lambda_b > 0, "all losses have weight 0"),
        (config.loss.warm_up_images == 0 or data.channels_a == data.channels_b,
         "a warm-up needs domains with the same channels: give --warm-up-images 0"),
        (config.loss.cycle_coarse <= data.crop,
         f"--cycle-coarse {config.loss.cycle_coarse} is not from 1 to the crop, {data.crop} px"),
        (config.loss.cycle_features == 0 or config.loss.gan_weight > 0,
         "--cycle-features asks discriminators, and with --gan-weight 0 they learn nothing: give --cycle-features 0"),
        (config.loss.identity == 0 or data.channels_a == data.channels_b,
         "the identity loss needs domains with the same channels: give --identity 0"),
        (not gen.residual or data.channels_a == data.channels_b,
         "a residual generator needs domains with the same channels"),
        (not gen.attention or data.channels_a == data.channels_b,
         "attention leaves a part of the input as it is, which needs domains with the same channels"),
        (not gen.attention or not (data.colours_a or data.colours_b),
         "attention leaves a part of the input as it is, whose colours are not few: give --colours-a 0 and "
         "--colours-b 0"),
        (gen.warp <= data.crop, f"--generator.warp {gen.warp} is not from 0 to the crop, {data.crop} px"),
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
    for depth in range(gen.depth - 1, 1, -1):
        if crop % multiple_of(replace(gen, depth=depth)) == 0:
            return f"give --generator.depth {depth}"
    return f"give --crop {max(multiple, crop // multiple * multiple)}"


def _ranges(channels: int, numbers: tuple[float, ...], domain: str) -> list[tuple[bool, str]]:
    """What has to hold of the channels and the range of a domain."""
    finite = all(math.isfinite(v) for v in numbers)
    return [
        (len(numbers) in (0, 2, 2 * channels), f"--range-{domain} has {len(numbers)} numbers, not 2 or two for each of "
         f"{channels} channels"),
        (finite and all(low < high for low, high in zip(numbers[::2], numbers[1::2], strict=False)),
         f"--range-{domain} {numbers} does not go from lower to higher"),
    ]  # fmt: skip
