"""Pictures that are measured together, and what an extractor sees in them: both wait on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.data.files import replacing
from unpaired.errors import UserError
from unpaired.evaluation.features import FeatureExtractor, Keyed
from unpaired.evaluation.pictures import Picture, blocks, mapped
from unpaired.evaluation.shelf import Indices, Shelf

Show = Callable[[Sequence[NDArray[Any]]], Sequence[Picture]]
"""Pictures of a domain of any type and bands → as many 8-bit ones."""


class Collection(Sequence[Picture]):
    """8-bit RGB pictures (H, W, 3) of one size; `features` are looked for once, when they are first asked for.

    A measure takes pictures and features block by block, and keeps none.
    """

    def __init__(
        self,
        given: Sequence[NDArray[Any]],
        extractor: FeatureExtractor,
        *,
        show: Show | None = None,
        home: Path | None = None,
    ) -> None:
        """
        Args:
            given: pictures of one domain, as they are translated.
            extractor: what features are seen through.
            show: of a domain of other values, how they become the 8-bit pictures that are measured.
            home: a folder for features that outlive this process: of real pictures, which come again.
        """
        self.given = given if isinstance(given, Shelf) else Shelf.of(given)
        self.extractor = extractor
        self._show, self._home = show, home
        self._pictures = self.given if show is None else mapped(self.given, show)
        self._look = self._look_or_find

    @property
    def side(self) -> tuple[int, int]:
        """Height and width in px of all pictures."""
        return self._pictures.shape[1], self._pictures.shape[2]

    @cached_property
    def features(self) -> Shelf:
        """(N, D) float32, in the order of the pictures. Raises `UserError` where some are not finite numbers."""
        return self._look()

    def like(self, given: Sequence[NDArray[Any]]) -> Collection:
        """Other pictures of the same domain, seen in the same way."""
        return Collection(given, self.extractor, show=self._show)

    def part(self, indices: Indices) -> Collection:
        """Some of the pictures, in the order of `indices`: nothing is copied, and nothing looked at anew."""
        part = Collection(self._pictures.part(indices), self.extractor)
        part._look = lambda: self.features.part(indices)
        return part

    def __len__(self) -> int:
        return len(self._pictures)

    def __getitem__(  # pyright: ignore[reportIncompatibleMethodOverride]  # arrays, where a sequence gives sequences
        self, index: int | slice
    ) -> Picture:
        return self._pictures[index]

    def _look_or_find(self) -> Shelf:
        """From `home`, or looked for and kept there."""
        row = (self.extractor.dimension,)
        kept_at = None
        if self._home is not None and isinstance(self.extractor, Keyed):
            kept_at = self._home / f"{self.extractor.key}-{self._digest()}.float32"
            if (kept := Shelf.opened(kept_at, row, np.float32, len(self))) is not None:
                return kept
        found = Shelf(row, np.float32)
        for block in blocks(self):
            found.append(self._finite(np.asarray(self.extractor(block), np.float32), len(found)))
        if kept_at is not None:
            with suppress(OSError):  # without room it is found again the next time
                kept_at.parent.mkdir(parents=True, exist_ok=True)
                with replacing(kept_at) as file:
                    found.write(file)
        return found

    def _finite(self, features: NDArray[np.float32], before: int) -> NDArray[np.float32]:
        bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
        if len(bad):
            raise UserError(
                f"{self.extractor.name} gave features that are not finite numbers for picture {before + bad[0] + 1} "
                f"of {len(self)}: no distance can be measured with it."
            )
        return features

    def _digest(self) -> str:
        """Of the content of all pictures in their order."""
        whole = hashlib.sha256()
        for picture in self:
            whole.update(hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).digest())
        return whole.hexdigest()[:32]
