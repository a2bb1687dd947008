"""Where on Earth a picture lies, by files beside it: a translation has its source's size, so it lies there, too."""

from __future__ import annotations

from pathlib import Path

from unpaired.data.beside import place_names
from unpaired.data.files import replacing


def copy_place(source: Path, target: Path) -> None:
    """Copy the world file (scan.tfw, scan.wld) and the projection (scan.prj) of `source` beside `target`, whose world
    file is named by its own ending. What is there already stays. Raises `OSError` as the system does.
    """
    for beside, place in zip(place_names(source), place_names(target), strict=False):
        if beside.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as file:
                file.write(beside.read_bytes())
