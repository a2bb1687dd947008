"""Train the network of the FCN score on real photos and their label maps: `unpaired evaluate fcn train`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from unpaired.compute.device import choose_device
from unpaired.data.decode import decode, resized
from unpaired.data.discover import discover
from unpaired.data.layout import pairs_by_name
from unpaired.errors import UserError
from unpaired.evaluation.fcn import Facts, FCN8s, Judge
from unpaired.evaluation.features import to_tensor
from unpaired.evaluation.labels import CITYSCAPES, VOID, Colour, LabelScores, check_colours, counted, nearest, scores
from unpaired.evaluation.pictures import Picture
from unpaired.evaluation.shelf import Shelf
from unpaired.networks import efficientnet

FEWEST = 10
"""Pairs without which nothing can be learnt."""
BATCH = 8
HELD_OUT = 0.05
"""Share of the pairs that is kept from training, to say how good the network is."""
RATE = 1e-3
"""Of the layers that score; the classifier's own learn at a tenth of it."""


def train_fcn(
    photos: Path,
    maps: Path,
    *,
    side: int,
    minutes: float,
    images: int | None = None,
    palette: Mapping[str, Colour] = CITYSCAPES,
    void: Colour | None = VOID,
    seed: int = 0,
    device: str = "auto",
    tell: Callable[[str], None] = lambda _: None,
) -> tuple[Judge, LabelScores]:
    """The trained network, and its scores on a twentieth of the pairs that it was not trained on.

    Args:
        photos, maps: folders whose files of one name belong together.
        side: side in px of the pictures that are to be judged, `config.data.crop` of a run.
        minutes: how long, on this machine; `images` ends it earlier.
        palette, void: the colours of the label maps.
        seed: of the split, the order, the flips and the first weights.

    Raises:
        UserError: folders without pictures or pairs, a picture that can't be read, label maps of another palette.
    """
    if side < 16:
        raise UserError(f"size {side} px is below 16 px.")
    if not minutes > 0:
        raise UserError(f"minutes {minutes:g} is not above 0.")
    tell("reading photos and label maps")
    x, y = _read(photos, maps, side, palette, void)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(x))
    kept = max(2, round(HELD_OUT * len(x)))
    chosen, held_out = order[kept:], order[:kept]
    torch.manual_seed(seed)
    where = choose_device(device)
    network = FCN8s(efficientnet.load("lite0").requires_grad_(True), len(palette))
    judge = Judge(network.to(memory_format=torch.channels_last), Facts(classes=[*palette], side=side), where)  # pyright: ignore
    seen = _fit(judge, x, y, chosen, minutes, images, rng, tell)
    counts = np.zeros((len(palette), len(palette) + 1), dtype=np.int64)
    for index in np.sort(held_out):
        counts += counted(judge(x[index : index + 1])[0], y[index].astype(np.int64), len(palette))
    reached = scores(counts, palette)
    judge.facts = Facts(classes=[*palette], side=side, images=seen, held_out=list(reached.three()))
    return judge, reached


def _fit(
    judge: Judge, x: Shelf, y: Shelf, chosen: NDArray[np.int64], minutes: float, images: int | None,
    rng: np.random.Generator, tell: Callable[[str], None],
) -> int:  # fmt: skip
    """Cross-entropy of every labelled pixel, Adam, the rate falling as a cosine with the share of the plan that is
    done. Gives the photos seen."""
    network, classes = judge.network, len(judge.classes)
    backbone = [*network.backbone.parameters()]
    heads = [p for name, p in network.named_parameters() if not name.startswith("backbone.")]
    groups = [{"params": heads, "lr": RATE, "peak": RATE}, {"params": backbone, "lr": RATE / 10, "peak": RATE / 10}]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-4)
    network.train()
    start, seen = time.monotonic(), 0
    queue = np.empty(0, np.int64)
    while True:
        done = max((time.monotonic() - start) / (60 * minutes), seen / images if images else 0)
        if done >= 1:
            break
        if len(queue) < BATCH:
            queue = np.concatenate([queue, rng.permutation(chosen)])
        batch, queue = queue[:BATCH], queue[BATCH:]
        photos, truth = to_tensor(x[batch]), torch.from_numpy(y[batch].astype(np.int64))
        flip = torch.from_numpy(rng.random(len(batch)) < 0.5)
        photos = torch.where(flip.view(-1, 1, 1, 1), photos.flip(3), photos).to(judge.device)
        truth = torch.where(flip.view(-1, 1, 1), truth.flip(2), truth).to(judge.device)
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * 0.5 * (1 + math.cos(math.pi * done))
        loss = F.cross_entropy(judge.logits(photos), truth, ignore_index=classes, reduction="sum")
        loss = loss / (truth < classes).sum().clamp(min=1)
        if not math.isfinite(value := float(loss.detach())):
            raise UserError("Training the FCN failed: its loss was not a finite number. Please report it as a bug.")
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        seen += len(batch)
        tell(f"{seen:,} photos seen, {done:.0%} of the plan: loss {value:.3f}")
    network.eval()
    return seen


def _read(
    photos: Path, maps: Path, side: int, palette: Mapping[str, Colour], void: Colour | None
) -> tuple[Shelf, Shelf]:
    """Photos (N, side, side, 3), and the class of each pixel (N, side, side), of the pairs by name."""
    files, labels = list(discover(photos).files), list(discover(maps).files)
    pairs = pairs_by_name(photos, files, maps, labels)
    if len(pairs) < FEWEST:
        raise UserError(
            f"{len(pairs)} of the files of {photos} have the name of one in {maps}: "
            f"an FCN learns from at least {FEWEST} pairs."
        )
    x, y = Shelf((side, side, 3), np.uint8), Shelf((side, side), np.uint8)
    sample: list[Picture] = []
    for index, (i, j) in enumerate(pairs):
        photo, label = decode(files[i]), decode(labels[j])
        for path, found in ((files[i], photo), (labels[j], label)):
            if found.dtype != np.uint8 or found.shape[2] != 3:
                raise UserError(f"{path} is not a picture of 8 bits: an FCN learns from such only.")
        x.append(resized(photo, side, side)[None])
        picture = resized(label, side, side, Image.Resampling.NEAREST)
        y.append(nearest(picture, palette, void)[None].astype(np.uint8))
        if index < 50:
            sample.append(picture)
        if index == min(len(pairs), 50) - 1:
            check_colours(sample, palette, void)
    return x, y
