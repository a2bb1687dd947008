"""Every knob of a training: its meaning, its unit, its default and where it comes from.

The command line is generated from these classes (field docstrings become the help texts), a run stores them as
JSON (`unpaired.config_json`), and nothing else decides how a training behaves. Section numbers are those of the
CycleGAN paper (Zhu et al., ICCV 2017, arXiv:1703.10593) unless another paper is named. Defaults are the paper's; the
presets in `unpaired.presets` say where they leave it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["a2b", "b2a"]
DIRECTIONS: tuple[Direction, Direction] = ("a2b", "b2a")
Domain = Literal["a", "b"]
DOMAINS: tuple[Domain, Domain] = ("a", "b")

Norm = Literal["instance", "instance-affine", "batch", "group", "none"]
Padding = Literal["reflect", "zeros"]
Channels = int
Normalize = Literal["auto", "full", "percentile", "window"]
DType = Literal[
    "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "float16", "float32", "float64"
]  # fmt: skip
Eyes = Literal["lite1", "lite2"]
Resize = Literal[
    "square", "resize-and-crop", "short", "scale-width", "scale-width-and-crop", "none", "crop"
]  # fmt: skip
Layout = Literal["folders", "side-by-side", "same"]
MethodName = Literal["cyclegan", "pix2pix", "cut", "dclgan", "johnson", "unsb"]


def reverse(direction: Direction) -> Direction:
    """The way back."""
    return "b2a" if direction == "a2b" else "a2b"


def source(direction: Direction) -> Domain:
    """The domain that is translated."""
    return "a" if direction == "a2b" else "b"


def target(direction: Direction) -> Domain:
    """The domain that is translated to."""
    return "b" if direction == "a2b" else "a"


@dataclass(frozen=True, kw_only=True, slots=True)
class GeneratorConfig:
    """The networks that translate."""

    kind: Literal["resnet", "unet", "convnext", "pyramid"] = "resnet"
    """ResNet of Johnson et al. (section 4), U-Net of Isola et al. (pix2pix), a U-Net of ConvNeXt blocks with attention
    at its lowest resolution, or the texture network of Ulyanov et al. (2016): several scales, noise at each."""
    width: int = 64
    """Feature channels of the first layer (ngf); those that each scale of a pyramid adds."""
    blocks: int = 9
    """Residual blocks of a ResNet: the paper takes 6 at 128 px and 9 from 256 px on. Attention blocks of a ConvNeXt
    U-Net."""
    kernel: int = 7
    """Side of a ResNet's first and last convolution; 3 saves a tenth of a step at small sizes."""
    depth: int = 8
    """Halvings of a U-Net: 7 for 128 px, 8 for 256 px. Of a pyramid: 5 in the paper, which are six scales."""
    norm: Norm = "instance"
    """Normalisation between layers; `instance-affine` learns a scale and a shift for each channel."""
    dropout: float = 0.0
    """Probability of dropout inside residual blocks (ResNet) or in the inner decoder (U-Net)."""
    noise: bool = False
    """Dropout goes on when translating, as pix2pix's only noise (Isola et al. 2017, section 3.2); the same noise for
    every picture, so that a translation can be repeated."""
    downsample: Literal["strided", "blur"] = "strided"
    """How a ResNet halves: strided convolution (the paper) or convolution and blur (Zhang 2019, as CUT does)."""
    upsample: Literal["transposed", "resize", "blur"] = "transposed"
    """Transposed convolution (the paper); nearest-neighbour resize and convolution (no checkerboard); or blurred
    resize and convolution (Zhang 2019, as CUT does)."""
    padding: Padding = "reflect"
    """What convolutions see beyond the border."""
    scaling_padding: Literal["auto", "reflect", "zeros"] = "auto"
    """The same for the 3×3 convolutions that halve and double; auto: zeros where they are strided (the paper),
    `padding` elsewhere."""
    residual: bool = False
    """Output = tanh(network + atanh(input)): the network learns what to change, not the whole picture."""
    attention: bool = False
    """Output = attention · picture + (1 - attention) · input: the network learns where to change something, too, and
    leaves the rest as it is (Mejjati et al. 2018; Tang et al. 2019, AttentionGAN)."""
    warp: int = 0
    """The input is bent before it is painted over, for outlines that have to change: px, at most, by which a small
    network shifts each place (after Shi et al. 2019, WarpGAN); 0 leaves all where it is."""
    lab: bool = False
    """Colouring: the network gives only the colours a and b of the CIE Lab space; the lightness is the grey input's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscriminatorConfig:
    """The networks that tell real from fake."""

    kind: Literal["patchgan", "multiscale", "pixel", "projected", "projected+patchgan"] = "patchgan"
    """PatchGAN (section 4), PatchGANs at several scales (Wang et al. 2018, pix2pixHD), 1×1 pixel discriminator, or
    heads on a frozen ImageNet network (Sauer et al. 2021)."""
    width: int = 64
    """Feature channels of the first layer of a PatchGAN or pixel discriminator (ndf)."""
    layers: int = 3
    """Strided layers of a PatchGAN; 3 gives the paper's 70×70 receptive field."""
    scales: int = 3
    """PatchGANs of `multiscale`; each sees half the resolution of the one before."""
    downsample: Literal["strided", "blur"] = "strided"
    """How a PatchGAN halves: strided convolution (the paper), or convolution and blur (Zhang 2019, as CUT does)."""
    norm: Norm = "instance"
    """Normalisation of a PatchGAN or pixel discriminator."""
    spectral: bool = False
    """Spectral normalisation of a PatchGAN (Miyato et al. 2018) in place of `norm`."""
    eyes: tuple[Eyes, ...] = ("lite1",)
    """Through which frozen networks projected heads look, EfficientNet-Lite1 or Lite2, or both at once (Kumari et al.
    2022, vision-aided GANs)."""
    stages: tuple[int, ...] = (1, 2, 3, 4)
    """Which stages of the frozen network get a head: 0 to 4, at stride 2, 4, 8, 16 and 32."""
    mixing: bool = True
    """Random fixed mixing of features across channels and scales (Sauer et al. 2021, section 3.2)."""
    view: int = 128
    """Side in px to which a picture is resized before the frozen network looks at it."""
    patch_weight: float = 1.0
    """Weight of the PatchGAN's loss beside the projected heads' in `projected+patchgan`."""
    r1: float = 0.0
    """Weight γ of the R1 gradient penalty on real pictures (Mescheder et al. 2018, eq. 9); frozen networks and their
    heads are left out of it."""
    r1_every: int = 16
    """Compute the penalty on every k-th step only, with k times its weight (Karras et al. 2020, StyleGAN2)."""
    augment: bool = False
    """Differentiable augmentation (Zhao et al. 2020: colour, translation, cutout) of all it sees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LossConfig:
    """The full objective (section 3, eq. 3). Other methods share the adversarial loss and the pool; λ and identity
    are CycleGAN's."""

    adversarial: Literal["lsgan", "vanilla", "hinge"] = "lsgan"
    """Least squares (section 4), non-saturating cross-entropy (eq. 1), or hinge."""
    gan_weight: float = 1.0
    """Weight of the adversarial losses; 0 gives the ablation "cycle alone"."""
    lambda_a: float = 10.0
    """Weight of forward cycle consistency, A → B → A (eq. 2)."""
    lambda_b: float = 10.0
    """Weight of backward cycle consistency, B → A → B (eq. 2)."""
    identity: float = 0.5
    """Weight of the identity loss (section 5.2) as a share of λ; 0 leaves it out."""
    identity_every: int = 1
    """Compute the identity loss on every k-th step only, with k times its weight."""
    structure: Literal["none", "mind", "lncc", "ngf"] = "none"
    """What a translation has to share with its source, whatever the method, blind to colours, contrast and which side
    of an edge is the bright one: the look of each place beside its neighbours (MIND, Heinrich et al. 2012; in CycleGANs
    Yang et al. 2018), local correlation (LNCC), or edges (normalised gradient fields, Haber and Modersitzki 2006)."""
    structure_weight: float = 1.0
    """Weight of that loss, whose value is between 0 and 1."""
    inversion: float = 0.0
    """Weight of the penalty on swapped light and dark, whatever the method: −r of the coarse luminance of a picture and
    its translation, 0 where r is above 0."""
    cycle_noise: float = 0.0
    """Standard deviation (of pictures in -1 to 1) of noise on a fake before it is translated back: what a generator
    would hide in faint patterns for its inverse is lost (Chu et al. 2017; Bashkirova et al. 2019)."""
    cycle_coarse: int = 1
    """The cycle is asked for at 1/k of the resolution: details below k px need not come back."""
    cycle_floor: float = 1.0
    """Share of λ that the cycle still has at the end of a training; it falls linearly (Wang and Lin 2024,
    arXiv:2408.15374, section 3)."""
    cycle_features: float = 0.0
    """Share of the cycle that is asked for in the discriminator's features, not in pixels (Wang and Lin 2024)."""
    outside_mask: float = 10.0
    """Where masks are given: weight of the L1 distance between a picture and its translation outside its mask."""
    warm_up_images: int = 0
    """Images during which generators only learn to fill in what is masked in pictures of the domain that they will
    translate from (Torbunov et al. 2023, UVCGAN); nothing else trains meanwhile."""
    warm_up_mask: float = 0.4
    """Share of a picture that is masked in the warm-up; 0 teaches to change nothing."""
    pool: int = 50
    """Earlier fakes kept for the discriminators (section 4; Shrivastava et al. 2017); 0 shows only the newest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NceConfig:
    """Of CUT (Park et al. 2020, arXiv:2007.15651) and DCLGAN (Han et al. 2021, arXiv:2104.07689) only: patchwise
    contrast between a picture and its translation (CUT, section 3, eq. 3 to 5)."""

    weight: float = 1.0
    """Weight of the contrastive loss."""
    identity: float = 1.0
    """Weight of the contrast between a picture of B and its translation to B, beside that of A (CUT, eq. 6: the mean
    of both at 1; 0 leaves it out, as FastCUT does). DCLGAN: weight of the L1 distance between the two (eq. 4)."""
    layers: tuple[int, ...] = (0, 1, 2, 3, 7)
    """Stages of the generator's encoder: 0 the picture, 1 and 2 a ResNet's halvings, 2 + k its k-th block (the authors'
    0, 4, 8, 12, 16); of a U-Net, the picture and its halvings."""
    patches: int = 256
    """Places in a picture that are contrasted with each other, at each stage."""
    temperature: float = 0.07
    """τ (eq. 1)."""
    dimension: int = 256
    """Features that the two-layer heads give for each place."""
    flip: bool = False
    """Translate mirrored pictures half of the time and contrast with the unmirrored ones (FastCUT)."""
    across: bool = False
    """Contrast each place with those of all pictures of a batch, not of its own picture only (SinCUT)."""
    l1: float = 0.0
    """Weight of the L1 distance between a picture of B and its translation to B (SinCUT); CUT only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pix2PixConfig:
    """Of pix2pix (Isola et al. 2017, arXiv:1611.07004) only."""

    l1: float = 100.0
    """λ, the weight of the distance to the true counterpart (eq. 4)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BridgeConfig:
    """Of UNSB (Kim et al. 2024, arXiv:2305.15086) only; its contrast is set by the options of CUT."""

    steps: int = 5
    """Passes of the network from A to B."""
    tau: float = 0.01
    """τ: how random the path is."""
    weight: float = 1.0
    """Weight of the bridge's cost: the squared distance of each step's state to its end, less its entropy (eq. 12)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PerceptualConfig:
    """Of feed-forward style transfer (Johnson et al. 2016, arXiv:1603.08155) only. The losses are relative to what
    they aim at."""

    eyes: str = "lite1"
    """The frozen network that compares: lite1, lite2, vgg19 once it was fetched, or a file of torchvision's VGG-16 or
    VGG-19. (Through lite0 runs are measured.)"""
    content: float = 1.0
    """Weight of showing what the source shows."""
    style: float = 2.0
    """Weight of being painted as B is. At the 10 of `unpaired style` a generator forgets what was to be seen."""
    smoothness: float = 0.1
    """Weight of the total variation."""
    diversity: float = 0.0
    """Weight of −ln of how far two translations of a picture are apart that differ by their noise (Ulyanov et al. 2017,
    arXiv:1701.02096, section 3); needs a generator with noise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OptimizerConfig:
    """Adam and its schedule, over progress from 0 (start) to 1 (the planned end)."""

    learning_rate: float = 2e-4
    """Learning rate of the generators."""
    discriminator_learning_rate: float | None = None
    """Learning rate of the discriminators; the generators' if not given."""
    beta1: float = 0.5
    """Adam's β1."""
    beta2: float = 0.999
    """Adam's β2."""
    warmup: int = 0
    """Images over which the learning rate rises from 0."""
    decay_from: float = 0.5
    """Progress at which the learning rate starts to fall linearly to 0 (the paper: half-way)."""
    clip: float = 0.0
    """Norm to which larger gradients of a step are scaled down; a step whose gradients are no numbers is left out. 0
    takes them as they are. A picture of few colours can grow them by 300 at every instance norm."""
    ema_images: float = 0.0
    """Half-life, in images, of the averaged generator weights that translate; 0 takes the last weights."""
    init: Literal["normal", "xavier"] = "normal"
    """Initial weights: N(0, gain²) (the paper), or N(0, 2 · gain² / (inputs + outputs)) (Glorot and Bengio 2010, as CUT
    does)."""
    init_gain: float = 0.02
    """That gain."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataConfig:
    """From files to batches."""

    size: int = 286
    """Side in px to which pictures are resized."""
    crop: int = 256
    """Side in px of the random crop that the networks see; a multiple of 4 (ResNet), 2^depth (U-Net) or twice
    that (pyramid)."""
    resize: Resize = "square"
    """Resize to size × size (`square`, of the paper and its authors' code: `resize-and-crop`); the short side to `size`
    (`short`) or the width (`scale-width`, their `scale-width-and-crop`), keeping the aspect ratio; or not at all
    (`none`, their `crop`)."""
    zoom: float = 1.0
    """Shrink pictures before they are cropped, width and height each by a random factor up to this, the same for all of
    a step (SinCUT: 3); none becomes smaller than the crop."""
    flip: bool = True
    """Mirror half of the pictures left to right."""
    channels_a: Channels = 3
    """Channels of domain A: 3 (RGB), 1 (grey), or the number of bands. Files of other than 8 bits, and of other than 1
    or 3 bands, bring their own number in place of 3."""
    channels_b: Channels = 3
    """Channels of domain B."""
    colours_a: int = 0
    """Translations to domain A are made of so many flat colours, each picture of its own, as drawings and clip art are;
    0: of any."""
    colours_b: int = 0
    """The same of domain B."""
    normalize_a: Normalize = "auto"
    """How the values of domain A become -1 to 1: `auto`, 0 to 255 of 8 bits, else by the values that the files have,
    with nothing clipped; `full`, all that the type holds; `percentile`, 0.5 to 99.5 % of the values; `window`, what
    DICOM files ask for. Found once, kept in the run, and undone in translations."""
    normalize_b: Normalize = "auto"
    """How the values of domain B become -1 to 1."""
    range_a: tuple[float, ...] = ()
    """The values of domain A that become -1 and 1, in place of `normalize_a`: two numbers, or two for each band."""
    range_b: tuple[float, ...] = ()
    """The values of domain B that become -1 and 1."""
    dtype_a: DType | None = None
    """Type of the values in the files of domain A; that of most of them if not given."""
    dtype_b: DType | None = None
    """Type of the values in the files of domain B."""
    axis: int = 2
    """Axis along which volumes (NIfTI) are sliced, 0 to 2: 2 is from the feet to the head."""
    layout: Layout = "folders"
    """Two folders; or one folder of files that show A in their left half and B in their right (`side-by-side`); or one
    folder whose every file is in both domains, as for colouring with --channels-a 1 (`same`)."""
    background: tuple[int, int, int] = (255, 255, 255)
    """Colour (0 to 255) that shows through where a picture is transparent."""

    def __post_init__(self) -> None:
        # The authors' names of the same: a run keeps one of them.
        same = {"resize-and-crop": "square", "scale-width-and-crop": "scale-width", "crop": "none"}
        object.__setattr__(self, "resize", same.get(self.resize, self.resize))


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingConfig:
    """How long, how often, on what."""

    images: int | None = None
    """Stop after so many images of each domain, counted over all ranks."""
    minutes: float | None = None
    """Stop after so many minutes of training, counted over all resumes. The first limit reached counts."""
    passes: float = 200.0
    """Where neither is given: passes over the larger domain (the paper: 100 constant + 100 falling)."""
    batch: int = 1
    """Pictures of each domain in a step, on each rank."""
    seed: int = 0
    """Seed of everything random: one seed, one machine, one result."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """auto takes bfloat16 where the hardware multiplies it and float32 elsewhere."""
    channels_last: bool | None = None
    """Memory layout NHWC; the faster one for device and precision if not given."""
    compile: bool = False
    """torch.compile the networks: minutes of warm-up, worth it on long runs."""
    checkpoint_minutes: float = 5.0
    """Minutes between checkpoints."""
    checkpoint_images: int | None = None
    """Images between checkpoints, beside the minutes: for checkpoints at exact places."""
    keep: int = 2
    """Checkpoints kept, beside the best."""
    held_out: int = 100
    """Pictures of each domain, at most, that are measured while training: of the test folders; without those, of the
    training folders, a tenth of which is then not trained on. 0 trains on all and measures nothing."""
    evaluate_every: int | None = None
    """Images between evaluations on the held-out pictures, each with a checkpoint. Not given: with every checkpoint, as
    long as they take no more than a twentieth of the time."""
    stop_when_flat: bool = False
    """Stop when evaluations have found nothing better for so long that noise can't explain it."""
    preview_minutes: float = 1.0
    """Minutes between preview grids."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """One training, whole."""

    method: MethodName = "cyclegan"
    """Which method learns the translation."""
    data: DataConfig = field(default_factory=DataConfig)
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    nce: NceConfig = field(default_factory=NceConfig)
    pix2pix: Pix2PixConfig = field(default_factory=Pix2PixConfig)
    perceptual: PerceptualConfig = field(default_factory=PerceptualConfig)
    bridge: BridgeConfig = field(default_factory=BridgeConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    training: TrainingConfig = field(default_factory=TrainingConfig)

    def channels(self, direction: Direction) -> tuple[Channels, Channels]:
        """Channels of the generator's input and output in `direction`."""
        a, b = self.data.channels_a, self.data.channels_b
        return (a, b) if direction == "a2b" else (b, a)


PLAIN = ("data", "loss", "optimizer", "training")
"""Groups whose options carry no prefix."""


def option(name: str, group: str) -> str:
    """How a field of a group of the configuration is typed: --learning-rate, --generator.width, --nce.weight."""
    prefix = "" if group in PLAIN else f"{group}."
    return f"--{prefix}{name.replace('_', '-')}"
