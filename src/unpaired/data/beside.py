"""Files that are no pictures to translate but belong to one: masks, world files, sidecars."""

from __future__ import annotations

import os
import re
from pathlib import Path

from unpaired.data.passed_over import Reason, mask, sidecar
from unpaired.data.signatures import SUFFIXES

_MASK = re.compile(r"(.+)[-_.](?:mask|masks|seg|segmentation)", re.IGNORECASE)
_PLACE = {".tfw", ".jgw", ".pgw", ".bpw", ".gfw", ".wld", ".prj"}
_SIDECARS = {".json", ".xml", ".txt", ".yaml", ".yml", ".csv", ".xmp", *_PLACE}


def place_names(picture: Path) -> list[Path]:
    """What a file may be called that says where on Earth a picture lies: the world file, whose ending is the first and
    the last letter of the picture's and a w (scan.tfw of scan.tif), or scan.wld; and the projection, scan.prj. Endings
    may be in capitals.
    """
    if len(picture.suffix) < 3:
        return []
    endings = (f".{picture.suffix[1]}{picture.suffix[-1]}w".lower(), ".wld", ".prj")
    return [picture.with_suffix(written) for ending in endings for written in (ending, ending.upper())]


def masked(name: str) -> str | None:
    """Whose mask a file is, by its name without ending, if any's: `horse` of `horse-mask` and the like."""
    found = _MASK.fullmatch(name)
    return found and found[1]


def beside(name: str, pictures: dict[str, list[str]]) -> Reason | None:
    """What a file is that only belongs to a picture of its folder (given by their names without ending), or None."""
    stem, suffix = os.path.splitext(name)
    if (of := masked(stem.removesuffix(".nii"))) in pictures and suffix.lower() in SUFFIXES:
        return mask(pictures[of][-1])
    if suffix.lower() not in _SIDECARS:
        return None
    inner = stem.removesuffix(".aux")  # scan.json, scan.png.json, scan.png.aux.xml
    if of := pictures.get(inner) or pictures.get(os.path.splitext(inner)[0]):
        placed = next((picture for picture in of if Path(name) in place_names(Path(picture))), None)
        return sidecar(placed or of[-1], copied=placed is not None)
    return None
