"""The one file that may be fetched: VGG-19's weights, when a person asks for it, checked and kept."""

from __future__ import annotations

import hashlib
import urllib.request
from pathlib import Path

from unpaired.data.files import default_cache_dir, replacing
from unpaired.errors import UserError

VGG19 = "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth"
"""Torchvision's weights, 548 MB; as with all of its files, the name ends with the start of the file's SHA-256."""
BLOCK = 1 << 20


def vgg19(*, download: bool) -> Path:
    """The file, in the cache folder; fetched first where it is missing and may be.

    Raises `UserError` where it is missing and may not be fetched, can't be, or arrives damaged: then nothing is left.
    """
    path = default_cache_dir() / "weights" / VGG19.rpartition("/")[2]
    if path.exists():
        return path
    if not download:
        raise UserError(
            f"The weights of VGG-19 are not here: get {VGG19} (548 MB) and give that file in place of vgg19, or have "
            "it fetched with unpaired style CONTENT STYLE --out FILE --eyes vgg19 --download: trainings find it, too."
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(VGG19, timeout=60) as answer, replacing(path) as file:
            digest = hashlib.sha256()
            while block := answer.read(BLOCK):
                digest.update(block)
                file.write(block)
            if not digest.hexdigest().startswith(path.stem.rpartition("-")[2]):
                raise UserError(f"{VGG19} arrived damaged: try again, or name a file in place of vgg19.")
    except OSError as e:  # urllib's own errors are OSErrors
        raise UserError(f"{VGG19} can't be fetched to {path.parent} ({e}): name a file in place of vgg19.") from e
    return path
