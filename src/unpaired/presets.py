"""Named configurations. Each docstring is a line that the help of `unpaired train` shows; the recipe, its cost and what
it was measured to reach; and its command.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from inspect import getdoc

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    OptimizerConfig,
    PerceptualConfig,
    TrainingConfig,
)


def paper() -> Config:
    """The recipe of the CycleGAN paper: 256 px, 200 passes.

    ResNet-9, LSGAN, λ 10, identity 0.5, a PatchGAN, batch 1; λ and rates as published.
    At 128 px a step takes 1.69 seconds on one thread (bfloat16). The whole of it was not run here. At 64 px, after 150
    seconds of one thread and 287 emoji, it had learnt nothing of use yet: KID 0.254, doing nothing 0.042.

    unpaired train DIR_A DIR_B --out RUN --preset paper
    """
    return Config()


def fast() -> Config:
    """The default: worth a look after minutes on a plain CPU.

    Projected heads on a frozen ImageNet network make pictures real, a small PatchGAN beside them watches what that
    network does not see, fine texture; blurred doubling leaves no checkerboard, averaged weights no jitter.
    A step of 4 + 4 pictures takes 1.23 seconds on one thread. Cityscapes at 64 px, 20 minutes, 10,232 images: KID
    0.051 (photos) and 0.152 (labels), doing nothing 0.643.

    unpaired train DIR_A DIR_B --out RUN
    """
    return Config(  # why each choice: docs/recipe.md
        data=DataConfig(size=144, crop=128),
        generator=GeneratorConfig(width=32, blocks=6, kernel=3, upsample="blur"),
        discriminator=DiscriminatorConfig(
            kind="projected+patchgan", stages=(1, 2, 3), view=128, width=32, layers=2, augment=True
        ),
        loss=LossConfig(adversarial="hinge", lambda_a=5, lambda_b=5, identity=0, pool=0),
        optimizer=OptimizerConfig(learning_rate=6e-4, beta2=0.99, clip=100, ema_images=600, decay_from=0.7),
        training=TrainingConfig(batch=4),
    )


def demo() -> Config:
    """`fast` for the built-in emoji: 64 px, five minutes.

    Narrower generators that begin as "change nothing". Drawings are made of 8 colours each. Asked for the shading back,
    3D → flat hid it in streaks: there is no cycle from B, and flat drawings are to stay as they are in its place.
    Five minutes, 6,400 images on two cores: KID 0.014 and 0.017, doing nothing 0.042.

    unpaired demo
    """
    base = fast()
    return replace(
        base,
        data=replace(base.data, size=72, crop=64, colours_a=8),
        generator=replace(base.generator, width=24, blocks=4, residual=True),
        discriminator=replace(base.discriminator, view=96),
        loss=replace(base.loss, lambda_a=3, lambda_b=0, identity=0.2),
        nce=replace(base.nce, layers=(0, 1, 2, 3, 6)),  # for --method cut: there are four blocks
        optimizer=replace(base.optimizer, learning_rate=4e-4, decay_from=0.3),
        training=replace(base.training, minutes=5),
    )


def pix2pix() -> Config:
    """For true pairs: U-Net, PatchGAN of pairs, L1 (pix2pix).

    Dropout as noise, cross-entropy, L1 of weight 100, 200 passes. Its batch norm of one picture is instance norm here.
    In the networks of `fast` a step takes 0.38 seconds for 4 pairs on one thread. This recipe at 64 px and batch 4,
    1,200 pairs of Cityscapes each way: per-pixel accuracy of photo → labels 0.64, KID of photos 0.41 (blurred).

    unpaired train DIR_A DIR_B --out RUN --preset pix2pix
    """
    return Config(
        method="pix2pix",
        generator=GeneratorConfig(kind="unet", dropout=0.5, noise=True),
        loss=LossConfig(adversarial="vanilla", identity=0, pool=0),
    )


def colorization() -> Config:
    """Colours grey pictures: learns from one coloured folder.

    pix2pix in Lab: grey pictures are made of the coloured ones; a and b are learnt, the lightness stays.
    At 64 px and batch 4, 2,400 emoji, 160 seconds of one thread: colours are nearer to those of real ones (KID 0.036,
    left grey 0.067; distance of colours 8.4, grey 12.2), single ones not nearer to their own (PSNR 16.2, grey 17.8).

    unpaired train DIR --out RUN --preset colorization
    """
    base = pix2pix()
    return replace(
        base,
        data=replace(base.data, layout="same", channels_a=1),
        generator=replace(base.generator, lab=True),
    )


def cut() -> Config:
    """One direction, by contrast of patches (CUT).

    Patches contrasted at five stages, identity, blurred halving and doubling in the authors' networks, their first
    weights, 400 passes.
    In the options of `fast` a step takes what CycleGAN's takes, 1.23 seconds; at 64 px 1,200 images of Cityscapes each
    way gave KID 0.12 (photos) and 0.31 (labels). The recipe itself was not run whole here.

    unpaired train DIR_A DIR_B --out RUN --preset cut
    """
    return Config(
        method="cut",
        generator=GeneratorConfig(downsample="blur", upsample="blur", scaling_padding="zeros"),
        discriminator=DiscriminatorConfig(downsample="blur"),
        loss=LossConfig(identity=0, pool=0),
        optimizer=OptimizerConfig(init="xavier"),
        training=TrainingConfig(passes=400),
    )


def fastcut() -> Config:
    """CUT in two thirds of the time: no identity (FastCUT).

    A tenfold contrast in place of the identity, and mirrored pictures; 200 passes, the last 50 with a falling rate.
    Its contrast with the other options of `fast` at 64 px, 1,200 images of Cityscapes each way: KID 0.27 / 0.38
    (photos / labels), where CUT had 0.12 / 0.31, in two thirds of the time. The recipe itself was not run whole here.

    unpaired train DIR_A DIR_B --out RUN --preset fastcut
    """
    base = cut()
    return replace(
        base,
        nce=NceConfig(weight=10, identity=0, flip=True),
        optimizer=replace(base.optimizer, decay_from=0.75),
        training=replace(base.training, passes=200),
    )


def sincut() -> Config:
    """From one photo and one painting: CUT on crops (SinCUT).

    Crops of one picture of each domain, shrunk at random; each place contrasted with those of all crops of a batch; L1
    identity; R1. For the authors' StyleGAN2 networks of ten channels it has a ResNet and a PatchGAN of 16, which want a
    quarter of their learning rate and 16 places of each crop in place of one.
    A step of 16 crops takes 0.81 seconds on one thread (an Intel Xeon, bfloat16). After 12,000 crops, of 1.6 million, a
    drawn landscape had the colours of a painted one, not its strokes: coarse L1 to the truth 20.5, doing nothing 24.1.

    unpaired train PHOTO PAINTING --out RUN --preset sincut --minutes 30
    """
    return Config(
        method="cut",
        data=DataConfig(resize="none", crop=64, zoom=3.0),
        generator=GeneratorConfig(width=16, blocks=4, downsample="blur", upsample="blur"),
        discriminator=DiscriminatorConfig(width=16, layers=2, r1=1.0, r1_every=4),
        loss=LossConfig(adversarial="vanilla", identity=0, pool=0),
        nce=NceConfig(weight=4.0, patches=16, across=True, layers=(0, 1, 2), l1=1.0),
        optimizer=OptimizerConfig(learning_rate=5e-4, beta1=0.0, beta2=0.99),
        training=TrainingConfig(images=1_600_000, batch=16, held_out=0),
    )


def dclgan() -> Config:
    """Both directions, by contrast of patches (DCLGAN).

    Contrast of weight 2 at four stages, L1 identity, 400 passes; networks and first weights as in `cut`.
    In the options of `fast` a step takes 1.74 seconds to CUT's 1.23. After 1,744 emoji with the options of `demo`,
    three minutes, KID was 0.013 and 0.019, doing nothing 0.042.

    unpaired train DIR_A DIR_B --out RUN --preset dclgan
    """
    return replace(cut(), method="dclgan", nce=NceConfig(weight=2, layers=(1, 2, 3, 7)))


def johnson() -> Config:
    """Style transfer: B, a painting or many, is the style.

    ResNet with instance norm, perceptual losses through EfficientNet-Lite1 (Johnson et al. 2016: VGG-16), Adam 1e-3,
    batch 4, 40,000 steps as in the paper.
    On one thread a step of 128 px in the networks of `fast` takes 0.29 seconds. Emoji at 64 px, five minutes of one
    thread, 12,000 images, all of B as style: KID 0.098, doing nothing 0.042. All get the mean colours of B.

    unpaired train PHOTOS PAINTING --out RUN --preset johnson --minutes 30
    """
    return Config(
        method="johnson",
        generator=GeneratorConfig(width=32, blocks=5, upsample="resize"),
        loss=LossConfig(identity=0, pool=0),
        optimizer=OptimizerConfig(learning_rate=1e-3, beta1=0.9, decay_from=1.0),
        training=TrainingConfig(images=160_000, batch=4),
    )


def ulyanov() -> Config:
    """Style transfer in many versions, by a texture network.

    `johnson` with another generator, a pyramid of six scales with noise at each (Ulyanov et al. 2016), instance norm,
    and a weight on translations that differ where the noise does (Ulyanov et al. 2017).
    On one thread a step of 128 px takes 0.31 seconds, without that weight 0.21, `johnson` 0.29. Emoji at 64 px, five
    minutes of one thread, all of B as style: KID 0.074 after 10,000 images, `johnson` 0.098 after 12,000, doing nothing
    0.042. All get the mean colours of B, blue and yellow, in patches that move with the noise.

    unpaired train PHOTOS PAINTING --out RUN --preset ulyanov --minutes 30
    """
    return replace(
        johnson(),
        generator=GeneratorConfig(kind="pyramid", width=8, depth=5),
        perceptual=PerceptualConfig(diversity=0.03),
    )


def unsb() -> Config:
    """One direction, as a bridge of five steps (UNSB).

    400 passes, the bridge's cost of weight 1, τ 0.01, CUT's contrast. Batch 2 in place of 1: pictures of a batch are
    each other's comparison for the entropy.
    Its cost beside CUT, on one thread at 128 px with the options of `fast`: a step takes 1.3 times as long (1.38 to
    1.08 seconds), a translation five times (0.176 to 0.034). With the same options 1,200 images of Cityscapes each way
    gave KID 0.15 (photos) and 0.35 (labels). After 1,952 emoji with the options of `demo`, three minutes on one thread,
    KID was that of doing nothing (0.042), where CUT had 0.014.

    unpaired train DIR_A DIR_B --out RUN --preset unsb
    """
    base = cut()
    return replace(base, method="unsb", training=replace(base.training, batch=2))


def cycle_alone() -> Config:
    """An ablation of the CycleGAN paper: no adversarial loss.

    Section 5.1.4. For its tables, at 128 px: --size 143 --crop 128 --generator.blocks 6.
    With the other options of `fast` at 64 px, 2,400 images of Cityscapes, three seeds: KID 0.43 / 0.61 (photos /
    labels) after 2.5 minutes, the full objective 0.12 / 0.32 after 4.1.

    unpaired train DIR_A DIR_B --out RUN --preset cycle-alone
    """
    return replace(paper(), loss=LossConfig(gan_weight=0, identity=0))


def gan_alone() -> Config:
    """An ablation: adversarial losses alone, no cycle.

    Section 5.1.4; sizes as in `cycle-alone`. With the other options of `fast` at 64 px, 2,400 images of Cityscapes,
    three seeds: KID 0.14 / 0.33 (photos / labels) after 3.1 minutes, the full objective 0.12 / 0.32 after 4.1.

    unpaired train DIR_A DIR_B --out RUN --preset gan-alone
    """
    return replace(paper(), loss=LossConfig(lambda_a=0, lambda_b=0, identity=0))


def gan_forward() -> Config:
    """An ablation: of the cycles only A → B → A.

    Section 5.1.4; sizes as in `cycle-alone`. With the other options of `fast` at 64 px, 2,400 images of Cityscapes,
    three seeds: KID 0.10 / 0.29 (photos / labels) after 3.6 minutes, the full objective 0.12 / 0.32 after 4.1.

    unpaired train DIR_A DIR_B --out RUN --preset gan-forward
    """
    return replace(paper(), loss=LossConfig(lambda_b=0, identity=0))


def gan_backward() -> Config:
    """An ablation: of the cycles only B → A → B.

    Section 5.1.4; sizes as in `cycle-alone`. With the other options of `fast` at 64 px, 2,400 images of Cityscapes,
    three seeds: KID 0.18 / 0.32 (photos / labels) after 3.5 minutes, the full objective 0.12 / 0.32 after 4.1.

    unpaired train DIR_A DIR_B --out RUN --preset gan-backward
    """
    return replace(paper(), loss=LossConfig(lambda_a=0, identity=0))


PRESETS: dict[str, Callable[[], Config]] = {
    "fast": fast, "paper": paper, "demo": demo, "pix2pix": pix2pix, "colorization": colorization, "cut": cut,
    "fastcut": fastcut, "sincut": sincut, "dclgan": dclgan, "johnson": johnson, "ulyanov": ulyanov,
    "unsb": unsb, "cycle-alone": cycle_alone, "gan-alone": gan_alone, "gan-forward": gan_forward,
    "gan-backward": gan_backward,
}  # fmt: skip


def explained(name: str) -> tuple[str, str]:
    """What a preset is, in a line; and its recipe, cost and result."""
    line, _, more = (getdoc(PRESETS[name]) or "").partition("\n\n")
    return line, " ".join(more.partition("\n\n")[0].split())
