"""How long a training step takes: the plain reference, the published code, and ours.

    python benchmarks/training_step.py [--size 256] [--batch 1] [--repeat 5] [--peer CHECKOUT] [--save]
    python benchmarks/training_step.py --demo

ResNet generator, 70×70 PatchGAN, the full objective with identity loss. Each contestant has its own
process; they work in turn. Ratios are against the reference in the same round.

`--peer` names a checkout of pytorch-CycleGAN-and-pix2pix; its own model class is timed. `--lazy K` adds a
contestant with the identity loss on every K-th step; rounds are then multiples of K steps. `--demo` takes
size, batch, width and blocks of the preset `demo` for the reference too.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import io
import sys
import warnings
from collections.abc import Callable
from types import SimpleNamespace

import torch

from reference import ReferenceStep
from timing import Contestant, convolution_peak, everyone, interleaved, table, write_result


@dataclasses.dataclass(frozen=True, kw_only=True)
class Work:
    """The step that all contestants take."""

    size: int = 256
    batch: int = 1
    blocks: int = 9
    width: int = 64
    device: str = "cpu"


def pictures(work: Work, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two batches of smooth uint8 pictures (N, 3, H, W)."""
    random = torch.Generator().manual_seed(seed)
    shape = (work.batch, 3, work.size // 8, work.size // 8)
    coarse = (torch.rand(shape, generator=random) * 255 for _ in "ab")
    a, b = (torch.nn.functional.interpolate(c, scale_factor=8, mode="bilinear").byte() for c in coarse)
    return a, b


def as_floats(x: torch.Tensor, device: str) -> torch.Tensor:
    return x.to(device).float() / 127.5 - 1


# --- contestants: each returns what is timed ------------------------------------------------------


def reference(work: Work) -> Callable[[], object]:
    torch.manual_seed(0)
    step = ReferenceStep(work.size, work.blocks, work.width, work.batch, work.device)
    a, b = pictures(work)
    return lambda: step.step(as_floats(a, work.device), as_floats(b, work.device))


def peer(work: Work, checkout: str) -> Callable[[], object]:
    """`optimize_parameters` of the published CycleGAN model, with the options that its parser would give."""
    sys.path.insert(0, checkout)
    from models.cycle_gan_model import CycleGANModel  # type: ignore[import-not-found]

    options = SimpleNamespace(
        isTrain=True, device=torch.device(work.device), checkpoints_dir=".", name="timed", verbose=False,
        preprocess="resize_and_crop", input_nc=3, output_nc=3, direction="AtoB", continue_train=False,
        ngf=work.width, ndf=work.width, netG=f"resnet_{work.blocks}blocks", netD="basic", n_layers_D=3,
        norm="instance", no_dropout=True, init_type="normal", init_gain=0.02, gan_mode="lsgan", pool_size=50,
        lambda_A=10.0, lambda_B=10.0, lambda_identity=0.5, lr=2e-4, beta1=0.5, lr_policy="linear",
        epoch_count=1, n_epochs=100, n_epochs_decay=100,
    )  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        model = CycleGANModel(options)
        model.setup(options)
    a, b = pictures(work)

    def step() -> object:
        real_a, real_b = as_floats(a, work.device), as_floats(b, work.device)
        model.set_input({"A": real_a, "B": real_b, "A_paths": [], "B_paths": []})
        model.optimize_parameters()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it turns tensors with a history into floats
            return model.get_current_losses()

    return step


def ours(preset: str, work: Work, identity_every: int = 1, steps: int = 1) -> Callable[[], object]:
    """`steps` steps of our own engine, as `unpaired train` takes them."""
    from unpaired import presets
    from unpaired.compute.device import choose_device, keep_freed_memory
    from unpaired.compute.ranks import Ranks
    from unpaired.methods import METHODS
    from unpaired.training.engine import Engine

    keep_freed_memory()
    config = presets.PRESETS[preset]()
    if preset == "paper":
        config = dataclasses.replace(
            config,
            data=dataclasses.replace(config.data, size=work.size, crop=work.size),
            generator=dataclasses.replace(config.generator, blocks=work.blocks, width=work.width),
            discriminator=dataclasses.replace(config.discriminator, width=work.width),
            loss=dataclasses.replace(config.loss, identity_every=identity_every),
            training=dataclasses.replace(config.training, batch=work.batch),
        )
    device = choose_device(work.device)
    engine = Engine(METHODS[config.method](config), config, device, Ranks())
    a, b = pictures(work)
    images = 0

    def step() -> object:
        nonlocal images
        for _ in range(steps):
            terms = engine.step(a, b, images=images, rate=1.0)
            images += work.batch
        return {name: float(term) for name, term in terms.items()}

    return step


# --- the comparison -------------------------------------------------------------------------------


def contestants(options: argparse.Namespace, work: Work) -> dict[str, tuple[Contestant, int]]:
    """By name: the contestant, and how many training steps one call of it takes."""
    made: dict[str, tuple[Contestant, int]] = {}

    def add(name: str, steps: int, make: Callable[..., Callable[[], object]], *args: object) -> None:
        made[name] = (Contestant(name, make, work, *args, threads=options.threads), steps)

    add("reference", 1, reference)
    if options.peer:
        add("published code", 1, peer, options.peer)
    if options.no_ours:
        return made
    if options.demo:
        made["ours (demo)"] = (Contestant("ours (demo)", ours, "demo", work, threads=options.threads), 1)
    else:
        made["ours"] = (Contestant("ours", ours, "paper", work, threads=options.threads), 1)
        if options.lazy > 1:
            lazy = Contestant(
                "ours, lazy identity", ours, "paper", work, options.lazy, options.lazy, threads=options.threads
            )
            made["ours, lazy identity"] = (lazy, options.lazy)
    return made


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--blocks", type=int, default=9)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, help="1: processor time, for a machine that others use too")
    parser.add_argument("--peer", metavar="CHECKOUT")
    parser.add_argument("--no-ours", action="store_true", help="only the reference and the published code")
    parser.add_argument("--lazy", type=int, default=0, metavar="K")
    parser.add_argument("--demo", action="store_true")
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    return parser.parse_args()


def demo_work(device: str) -> Work:
    from unpaired import presets

    config = presets.demo()
    g = config.generator
    return Work(
        size=config.data.crop, batch=config.training.batch, blocks=g.blocks, width=g.width, device=device,
    )  # fmt: skip


Rows = dict[str, dict[str, float]]


def report(work: Work, repeat: int, peaks: Rows, rows: Rows) -> None:
    said = ", ".join(f"{d} {p['forward']:.0f} GFLOP/s, training {p['training']:.0f}" for d, p in peaks.items())
    print(f"{work.size} px, batch {work.batch}, ResNet-{work.blocks}, width {work.width}, {repeat} rounds")
    print(f"peak of a convolution: {said}")
    base = rows["reference"]
    print(table([
        {
            "": name,
            "s/step": f"{r['seconds']:.3f}",
            "× reference": f"{r['speedup']:.2f}",
            "range": f"{r['slowest_round']:.2f}–{r['fastest_round']:.2f}",
            "GFLOP": f"{r['gflop']:.0f}",
            "GFLOP/s": f"{r['gflop_per_s']:.0f}",
            "of peak": f"{r['share_of_peak']:.0%}",
            "GiB": f"{r['peak_gib']:.2f}",
            "× GiB": f"{r['peak_gib'] / base['peak_gib']:.2f}",
        }
        for name, r in rows.items()
    ]))  # fmt: skip


def main() -> None:
    options = parse()
    keys = ("size", "batch", "blocks", "width", "device")
    work = Work(**{k: getattr(options, k) for k in keys})
    if options.demo:
        work = demo_work(options.device)
    if options.threads:
        torch.set_num_threads(options.threads)
    peaks = {"float32": convolution_peak(torch.float32, options.device)}
    if (native := convolution_peak(torch.bfloat16, options.device))["forward"] > peaks["float32"]["forward"]:
        peaks["bfloat16"] = native
    peak = max(p["forward"] for p in peaks.values())
    made = contestants(options, work)
    with everyone([c for c, _ in made.values()]):
        timing = interleaved([c for c, _ in made.values()], options.repeat)
        rows: Rows = {}
        for name, (contestant, steps) in made.items():
            seconds = timing.median(name) / steps
            rows[name] = {
                "seconds": seconds,
                # In one round a contestant may take several steps: compare step with step.
                "speedup": timing.ratio("reference", name) * steps,
                "slowest_round": timing.spread("reference", name)[0] * steps,
                "fastest_round": timing.spread("reference", name)[1] * steps,
                "peak_gib": contestant.peak_bytes() / 2**30,
            }
        for name, (contestant, steps) in made.items():  # after the memory: counting takes some itself
            gflop = contestant.flops() / steps / 1e9
            rate = gflop / rows[name]["seconds"]
            rows[name] |= {"gflop": gflop, "gflop_per_s": rate, "share_of_peak": rate / peak}
    report(work, options.repeat, peaks, rows)
    if options.save:
        label = "training-step-demo" if options.demo else f"training-step-{work.size}"
        values = {
            "work": dataclasses.asdict(work),
            "repeat": options.repeat,
            "threads": options.threads,
            "peaks": peaks,
            "contestants": rows,
        }
        print(write_result(label, values))


if __name__ == "__main__":
    main()
