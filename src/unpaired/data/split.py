"""Which pictures are held out of a training, so that it can be measured on what it has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unpaired.data.discover import Discovery

MINIMUM = 10
"""Fewer pictures than this make no distance: at 10 KID's noise already drowns most differences."""
SHARE = 0.1
"""Of the smaller training folder, where there are no test folders."""


def held_out(
    root_a: Path, files_a: Sequence[Path], root_b: Path, files_b: Sequence[Path], count: int
) -> tuple[list[int], list[int]]:
    """Indices of the `count` files of each domain that are held out.

    Names decide, by their hash: the same files give the same choice in any order and on any machine, and most of the
    choice stays when files are added. Files of one name in both domains, endings aside, may be true pairs: they are
    chosen first and together, so that no held-out picture's counterpart is trained on, and pairs can be measured.
    """
    a = [_chance(path.relative_to(root_a)) for path in files_a]
    b = [_chance(path.relative_to(root_b)) for path in files_b]
    both = sorted(set(a) & set(b))

    def chosen(chances: list[bytes]) -> list[int]:
        lowest = set(both[:count] if len(both) >= count else sorted(chances)[:count])
        return [index for index, chance in enumerate(chances) if chance in lowest]

    return chosen(a), chosen(b)


def measured(
    found: dict[str, Discovery], most: int, share: float = 1.0
) -> tuple[dict[str, Discovery], tuple[list[int], list[int]]]:
    """What of two folders is measured, and its indices: `most` pictures of each, no more than a share of the smaller.

    Nothing, where that would be too few for a distance.
    """
    a, b = found["a"], found["b"]
    count = min(most, int(share * min(len(a.files), len(b.files))))
    if count < MINIMUM:
        return {}, ([], [])
    chosen = held_out(a.folder, a.files, b.folder, b.files, count)
    return {
        domain: replace(found[domain], files=tuple(found[domain].files[i] for i in indices))
        for domain, indices in zip(("a", "b"), chosen, strict=True)
    }, chosen


def _chance(name: Path) -> bytes:
    return hashlib.sha256(name.with_suffix("").as_posix().encode("utf-8", "surrogateescape")).digest()
