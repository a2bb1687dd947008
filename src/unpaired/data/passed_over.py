"""Why files are passed over, of what kind each reason is, and how people are told."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from unpaired.text import counted

Kind = Literal["hidden", "system", "sidecar", "mask", "unusable"]


class Reason(str):
    """A sentence without its subject (hidden, empty (0 bytes), a sidecar of scan.png; not used) that knows of what kind
    it is: what is done about a file follows from the kind, never from the words."""

    kind: Kind

    def __new__(cls, said: str, kind: Kind = "unusable") -> Reason:
        reason = super().__new__(cls, said)
        reason.kind = kind
        return reason

    @property
    def minor(self) -> bool:
        """Whether such files are counted rather than named: nobody misses them."""
        return self.kind in ("hidden", "system", "sidecar")

    @property
    def meant(self) -> bool:
        """Whether the file may have been meant to be used, were it only named and made like a picture."""
        return self.kind not in ("hidden", "mask")


HIDDEN = Reason("hidden", "hidden")
OF_SYSTEM = Reason("made by the system", "system")
MASK_USE = "used as such with --masks, --masks-a or --masks-b"


def sidecar(picture: str, *, copied: bool) -> Reason:
    """Of what only describes a picture; what says where on Earth it lies is copied beside translations."""
    return Reason(f"a sidecar of {picture}; {'copied beside its translation' if copied else 'not used'}", "sidecar")


def mask(picture: str) -> Reason:
    return Reason(f"a mask of {picture}, by its name; {MASK_USE}", "mask")


def tell(
    passed: Iterable[tuple[Path | str, Reason]], how: str = "Skipped", *, named: int = sys.maxsize, where: str = ""
) -> Iterator[str]:
    """Lines that say what was passed over: so many files are `named` with their reasons, the others counted; `where`
    ends the sentence about those (": the manifest says why")."""
    other = minor = 0
    for path, why in passed:
        if why.minor:
            minor += 1
        elif (other := other + 1) <= named:
            yield f"{how} {path}: {why}"
    if other > named:
        yield f"{how} {other - named:,} more{where}."
    if minor:
        yield f"Passed over {counted(minor, 'sidecar')}, hidden files and such."
