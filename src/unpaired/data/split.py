"""Which pictures are held out of a training, so that it can be measured on what it has not seen."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path


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


def _chance(name: Path) -> bytes:
    return hashlib.sha256(name.with_suffix("").as_posix().encode("utf-8", "surrogateescape")).digest()
