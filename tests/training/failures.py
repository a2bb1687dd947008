"""Failures that are provoked in real, tiny trainings, beside one that nothing is done to.

    python tests/training/failures.py OUT [healthy collapse …]

The demo's drawings at 32 px, networks of width 8, the real loop with its evaluations: seconds of one core each. Prints
what was measured and told, and after how many images.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    OptimizerConfig,
    TrainingConfig,
)
from unpaired.data import demo
from unpaired.data.files import default_cache_dir
from unpaired.data.tensors import to_float
from unpaired.errors import UserError
from unpaired.run.record import Folders
from unpaired.training import events, loop, start
from unpaired.training.engine import Engine
from unpaired.training.session import Session

SIDE, EVERY, TESTS = 32, 100, 12

HEALTHY = Config(
    data=DataConfig(size=36, crop=SIDE),
    generator=GeneratorConfig(width=8, blocks=2, kernel=3, upsample="blur", residual=True),
    discriminator=DiscriminatorConfig(width=8, layers=2),
    loss=LossConfig(identity=0, lambda_a=5.0, lambda_b=5.0, pool=0),
    optimizer=OptimizerConfig(learning_rate=4e-4, ema_images=100, init_gain=0.05),
    training=TrainingConfig(
        images=600, batch=4, device="cpu", precision="float32", preview_minutes=60, evaluate_every=EVERY, keep=1
    ),
)


@dataclass(frozen=True)
class Row:
    """A training that is meant to fail in one way."""

    config: Config
    pictures: Callable[[str], list[Image.Image]] = field(default=lambda domain: _emoji(f"train{domain}"))
    prepare: Callable[[Session], None] = lambda _: None


def _emoji(folder: str, most: int = 400) -> list[Image.Image]:
    files = sorted((_demo() / folder).iterdir())[:most]
    return [Image.open(file).convert("RGB").resize((36, 36)) for file in files]


def _demo() -> Path:
    return demo.unpack(default_cache_dir() / "demo")


def _noise(domain: str) -> list[Image.Image]:
    """Nearly black and nearly white: told apart at a glance."""
    rng = np.random.default_rng(0 if domain == "A" else 1)
    shade = 20 if domain == "A" else 235
    noise = rng.normal(shade, 10, (400, 36, 36, 3)).clip(0, 255).astype(np.uint8)
    return [Image.fromarray(picture) for picture in noise]


def _faded(domain: str) -> list[Image.Image]:
    """A is emoji in grey, which can hold no colours of B: a way back can only read what is hidden."""
    pictures = _emoji("trainB")
    return [p.convert("L").convert("RGB") for p in pictures[::2]] if domain == "A" else pictures[1::2]


def _symmetric(domain: str) -> list[Image.Image]:
    """Soft blobs, whose negatives are as good members of their domain; B's are warmer, by colour only."""
    rng = np.random.default_rng(0 if domain == "A" else 1)
    pictures: list[Image.Image] = []
    for _ in range(400):
        rough = rng.normal(128, 60, (5, 5, 1)) + rng.normal(0, 5 if domain == "A" else 25, (5, 5, 3))
        pictures.append(Image.fromarray(rough.clip(0, 255).astype(np.uint8)).resize((36, 36), Image.Resampling.BICUBIC))
    return pictures


def _matrices(session: Session) -> None:
    """Generators that are one matrix of colours a pixel and begin as x → x: they learn to hide in seconds."""
    engine, ways = session.engine, session.engine.method.ways  # pyright: ignore[reportAttributeAccessIssue]
    for name in ("generator_ab", "generator_ba"):
        matrix = torch.nn.Conv2d(3, 3, 1, bias=False)
        matrix.weight.data = torch.eye(3).view(3, 3, 1, 1)
        setattr(ways, name, matrix)
    Engine.__init__(engine, engine.method, engine.config, engine.device, engine.ranks)  # its optimisers and averages


def _inverted(session: Session) -> None:
    """Generators that begin as x → −x, and so find their way back to each picture."""
    for generator in session.engine.method.generators().values():
        optimizer = torch.optim.Adam(generator.parameters(), lr=5e-3)
        for step in range(100):
            batch = session.batches.at(4 * step)
            x = to_float(torch.cat([batch.a, batch.b]))
            loss = (generator(x) + x).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()


def _with(config: Config, **groups: dict[str, Any]) -> Config:
    return replace(config, **{name: replace(getattr(config, name), **values) for name, values in groups.items()})


ROWS = {
    "healthy": Row(HEALTHY),
    "discriminator won": Row(
        _with(HEALTHY, discriminator={"width": 32}, loss={"adversarial": "vanilla"},
              optimizer={"learning_rate": 1e-6, "discriminator_learning_rate": 1e-3}),
        _noise,
    ),
    "collapse": Row(
        _with(HEALTHY, generator={"residual": False, "norm": "none"},
              loss={"adversarial": "vanilla", "lambda_a": 0.0, "lambda_b": 0.0},
              optimizer={"learning_rate": 1e-2, "discriminator_learning_rate": 1e-3}, training={"images": 400}),
    ),
    "inversion": Row(
        _with(HEALTHY, generator={"residual": False}, loss={"lambda_a": 20.0, "lambda_b": 20.0}), _symmetric, _inverted
    ),
    "cycle cheating": Row(
        _with(HEALTHY, loss={"lambda_a": 0.0, "lambda_b": 20.0},
              optimizer={"learning_rate": 0.01, "discriminator_learning_rate": 1e-3},
              training={"images": 4900, "evaluate_every": 700}),
        _faded, _matrices,
    ),
    "checkerboard": Row(_with(HEALTHY, generator={"upsample": "transposed", "residual": False})),
    "NaN": Row(_with(HEALTHY, optimizer={"learning_rate": 1e6}, generator={"norm": "none"})),
}  # fmt: skip


def _laid_out(home: Path, row: Row) -> Folders:
    """Pictures of the row as folders; the last of each domain are held out, those of tiny sets are of the demo."""
    folders: dict[str, Path] = {}
    for domain in "AB":
        pictures = row.pictures(domain)
        held = pictures[-TESTS:] if len(pictures) > 4 * TESTS else _emoji(f"test{domain}", TESTS)
        trained = pictures[:-TESTS] if len(pictures) > 4 * TESTS else pictures
        for name, some in ((f"train{domain}", trained), (f"test{domain}", held)):
            folders[name] = home / name
            folders[name].mkdir(parents=True)
            for i, picture in enumerate(some):
                picture.save(folders[name] / f"{domain}{i:03}.png")
    return Folders(a=folders["trainA"], b=folders["trainB"], test_a=folders["testA"], test_b=folders["testB"])


def provoke(name: str, home: Path) -> tuple[list[events.Event], str]:
    """Train a row in `home`; returns its evaluations and the sentence that it ended with, if with one."""
    row, run = ROWS[name], home / "run"
    session = start.begin(row.config, _laid_out(home, row), run)
    row.prepare(session)
    ended = ""
    try:
        loop.train(session)
    except UserError as error:
        ended = str(error)
    return [e for e in events.read(run) if e["kind"] == "evaluation"], ended


if __name__ == "__main__":
    torch.set_num_threads(1)
    for chosen in sys.argv[2:] or ROWS:
        place = Path(sys.argv[1]) / chosen.replace(" ", "-")
        shutil.rmtree(place, ignore_errors=True)
        began = time.process_time()
        evaluations, sentence = provoke(chosen, place)
        print(f"\n## {chosen} ({time.process_time() - began:.0f} s of a processor)")
        for event in evaluations:
            signs = {d: {k: round(v, 2) for k, v in found.items()} for d, found in event["signs"].items()}
            print(f"{event['images']:6} {signs} {event['warnings'] or ''}", flush=True)
        print(sentence, flush=True)
