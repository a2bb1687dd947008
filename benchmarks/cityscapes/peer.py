"""Train the published pytorch-CycleGAN-and-pix2pix for a time on the clock, and translate the test pictures with it.

    python benchmarks/cityscapes/peer.py CHECKOUT DATA OUT --size 64 --minutes 20

Its own model class takes its own steps, with the options that its command line would give (ResNet-6, batch 1, LSGAN,
identity 0.5, pool 50, Adam 2e-4); pictures are resized, cropped and mirrored as its loader does, from memory, which
costs less than its loader. Its learning rate falls linearly over the second half of the time, as over its second 100
epochs. Leaves OUT/a2b/NAME.png, OUT/b2a/NAME.png and OUT/facts.json.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from judging import test_pairs
from numpy.typing import NDArray
from PIL import Image

from unpaired.data.decode import decode, resized


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    for seed in (torch.manual_seed, random.seed):
        seed(options.seed)
    model = _model(options)
    rng = np.random.default_rng(options.seed)
    load = options.size + options.size // 8
    a, b = (_loaded(options.data / name, load) for name in ("trainA", "trainB"))
    steps = _train(model, a, b, options, rng)
    for direction, network, paths in zip(
        ("a2b", "b2a"), (model.netG_A, model.netG_B), test_pairs(options.data, options.limit), strict=True
    ):
        _translate(network, paths, options.out / direction, options)
    (options.out / "facts.json").write_text(json.dumps({"images": steps, "minutes": options.minutes}))


def _model(options: argparse.Namespace) -> Any:
    sys.path.insert(0, str(options.checkout))
    from models.cycle_gan_model import CycleGANModel  # type: ignore[import-not-found]

    given = SimpleNamespace(
        isTrain=True, device=torch.device(options.device), checkpoints_dir=str(options.out), name="peer", verbose=False,
        preprocess="resize_and_crop", input_nc=3, output_nc=3, direction="AtoB", continue_train=False,
        ngf=64, ndf=64, netG="resnet_6blocks", netD="basic", n_layers_D=3, norm="instance", no_dropout=True,
        init_type="normal", init_gain=0.02, gan_mode="lsgan", pool_size=50, lambda_A=10.0, lambda_B=10.0,
        lambda_identity=0.5, lr=2e-4, beta1=0.5, lr_policy="linear", epoch_count=1, n_epochs=100, n_epochs_decay=100,
    )  # fmt: skip
    options.out.mkdir(parents=True, exist_ok=True)
    with contextlib.redirect_stdout(io.StringIO()):
        model = CycleGANModel(given)
        model.setup(given)
    return model


def _train(
    model: Any, a: NDArray[np.uint8], b: NDArray[np.uint8], options: argparse.Namespace, rng: np.random.Generator
) -> int:
    start, steps = time.monotonic(), 0
    while (done := (time.monotonic() - start) / (60 * options.minutes)) < 1:
        for optimizer in model.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = 2e-4 * min(1.0, 2 * (1 - done))
        batch = {
            domain: _crop(pictures[rng.integers(len(pictures))], options.size, rng)
            for domain, pictures in (("A", a), ("B", b))
        }
        model.set_input(batch | {"A_paths": [], "B_paths": []})
        model.optimize_parameters()
        steps += 1
    return steps


def _loaded(folder: Path, side: int) -> NDArray[np.uint8]:
    return np.stack([resized(decode(p), side, side) for p in sorted(folder.iterdir())])


def _crop(picture: NDArray[np.uint8], side: int, rng: np.random.Generator) -> torch.Tensor:
    y, x = rng.integers(0, picture.shape[0] - side + 1, 2)
    cut = picture[y : y + side, x : x + side]
    return _floats(cut[:, ::-1] if rng.random() < 0.5 else cut)


def _floats(picture: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None].float() / 127.5 - 1


def _translate(network: Any, paths: list[Path], folder: Path, options: argparse.Namespace) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with torch.inference_mode():
        for path in paths:
            x = _floats(resized(decode(path), options.size, options.size)).to(options.device)
            y = ((network(x)[0].clamp(-1, 1) + 1) * 127.5).round().byte().permute(1, 2, 0).cpu().numpy()
            Image.fromarray(y).save(folder / f"{path.stem}.png")


if __name__ == "__main__":
    main()
