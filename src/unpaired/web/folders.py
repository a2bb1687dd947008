"""Which folders of pictures a browser may train on: those below what the server's owner named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from unpaired.data.signatures import SUFFIXES
from unpaired.errors import UserError

DEPTH, MOST, LOOKED_AT = 4, 200, 4000


class Folders:
    """Folders below a few roots."""

    def __init__(self, roots: Sequence[Path]) -> None:
        """Raises `UserError` where a root is no folder."""
        for root in roots:
            if not root.is_dir():
                raise UserError(f"{root} is not a folder: name one that holds folders of pictures.")
        self.roots = [root.resolve() for root in roots]

    def chosen(self, text: str, which: str) -> Path:
        """The folder that a page names. Raises `UserError` where it is none, or lies elsewhere."""
        if "\0" in text:
            raise UserError(f"Folder {which} has no name that can be read.")
        # As on the command line, or from where the folders of pictures lie.
        tries = [(start / text.strip()).resolve() for start in (Path.cwd(), *self.roots)]
        path = next((p for p in tries if p.is_dir() and self._below(p)), tries[1])
        if not self._below(path):
            raise UserError(f"Folder {which} does not lie below {' or '.join(map(str, self.roots))}: see --pictures.")
        if not path.is_dir():
            raise UserError(f"Folder {which}, {path}, is not there.")
        return path

    def _below(self, path: Path) -> bool:
        return any(path.is_relative_to(root) for root in self.roots)

    def choices(self) -> list[str]:
        """Folders that hold pictures, to choose from: a look around, which ends early in a large place."""
        found: list[str] = []
        looked = 0
        for root in self.roots:
            for place, below, names in os.walk(root):
                depth = len(Path(place).relative_to(root).parts)
                hidden = {n for n in below if n.startswith(".") or (Path(place) / n / "run.json").exists()}
                below[:] = [] if depth >= DEPTH else sorted(set(below) - hidden)
                looked += 1
                if any(Path(n).suffix.lower() in SUFFIXES for n in names[:50]):
                    found.append(place)
                if looked >= LOOKED_AT or len(found) >= MOST:
                    return found
        return found
