"""Where the pictures of the two domains lie: in two folders, in the halves of each file, or in the same files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from unpaired.config import Domain, Layout
from unpaired.data.discover import check_folder
from unpaired.data.signatures import stem
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


def find_domains(dir_a: Path, dir_b: Path | None = None) -> tuple[Path, Path]:
    """The training folders of A and B: two folders or single pictures, or one folder that holds `trainA` and `trainB`.

    Raises `UserError` where one is missing, the same folder is given twice, or one lies inside the other.
    """
    if dir_b is None or not dir_a.is_file():
        check_folder(dir_a)
    if dir_b is None:
        pair = dir_a / "trainA", dir_a / "trainB"
        if missing := [path.name for path in pair if not path.is_dir()]:
            raise UserError(
                f"{dir_a} holds no {' and no '.join(missing)}: give two folders of pictures, one that holds trainA and "
                "trainB, or, where each file shows A beside B, --layout side-by-side."
            )
        dir_a, dir_b = pair
        check_folder(dir_a)
    if not dir_b.is_file():
        check_folder(dir_b)
    real_a, real_b = dir_a.resolve(), dir_b.resolve()
    if real_a == real_b or os.path.samefile(dir_a, dir_b):
        kind = "pictures" if dir_b.is_file() else "folders"
        raise UserError(f"{dir_b} is given for both domains: name two different {kind}.")
    if real_a in real_b.parents or real_b in real_a.parents:
        inner, outer = (dir_b, dir_a) if real_a in real_b.parents else (dir_a, dir_b)
        raise UserError(f"{inner} lies inside {outer}, so its pictures would be in both domains: separate them.")
    return dir_a, dir_b


def find_test_domains(dir_a: Path, dir_b: Path | None = None) -> tuple[Path, Path] | None:
    """`testA` and `testB` beside `trainA` and `trainB`, or None where they are not both there.

    Takes the arguments of `find_domains`: the folder that holds all of them, or trainA and trainB themselves.
    """
    if dir_b is None:
        root = dir_a
    elif (dir_a.name, dir_b.name) == (
        "trainA",
        "trainB",
    ) and dir_a.resolve().parent == dir_b.resolve().parent:
        root = dir_a.parent
    else:
        return None
    pair = root / "testA", root / "testB"
    return pair if all(path.is_dir() for path in pair) else None


def find_folder(folder: Path) -> tuple[Path, Path | None]:
    """Where one folder holds both domains: its training folder, and its test folder where there is one.

    These are `train` and `test` in it, or, without `train`, the folder itself.
    """
    check_folder(folder)
    train, test = folder / "train", folder / "test"
    if not train.is_dir():
        return folder, None
    return train, test if test.is_dir() else None
