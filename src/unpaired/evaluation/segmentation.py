"""A network that finds classes in photos, as the FCN score needs one: `unpaired`'s own, or anybody's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from unpaired.evaluation.pictures import Pictures


class Segmenter(Protocol):
    """Photos in, the class of each pixel out."""

    @property
    def name(self) -> str:
        """What tables call it, such as "FCN-8s"."""
        ...

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes, in the order of their numbers: those of the palette of the label maps."""
        ...

    def __call__(self, pictures: Pictures) -> NDArray[np.int64]:
        """uint8 (N, H, W, 3) → (N, H, W) numbers of classes; `len(classes)` is none of them."""
        ...
