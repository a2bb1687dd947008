"""Where on Earth a picture lies, by files beside it: a translation has its source's size, so it lies there, too."""

from __future__ import annotations

from pathlib import Path

from unpaired.data.files import replacing


def copy_place(source: Path, target: Path) -> None:
    """Copy the world file (scan.tfw, scan.wld) and the projection (scan.prj) of `source` beside `target`.

    A world file is named by the first and the last letter of the picture's ending. What is there already stays. Raises
    `OSError` as the system does.
    """
    if len(source.suffix) < 3 or len(target.suffix) < 3:
        return
    for before, after in ((_world(source), _world(target)), (".wld", ".wld"), (".prj", ".prj")):
        beside, place = source.with_suffix(before), target.with_suffix(after)
        if beside.is_file() and not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            with replacing(place) as file:
                file.write(beside.read_bytes())


def _world(path: Path) -> str:
    return f".{path.suffix[1]}{path.suffix[-1]}w".lower()
