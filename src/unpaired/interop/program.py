"""A generator as a program of tensors, for other runtimes: any batch, any height and width of its multiple."""

from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from torch.fx.experimental import _config

from unpaired.config import Direction
from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.networks.palette import SHARPNESS, PaletteGenerator
from unpaired.translation.translator import Translator
from unpaired.translation.weights import sample

TOLERANCE = 1e-4
"""By how much another runtime may differ, in pictures of -1 to 1."""
ROUGHNESS = 10.0
"""How much larger rounding may be seen where places are taken from between others."""


class Translation(nn.Module):
    """(N, C, H, W) in [-1, 1] → (N, C', H, W) in [-1, 1], H and W multiples of the network's `multiple`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, picture: Tensor) -> Tensor:
        return self.network(picture).clamp(-1, 1)  # a residual generator goes a little beyond


def exported(translator: Translator, direction: Direction) -> ExportedProgram:
    """The generator of a translator on the CPU in float32, traced by `torch.export` with a dynamic batch and size."""
    network = translator.generator(direction)
    multiple = cast(int, network.multiple)
    # A U-Net's multiple may be the whole picture; others need two, to have something to reflect or normalise.
    least = 1 if multiple > 16 else 2
    height, width = multiple * Dim("h", min=least, max=8192), multiple * Dim("w", min=least, max=8192)
    shapes = {"picture": {0: Dim("n", min=1, max=1024), 2: height, 3: width}}
    with quiet(), torch.no_grad(), _sizes_of_one():
        return torch.export.export(
            Translation(network).eval(), (sample(translator, direction, 2, 3, 4),), dynamic_shapes=shapes
        )


def facts(translator: Translator, direction: Direction) -> dict[str, str]:
    """What whoever runs the program has to know, as text."""
    inputs, outputs = translator.config.channels(direction)
    colours = {1: "grey", 3: "RGB"}
    return {
        "producer": "unpaired", "direction": direction, "layout": "NCHW", "range": "-1 1",
        "channels_in": str(inputs), "channels_out": str(outputs),
        "colours_in": colours.get(inputs, "bands"), "colours_out": colours.get(outputs, "bands"),
        "multiple": str(translator.generator(direction).multiple), "images_seen": str(translator.images_seen),
    }  # fmt: skip


def write_pt2(translator: Translator, direction: Direction, path: Path) -> float:
    """Write a `torch.export` program, whole or not at all, with its facts as `unpaired.json` in it.

    Returns the largest difference between its translations, read back, and the translator's. Raises `UserError` where
    that is above `TOLERANCE`.
    """
    program = exported(translator, direction)
    buffer = io.BytesIO()
    with quiet():
        torch.export.save(program, buffer, extra_files={"unpaired.json": json.dumps(facts(translator, direction))})
        content = buffer.getvalue()
        module = torch.export.load(io.BytesIO(content)).module()
    with torch.no_grad():
        apart = difference(translator, direction, lambda x: cast(Tensor, module(x)))
    with replacing(path) as file:
        file.write(content)
    return apart


def difference(translator: Translator, direction: Direction, run: Callable[[Tensor], Tensor]) -> float:
    """How far `run` is from the translator at most, on other sizes and batches than it was traced with. Raises
    `UserError` where that is above `TOLERANCE`.
    """
    found: list[float] = []
    network = translator.generator(direction)
    usual = max(1, round(64 / cast(int, network.multiple)))  # 64 px
    # Which colour a place takes is decided so sharply that rounding is seen as much larger; and where places are taken
    # from is rounded, too, in a picture of noise.
    tolerance = TOLERANCE * (SHARPNESS if isinstance(network, PaletteGenerator) else 1)
    tolerance *= ROUGHNESS if translator.config.generator.warp else 1
    for count, rows, columns in ((1, usual, usual), (3, usual + 1, usual + 2)):
        x = sample(translator, direction, count, rows, columns)
        found.append(float((run(x) - translator.translate(x, direction)).abs().max()))
        if not found[-1] <= tolerance:  # nor is NaN
            raise UserError(
                f"The exported network's translations differ from this one's by {found[-1]:.1e}, more than "
                f"{tolerance:g}: it was not written."
            )
    return max(found)


def _sizes_of_one() -> AbstractContextManager[object]:
    """Inside, a program is traced as one for maps of one place, too, as the innermost of a U-Net is: without it torch's
    questions about the layout of memory leave a guard that refuses them. (torch's own exporter to ONNX does the same.)
    """
    known = hasattr(_config, "backed_size_oblivious")  # versions without it have no such guards
    return _config.patch(backed_size_oblivious=True) if known else nullcontext()  # pyright: ignore[reportAttributeAccessIssue]


@contextmanager
def quiet() -> Generator[None]:
    """Exporters tell of what they leave out and of Python's deprecations; nobody here can do anything about it."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
