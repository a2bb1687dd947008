"""Masks of pictures, found by name: white where something is to be translated, black where nothing is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unpaired.config import DataConfig
from unpaired.data.beside import masked
from unpaired.data.cache import Cache, open_cache
from unpaired.data.decode import seen
from unpaired.data.discover import look_through
from unpaired.data.formats import AXIS
from unpaired.data.pixels import read_bytes
from unpaired.data.signatures import format_named, stem
from unpaired.errors import UserError

BLACK = (0, 0, 0)
"""What shows through where a mask is transparent: nothing is translated there."""
ONE = 1
"""A mask that gets no brighter was meant in other units: 0 and 1. Darker than white may be meant, as in attention."""


class Masks:
    """A folder of masks, in which a picture's mask has the picture's path and name, file name endings aside, or
    NAME-mask, NAME_mask, NAME.seg and the like: so that masks may lie beside their pictures. Or one file for all.
    """

    def __init__(self, folder: Path) -> None:
        """Raises `UserError` where `folder` can't be read."""
        self.folder = folder
        self._marked: dict[Path, list[Path]] = {}
        self._plain: dict[Path, list[Path]] = {}
        self._roots: dict[Path, bool] = {}
        for path, _ in () if folder.is_file() else look_through(folder):
            if path.name.startswith(".") or format_named(path) is None:
                continue
            inside, name = path.relative_to(folder), stem(path)
            of = masked(name)
            known = self._plain if of is None else self._marked
            known.setdefault(inside.with_name(of or name), []).append(path)

    def of(self, picture: Path, root: Path) -> Path | None:
        """The mask of a picture that lies in the folder `root`, or is `root`; None where there is none.

        Raises `UserError` where there are two, or masks lie below `root`, where they would be pictures.
        """
        if self.folder.is_file():
            return self.folder
        inside = Path(picture.name) if picture == root else picture.relative_to(root)
        name = inside.with_name(stem(picture))
        # What bears a picture's own name in its own folder is a picture.
        found = self._marked.get(name) or ([] if self._beside(root) else self._plain.get(name, []))
        if len(found) > 1:
            raise UserError(f"{found[0]} and {found[1]} are both masks of {picture}: take one away.")
        return found[0] if found else None

    def _beside(self, root: Path) -> bool:
        """Whether masks lie beside the pictures of `root`."""
        if root not in self._roots:
            pictures, masks = (root.parent if root.is_file() else root).resolve(), self.folder.resolve()
            if pictures in masks.parents and root.is_dir():
                raise UserError(f"The masks in {self.folder} lie inside {root}, as if they were pictures: move them.")
            self._roots[root] = pictures == masks
        return self._roots[root]

    def lacking(self, picture: Path) -> UserError:
        """What to say of a picture without a mask."""
        return UserError(
            f"{picture} has no mask in {self.folder}: add one of its name, white where something is to be translated "
            "and black where nothing is (all black for nothing at all), or take the picture away."
        )


def read_mask(path: Path, height: int, width: int, *, axis: int = AXIS) -> NDArray[np.uint8]:
    """(P, H, W, 1), 255 where all is to be translated; volumes are sliced along `axis`, as their pictures are.

    Raises `UserError`: unreadable, or of another size or type.
    """
    pages = seen(read_bytes(path), path, background=BLACK, channels=1, axis=axis).pages
    if pages.dtype != np.uint8 or pages.shape[3] != 1:
        raise UserError(
            f"The mask {path} has {pages.shape[3]} bands of {pages.dtype}: save it as a grey 8-bit picture."
        )
    if pages.shape[1:3] != (height, width):
        raise UserError(
            f"The mask {path} is {pages.shape[2]}×{pages.shape[1]} px and its picture {width}×{height} px: give it the "
            "picture's size."
        )
    _check_bright(path, int(pages.max()))
    return pages


def open_masks(folder: Path, pictures: Cache, root: Path, data: DataConfig) -> Cache:
    """The masks of `pictures`, which lie in the folder `root`: one for each, in their order, resized as they are.

    Raises `UserError`: a picture has none, one can't be read or does not fit, or none says where something is to be
    translated.
    """
    masks, of = Masks(folder), dict[Path, Path]()
    for picture in pictures.whole:
        if (mask := masks.of(picture, root)) is None:
            raise masks.lacking(picture)
        of[picture] = mask
    found = open_cache(
        tuple(dict.fromkeys(of.values())), folder, size=data.size, resize=data.resize, channels=1, background=BLACK,
        axis=data.axis, dtype="uint8",
    )  # fmt: skip
    for path, why in found.skipped:
        raise UserError(f"The mask {path} can't be used ({why}): save it as a grey 8-bit picture.")
    pages = Counter(found.files)
    place = {key: index for index, key in enumerate(zip(found.files, found.pages, strict=True))}
    order: list[int] = []
    for index, (picture, page) in enumerate(zip(pictures.files, pictures.pages, strict=True)):
        mask = of[picture]
        # One page is for all pages of a picture.
        chosen = place.get((mask, page if pages[mask] > 1 else 0))
        if chosen is None:
            raise UserError(
                f"The mask {mask} has {pages[mask]} pages, fewer than its picture {picture}: add the others."
            )
        if found.sizes[chosen] != pictures.sizes[index]:
            (width, height), (own_width, own_height) = pictures.sizes[index], found.sizes[chosen]
            raise UserError(
                f"The mask {mask} is {own_width}×{own_height} px and its picture {picture} {width}×{height} px: give "
                "it the picture's size."
            )
        order.append(chosen)
    brightest = 0
    for index in set(order):
        brightest = max(brightest, value := int(found[index].max()))
        _check_bright(found.files[index], value)
    if not brightest:
        raise UserError(f"All masks in {folder} are black: white is what is to be translated.")
    return found.picked(order)


def _check_bright(path: Path, brightest: int) -> None:
    """Raise `UserError` for a mask that was meant in other units."""
    if 0 < brightest <= ONE:
        raise UserError(
            f"The mask {path} gets no brighter than {brightest} of 255, and white is what is to be translated: scale "
            "its values to 0 and 255."
        )
