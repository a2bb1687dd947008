"""Named configurations. Each says its command, its cost and what it reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
    """The recipe of the CycleGAN paper, exactly: ResNet-9 at 256 px, LSGAN, λ 10, identity 0.5, 200 passes.
    At 128 px and batch 1 a step takes 1.69 seconds on one thread (bfloat16); the whole of it was not run here.

    unpaired train DIR_A DIR_B --out RUN --preset paper
    """
    return Config()


def fast() -> Config:
    """The default: worth looking at after minutes on a plain CPU. Projected heads on a frozen ImageNet network make
    pictures real, a small PatchGAN beside them watches what that network does not see, fine texture; blurred
    doubling leaves no checkerboard, averaged weights no jitter. Why each choice: docs/recipe.md.
    A step of 4 + 4 pictures takes 1.23 seconds on one thread. Cityscapes at 64 px, 20 minutes, 10,232 images: KID
    0.051 (photos) and 0.152 (labels), doing nothing 0.643.

    unpaired train DIR_A DIR_B --out RUN
    """
    return Config(
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
    """`fast` for the built-in emoji at 64 px and five minutes: narrower generators that begin as "change nothing".
    Drawings are made of 8 colours each. Asked for the shading back, 3D → flat hid it in streaks: there is no cycle from
    B, and flat drawings are to stay as they are in its place.
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
    """The recipe of pix2pix, for pairs: U-Net with dropout as noise, PatchGAN on pairs, cross-entropy, L1 of weight
    100, 200 passes. Its batch norm of one picture is instance norm here.
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
    """pix2pix that colours: one folder of colour pictures, of which the grey ones are made; a and b of Lab are learnt,
    the lightness stays.
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
    """The recipe of CUT: one direction, patches contrasted at five stages, identity, blurred halving and doubling in
    the authors' networks, their first weights, 400 passes.
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
    """The recipe of FastCUT: CUT with a tenfold contrast in place of the identity, and mirrored pictures; 200 passes,
    the last 50 with a falling rate.
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
    """The recipe of SinCUT: CUT on crops of one picture of each domain, shrunk at random; each place contrasted with
    those of all crops of a batch; L1 identity; R1. For the authors' StyleGAN2 networks of ten channels it has a ResNet
    and a PatchGAN of 16, which want a quarter of their learning rate and 16 places of each crop in place of one. After
    48 steps (768 crops) a street had the colours of a painting and not yet its strokes; no more was seen.

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
    """The recipe of DCLGAN: both directions, contrast of weight 2 at four stages, L1 identity, 400 passes; networks and
    first weights as in `cut`.
    In the options of `fast` a step takes 1.74 seconds to CUT's 1.23. After 1,744 emoji with the options of `demo`,
    three minutes, KID was 0.013 and 0.019, doing nothing 0.042.

    unpaired train DIR_A DIR_B --out RUN --preset dclgan
    """
    return replace(cut(), method="dclgan", nce=NceConfig(weight=2, layers=(1, 2, 3, 7)))


def johnson() -> Config:
    """Feed-forward style transfer: B, a collection or one painting, is the style. ResNet with instance norm, perceptual
    losses through EfficientNet-Lite1 (the paper: VGG-16), Adam 1e-3, batch 4, 40,000 steps as in the paper. On one
    thread a step of 128 px in the networks of `fast` takes 0.29 seconds. After 186 steps at 64 px emoji had the
    colours of a painting and strokes along their edges; no more was seen.

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
    """Texture networks: `johnson` with another generator, a pyramid of six scales with noise at each (Ulyanov et al.
    2016), instance norm, and a weight on translations that differ where the noise does (Ulyanov et al. 2017). On one
    thread a step of 128 px takes 0.31 seconds, without that weight 0.21, `johnson` 0.29. Emoji at 64 px, five minutes
    of one thread, all of B as style: KID 0.074 after 10,000 images, `johnson` 0.098 after 12,000, doing nothing 0.042.
    All get the mean colours of B, blue and yellow, in patches that move with the noise.

    unpaired train PHOTOS PAINTING --out RUN --preset ulyanov --minutes 30
    """
    return replace(
        johnson(),
        generator=GeneratorConfig(kind="pyramid", width=8, depth=5),
        perceptual=PerceptualConfig(diversity=0.03),
    )


def unsb() -> Config:
    """The recipe of UNSB, a bridge of five steps between the domains: one direction, 400 passes, the bridge's cost of
    weight 1, τ 0.01, CUT's contrast. Its cost beside CUT, on one thread at 128 px with the options of `fast`: a step
    takes 1.3 times as long (1.38 to 1.08 seconds), a translation five times (0.176 to 0.034). Batch 2 in place of 1:
    pictures of a batch are each other's comparison for the entropy. After 1,952 emoji with the options of `demo`,
    three minutes on one thread, its KID was that of doing nothing (0.042), where CUT had 0.014.

    unpaired train DIR_A DIR_B --out RUN --preset unsb
    """
    base = cut()
    return replace(base, method="unsb", training=replace(base.training, batch=2))


def cycle_alone() -> Config:
    """Ablation of the paper (section 5.1.4): no adversarial loss. Its tables, at 128 px: --size 143 --crop 128
    --generator.blocks 6.
    With the other options of `fast` at 64 px, 2,400 images of Cityscapes, three seeds: KID
    0.43 / 0.61 (photos / labels).

    unpaired train DIR_A DIR_B --out RUN --preset cycle-alone
    """
    return replace(paper(), loss=LossConfig(gan_weight=0, identity=0))


def gan_alone() -> Config:
    """Ablation of the paper: no cycle, as `cycle_alone` says.
    With the other options of `fast` at 64 px, 2,400 images of Cityscapes, three seeds: KID
    0.14 / 0.33 (photos / labels).

    unpaired train DIR_A DIR_B --out RUN --preset gan-alone
    """
    return replace(paper(), loss=LossConfig(lambda_a=0, lambda_b=0, identity=0))


def gan_forward() -> Config:
    """Ablation of the paper: adversarial losses and the forward cycle A → B → A only, as `cycle_alone` says.
    With the other options of `fast` at 64 px, 2,400 images of Cityscapes, three seeds: KID
    0.10 / 0.29 (photos / labels).

    unpaired train DIR_A DIR_B --out RUN --preset gan-forward
    """
    return replace(paper(), loss=LossConfig(lambda_b=0, identity=0))


def gan_backward() -> Config:
    """Ablation of the paper: adversarial losses and the backward cycle B → A → B only, as `cycle_alone` says.
    With the other options of `fast` at 64 px, 2,400 images of Cityscapes, three seeds: KID
    0.18 / 0.32 (photos / labels).

    unpaired train DIR_A DIR_B --out RUN --preset gan-backward
    """
    return replace(paper(), loss=LossConfig(lambda_a=0, identity=0))


PRESETS: dict[str, Callable[[], Config]] = {
    "fast": fast, "paper": paper, "demo": demo, "pix2pix": pix2pix, "colorization": colorization, "cut": cut,
    "fastcut": fastcut, "sincut": sincut, "dclgan": dclgan, "johnson": johnson, "ulyanov": ulyanov,
    "unsb": unsb, "cycle-alone": cycle_alone, "gan-alone": gan_alone, "gan-forward": gan_forward,
    "gan-backward": gan_backward,
}  # fmt: skip
