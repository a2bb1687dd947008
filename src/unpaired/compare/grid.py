"""The same pictures through several runs, as one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from unpaired.config import Config, Direction, Domain, source, target
from unpaired.data.grid import preview_grid, spread
from unpaired.evaluation.run import read_pages, showing
from unpaired.run.record import RunRecord
from unpaired.translation.translator import Translator

ROWS = 6


def side_by_side(
    runs: Mapping[str, Path], files: Sequence[Path], direction: Direction, device: str
) -> Image.Image | None:
    """A few of `files` in a column, and in one more for each run, by name, what it makes of them; None where no run
    translates in that direction.
    """
    chosen = spread(files, ROWS)
    columns: dict[str, list[Any]] = {}
    for name, run in runs.items():
        config, translator = RunRecord.read(run).config, Translator.load(run, device=device)
        if direction not in translator.directions:
            continue
        inputs = [page for path in chosen for page in read_pages(path, config, source(direction), most=1)]
        made = translator.translate_arrays(inputs, direction)
        if not columns:
            columns["input"] = _shown(config, source(direction), inputs)
        columns[name] = _shown(config, target(direction), made)
    return preview_grid(list(columns.values()), list(columns)) if columns else None


def _shown(config: Config, domain: Domain, pictures: Sequence[NDArray[Any]]) -> list[Any]:
    """Pictures of a domain as 8-bit colours."""
    show = showing(config, {domain: pictures}).get(domain)
    return list(show(pictures) if show else pictures)
