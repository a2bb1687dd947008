"""Pictures of how far a training is: the same few inputs, translated with the averaged weights."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unpaired.config import DIRECTIONS, Config, Direction, reverse, source, target
from unpaired.data.domain import pages
from unpaired.data.grid import preview_grid, spread
from unpaired.data.scale import scale_of
from unpaired.data.show import visible
from unpaired.data.tensors import to_float, to_uint8
from unpaired.errors import UserError
from unpaired.networks.attention import AttentionMap, AttentiveGenerator
from unpaired.training.engine import Engine

ROWS = 6
LARGER = 256
"""Pixels of a preview of pictures that are not resized, at least; a multiple of what any generator takes."""

Pictures = NDArray[Any]
"""(H, W, C) of a generator's input or output: uint8, or float32 in [-1, 1] where the domain has a scale of its own."""


class Preview:
    """A few pictures of each domain, none of those that are trained on where others are there, and their grids."""

    def __init__(self, files: Mapping[Direction, Sequence[Path]], config: Config, run: Path, *, unseen: bool) -> None:
        """`files` are what to choose from as input of each direction; `unseen` says that none is trained on."""
        names_a, names_b = ({p.stem: p for p in files[direction]} for direction in DIRECTIONS)
        pairs = sorted(names_a.keys() & names_b.keys())
        # Names in both domains are true pairs: show them side by side.
        self.paired = unseen and len(pairs) >= ROWS
        # What trains on small crops of whole pictures is looked at on larger ones.
        side = max(config.data.crop, LARGER) if config.data.resize == "none" else config.data.crop

        def chosen(names: dict[str, Path], direction: Direction) -> dict[str, Pictures]:
            keys = spread(pairs if self.paired else sorted(names), ROWS)
            return readable([names[k] for k in keys], config, direction, side)

        shown_a, shown_b = chosen(names_a, "a2b"), chosen(names_b, "b2a")
        if self.paired:
            both = [k for k in shown_a if k in shown_b]
            shown_a, shown_b = {k: shown_a[k] for k in both}, {k: shown_b[k] for k in both}
        self.inputs: dict[Direction, list[Pictures]] = {"a2b": [*shown_a.values()], "b2a": [*shown_b.values()]}
        self.run = run

    def write(self, engine: Engine, images: int) -> dict[str, str]:
        """Write RUN/previews/IMAGES-DIRECTION.png for each direction; returns their paths within the run."""
        folder = self.run / "previews"
        folder.mkdir(exist_ok=True)
        files: dict[str, str] = {}
        for direction, columns in self.columns(engine).items():
            path = folder / f"{images:09d}-{direction}.png"
            preview_grid(list(columns.values()), list(columns)).save(path)
            files[direction] = str(path.relative_to(self.run))
        return files

    def columns(self, engine: Engine) -> dict[Direction, dict[str, list[Pictures]]]:
        """Input, translation, reconstruction (where there is a way back) and true pair, by direction."""
        networks, names = engine.translators(), engine.method.translators
        grids: dict[Direction, dict[str, list[Pictures]]] = {}
        for direction, name in names.items():
            back = reverse(direction)
            inputs = self.inputs[direction]
            if not inputs:
                continue  # none of the few that were chosen can be read
            fakes = translate(networks[name], inputs, engine, direction)
            reals = self.inputs[back]  # what a translation is shown beside
            columns = {"input": visible(inputs), "translation": visible(fakes, reals)}
            if isinstance(generator := networks[name], AttentiveGenerator):
                columns["attention"] = attention(generator, inputs, engine)
            if back in names:
                columns["there and back"] = visible(translate(networks[names[back]], fakes, engine, back), inputs)
            if self.paired:
                columns["true pair"] = visible(reals)
            grids[direction] = columns
        return grids


@torch.inference_mode()
def translate(
    generator: torch.nn.Module, pictures: Sequence[Pictures], engine: Engine, direction: Direction
) -> list[Pictures]:
    """Translate pictures of one size with a generator in evaluation mode."""
    fakes = _through(generator, pictures, engine)
    if scale_of(engine.config.data, target(direction)) is None:
        fakes = to_uint8(fakes)
    return list(fakes.cpu().numpy().transpose(0, 2, 3, 1))


@torch.inference_mode()
def attention(generator: AttentiveGenerator, pictures: Sequence[Pictures], engine: Engine) -> list[Pictures]:
    """Where a generator paints pictures of one size anew: grey, from black (nowhere) to white."""
    maps = to_uint8(_through(AttentionMap(generator), pictures, engine))
    return visible(list(maps.cpu().numpy().transpose(0, 2, 3, 1)))


def _through(network: torch.nn.Module, pictures: Sequence[Pictures], engine: Engine) -> torch.Tensor:
    """What a network in evaluation mode makes of pictures of one size, float (N, C, H, W)."""
    batch = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2)).to(engine.device)
    with evaluating(network):
        return network(to_float(batch)).float()


@contextmanager
def evaluating(network: torch.nn.Module) -> Generator[None]:
    """Inside, the network is in evaluation mode."""
    training = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(training)


def readable(
    paths: Sequence[Path], config: Config, direction: Direction, side: int | None = None
) -> dict[str, Pictures]:
    """Those of `paths` that can be read, by their names without suffix. The others were named when the cache was
    built, or will be by `unpaired evaluate`; a damaged test picture is no reason not to train.
    """
    found: dict[str, Pictures] = {}
    for path in paths:
        with suppress(UserError):
            (found[path.stem],) = pages(path, config.data, source(direction), most=1, side=side)
    return found
