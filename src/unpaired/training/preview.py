"""Pictures of how far a training is: the same few inputs, translated with the averaged weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unpaired.config import DIRECTIONS, Config, Direction, reverse, source, target
from unpaired.data.decode import resized, seen
from unpaired.data.layout import cut, part_of
from unpaired.data.pixels import read_bytes
from unpaired.data.scale import scale_of
from unpaired.data.show import visible
from unpaired.data.tensors import to_float, to_uint8
from unpaired.errors import UserError
from unpaired.report.grid import preview_grid, spread
from unpaired.training.engine import Engine

ROWS = 6

Pictures = NDArray[Any]
"""(H, W, C) of a generator's input or output: uint8, or float32 in [-1, 1] where the domain has a scale of its own."""


class Preview:
    """A few pictures of each domain, from the test folders where there are some, and the grids made of them."""

    def __init__(self, files: Mapping[Direction, Sequence[Path]], config: Config, run: Path, *, tests: bool) -> None:
        """`files` are what to choose from as input of each direction; `tests` says that both are test folders'."""
        names_a, names_b = ({p.stem: p for p in files[direction]} for direction in DIRECTIONS)
        pairs = sorted(names_a.keys() & names_b.keys())
        # Names in both test folders are true pairs: show them side by side.
        self.paired = tests and len(pairs) >= ROWS
        shown_a = readable([names_a[k] for k in spread(pairs if self.paired else sorted(names_a), ROWS)], config, "a2b")
        shown_b = readable([names_b[k] for k in spread(pairs if self.paired else sorted(names_b), ROWS)], config, "b2a")
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
    training = generator.training
    generator.eval()
    batch = torch.from_numpy(np.stack(pictures).transpose(0, 3, 1, 2)).to(engine.device)
    fakes = generator(to_float(batch)).float()
    if scale_of(engine.config.data, target(direction)) is None:
        fakes = to_uint8(fakes)
    generator.train(training)
    return list(fakes.cpu().numpy().transpose(0, 2, 3, 1))


def readable(paths: Sequence[Path], config: Config, direction: Direction) -> dict[str, Pictures]:
    """Those of `paths` that can be read, by their names without suffix. The others were named when the cache was
    built, or will be by `unpaired evaluate`; a damaged test picture is no reason not to train.
    """
    found: dict[str, Pictures] = {}
    for path in paths:
        with suppress(UserError):
            found[path.stem] = load(path, config, direction)
    return found


def pages(paths: Sequence[Path], config: Config, direction: Direction, count: int) -> list[Pictures]:
    """At most `count` pictures of `paths`, where they can be read; of files with several pages as many as it takes."""
    files = spread(paths, count)
    found: list[Pictures] = []
    for path in files:
        with suppress(UserError):
            found += loaded(path, config, direction, max(1, count // len(files)))
    return found


def load(path: Path, config: Config, direction: Direction) -> Pictures:
    """The picture at `path` (of several pages, the middle one) as the generator of `direction` takes it:
    (crop, crop, C).
    """
    return loaded(path, config, direction, 1)[0]


def loaded(path: Path, config: Config, direction: Direction, most: int) -> list[Pictures]:
    """At most `most` pages of the file at `path`, evenly spread. `UserError` where it is none of the domain's."""
    data, channels, side = config.data, config.channels(direction)[0], config.data.crop
    domain = source(direction)
    pages = seen(read_bytes(path), path, background=data.background, channels=channels, axis=data.axis).pages
    scale = scale_of(data, domain)
    if pages.shape[3] != channels or (scale is None and pages.dtype != np.uint8):
        raise UserError(f"{path} has {pages.shape[3]} bands of {pages.dtype}, and is none of the run's pictures.")
    chosen = [len(pages) // 2] if most == 1 else spread(range(len(pages)), most)
    cuts = [resized(cut(pages[i], part_of(data.layout, domain)), side, side) for i in chosen]
    return cuts if scale is None else [scale.to_network(values) for values in cuts]
