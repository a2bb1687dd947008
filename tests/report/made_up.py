"""A made-up but complete run folder, to see what a report makes of one."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import Config
from unpaired.config_json import to_dict
from unpaired.data.grid import preview_grid

Picture = NDArray[np.uint8]


def face(number: int, depth: float, side: int = 64) -> Picture:
    """A disc with two eyes: flat at depth 0, shaded like a ball at depth 1."""
    rng = np.random.default_rng(number)
    hue = rng.uniform(60, 255, 3)
    y, x = np.mgrid[0:side, 0:side] / (side - 1) * 2 - 1
    inside = np.clip((0.85 - np.hypot(x, y)) * side / 2, 0, 1)[..., None]
    light = np.clip(1.15 - 0.75 * np.hypot(x + 0.35, y + 0.4), 0.25, 1.3)[..., None]
    colour = hue * (1 - depth + depth * light)
    for eye in (-0.32, 0.32):
        spot = np.clip((0.13 - np.hypot(x - eye, (y + 0.15) / (1 + number % 2))) * side / 2, 0, 1)[..., None]
        colour = colour * (1 - spot) + 40 * spot
    return np.clip(255 * (1 - inside) + colour * inside, 0, 255).astype(np.uint8)


def make_run(run: Path, *, seed: int = 0, ended: bool = True, rows: int = 5) -> Path:
    """Write RUN/run.json, events.jsonl and previews as a training would."""
    rng = np.random.default_rng(seed)
    (run / "previews").mkdir(parents=True)
    facts: dict[str, Any] = {
        "format": 1, "config": to_dict(Config()), "preset": "demo", "title": "Flat ↔ 3D emoji",
        "folders": {"a": "/data/emoji/flat", "b": "/data/emoji/3d",
                    "test_a": "/data/emoji/test flat", "test_b": "/data/emoji/test3d"},
        "counts": {"a": 741, "b": 740},
        "credits": "Flat drawings: Twemoji, CC-BY 4.0. 3D renderings: Fluent Emoji by Microsoft, MIT.",
        "provenance": {"unpaired": "0.1.0", "python": "3.11.2", "torch": "2.13.0+cpu",
                       "device": "cpu, 2 cores",
                       "precision": "float32", "command": "unpaired demo --minutes 5"},
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(facts))
    lines: list[dict[str, Any]] = []

    def tell(kind: str, images: int, **more: Any) -> None:
        lines.append({"kind": kind, "time": 1.7e9 + images / 40, "images": images, "seconds": images / 40, **more})

    total = 12_000
    tell("start", 0)
    for images in range(80, total + 1, 80):
        done = images / total

        def noisy(level: float) -> float:
            return float(level * rng.lognormal(0, 0.18))

        terms = {
            "gan_ab": noisy(0.9 + 0.5 * done), "gan_ba": noisy(1.1 + 0.3 * done),
            "discriminator_a": noisy(0.8 - 0.25 * done), "discriminator_b": noisy(0.75 - 0.15 * done),
            "cycle_a": noisy(0.05 + 0.4 * math.exp(-8 * done)),
            "cycle_b": noisy(0.07 + 0.45 * math.exp(-6 * done)),
            "identity_a": noisy(0.04 + 0.3 * math.exp(-9 * done)),
            "identity_b": noisy(0.05 + 0.3 * math.exp(-7 * done)),
        }  # fmt: skip
        tell(
            "progress",
            images,
            terms=terms,
            rate=40.0,
            learning_rate=4e-4 * min(1, 2 * (1 - done)),
            done=done,
            joules=120.0,
        )
        if images % 1200 == 0:
            files: dict[str, str] = {}
            for direction, (start, end) in {"a2b": (0.0, 1.0), "b2a": (1.0, 0.0)}.items():
                now = start + (end - start) * done
                columns = [[face(n, d) for n in range(rows)] for d in (start, now, start + 0.1 * (end - start), end)]
                files[direction] = f"previews/{images:09d}-{direction}.png"
                preview_grid(columns, ["input", "translation", "reconstruction", "true pair"]).save(
                    run / files[direction]
                )
            tell("preview", images, files=files)
        if images % 2400 == 0:
            tell("checkpoint", images, folder=f"checkpoints/images-{images:09d}")
            told = {d: {k: v * (1 + done) for k, v in SIGNS.items()} for d in ("a2b", "b2a")}
            shown = gallery(run, images) if images > 9000 else {}
            tell(
                "evaluation", images, result=evaluation(done), value=0.036 - 0.017 * done, spread=0.002, took=3.0,
                measure="KID (EfficientNet-Lite0) of 100 pictures", best=images == 9600, signs=told, gallery=shown,
            )  # fmt: skip
    if ended:
        tell("trust", total, gallery=gallery(run, total, columns=2), limit=99.0)
        tell("end", total, reason="minutes")
    (run / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return run


SIGNS = {"diversity": 0.5, "light": 0.6, "checkerboard": 1.2, "hidden": 1.0, "draw": 0.4}


def gallery(run: Path, images: int, columns: int = 3) -> dict[str, Any]:
    """What `training.gallery` leaves and tells."""
    (run / "evaluations").mkdir(exist_ok=True)
    told: dict[str, Any] = {}
    for direction, (start, end) in {"a2b": (0.0, 1.0), "b2a": (1.0, 0.0)}.items():
        rows = [
            np.concatenate([face(n, d) for d in (start, (start + end) / 2, end)[:columns]], axis=1) for n in range(6)
        ]
        file = f"evaluations/{images:09d}-{columns}-{direction}.png"
        Image.fromarray(np.concatenate(rows)).save(run / file)
        names = [{"name": f"face {n}", "distance": 0.1 + 0.02 * n} for n in range(6)]
        told[direction] = {"file": file, "columns": columns, "by": "mean distance to the counterpart", "rows": names}
    return told


def evaluation(done: float) -> dict[str, Any]:
    """What `Evaluation.to_dict` gives."""

    def scores(kid: float) -> dict[str, Any]:
        def score(
            ours: float, nothing: float | None, floor: float | None, better: str = "lower", **more: Any
        ) -> dict[str, Any]:
            return {
                "translator": ours,
                "do_nothing": nothing,
                "floor": floor,
                "spread": None,
                "better": better,
                "note": "",
                **more,
            }

        return {
            "inputs": 371, "reals": 371, "pairs": 371, "left_out": [],
            "measures": {
                "KID (EfficientNet-Lite0)": score(kid, 0.036, 0.0, spread=0.002),
                "FID (EfficientNet-Lite0)": score(
                    31.2, 58.9, 22.4, note="biased upward: 371 pictures for 1280 features"),
                "sliced Wasserstein ×1000": score(14.1, 35.6, 3.2),
                "L1 to true pairs": score(0.164, 0.162, None),
                "PSNR to true pairs (dB)": score(13.1, 12.8, None, "higher"),
                "SSIM to true pairs": score(0.61, 0.58, None, "higher"),
                "L1 there and back": score(0.021, None, None),
            },
        }  # fmt: skip

    return {
        "extractor": "EfficientNet-Lite0", "side": [64, 64],
        "directions": {"a2b": scores(0.036 - 0.027 * done), "b2a": scores(0.036 - 0.008 * done)},
    }  # fmt: skip
