"""Where the pictures of the two domains lie: in two folders, in the halves of each file, or in the same files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unpaired.config import Domain, Layout
from unpaired.data.discover import stem
from unpaired.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Part = Literal["whole", "left", "right"]


def part_of(layout: Layout, domain: Domain) -> Part:
    """Which part of a file shows `domain`."""
    if layout != "side-by-side":
        return "whole"
    return "left" if domain == "a" else "right"


def cut(picture: NDArray[Any], part: Part) -> NDArray[Any]:
    """A part of (H, W, C); of an odd width the halves leave the middle column out."""
    half = picture.shape[1] // 2
    if part == "whole":
        return picture
    return picture[:, :half] if part == "left" else picture[:, -half:]


def pairs_by_name(
    root_a: Path, files_a: Sequence[Path], root_b: Path, files_b: Sequence[Path]
) -> list[tuple[int, int]]:
    """Indices of files whose paths inside their folders match, file name endings aside; two single pictures do.

    A file that stands there several times has several pages: the first is the first's pair, and so on.

    Raises `UserError` where two files of one folder have the same name.
    """

    def by_name(root: Path, files: Sequence[Path]) -> dict[tuple[Path, int], int]:
        names: dict[tuple[Path, int], int] = {}
        page = 0
        for index, path in enumerate(files):
            page = page + 1 if index and files[index - 1] == path else 0
            inside = path.relative_to(root)
            name = inside.with_name(stem(path)) if inside.name else inside  # a root that is itself the one picture
            if (name, page) in names:
                raise UserError(f"{files[names[name, page]]} and {path} have one name: which one is the pair's?")
            names[name, page] = index
        return names

    a, b = by_name(root_a, files_a), by_name(root_b, files_b)
    return [(a[name], b[name]) for name in a if name in b]
