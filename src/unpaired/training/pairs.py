"""Pictures that belong together, for methods that learn from pairs."""

from __future__ import annotations

from pathlib import Path

from unpaired.data.cache import Cache
from unpaired.data.layout import pairs_by_name
from unpaired.data.passed_over import Reason
from unpaired.errors import UserError

Pairs = list[tuple[int, int]]
"""(index in A, index in B)."""


def find_pairs(method: str, root_a: Path, cache_a: Cache, root_b: Path, cache_b: Cache) -> Pairs:
    """Files of one name. Raises `UserError` where there are none."""
    pairs = pairs_by_name(root_a, cache_a.files, root_b, cache_b.files)
    if not pairs:
        raise UserError(
            f"{method} learns from pairs, but no file in {root_a} has the name of one in {root_b}: "
            "name pairs alike, or take a method that needs none."
        )
    return pairs


def unpaired_files(cache_a: Cache, cache_b: Cache, pairs: Pairs) -> list[tuple[Path, Reason]]:
    """What is left out of a training on pairs, and why."""
    alone = Reason("no picture of that name on the other side")
    found: list[tuple[Path, Reason]] = []
    for side, cache in enumerate((cache_a, cache_b)):
        paired = {pair[side] for pair in pairs}
        found += [(path, alone) for i, path in enumerate(cache.files) if i not in paired]
    return found
