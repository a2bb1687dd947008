"""Pictures that belong together, for methods that learn from pairs."""

from __future__ import annotations

from pathlib import Path

from unpaired.data.cache import Cache
from unpaired.data.layout import pairs_by_name
from unpaired.data.passed_over import Reason
from unpaired.errors import UserError
from unpaired.text import counted

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


def unlike_shapes(cache_a: Cache, cache_b: Cache, pairs: Pairs) -> list[str]:
    """What to look at where files of a pair have other proportions: resizing both to a square moves what they show."""
    unlike = [(i, j) for i, j in pairs if not _same_proportions(cache_a.sizes[i], cache_b.sizes[j])]
    if not unlike:
        return []
    i, j = unlike[0]
    (width, height), (other_width, other_height) = cache_a.sizes[i], cache_b.sizes[j]
    return [
        f"   {counted(len(unlike), 'pair')} of unlike proportions, such as {cache_a.files[i]} of {width}×{height} px "
        f"and {cache_b.files[j]} of {other_width}×{other_height} px: each is stretched to a square; cut both to the "
        "same view if they do not show it."
    ]


def _same_proportions(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Within a pixel of what scaling one (width, height) to the other would give."""
    return abs(one[0] * other[1] - other[0] * one[1]) <= max(*one, *other)
