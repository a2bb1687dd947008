"""A picture of any kind in memory: values of any type and number of bands, and what travels to the output with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
"""(H, W, C) or (P, H, W, C) of an integer or floating type."""


@dataclass(frozen=True)
class Picture:
    """The pixels of one file and what the file said beside them.

    `pages` is (P, H, W, C): one page or several (frames of a film strip, pages of a TIFF, slices of a volume), each
    upright, with C bands. Colours are in sRGB (so no ICC profile is needed to write them) and not mixed with any
    background: what is transparent is said by `alpha`, (P, H, W) of the same type, or None. Values with a physical
    meaning (DICOM, NIfTI) are in their unit.
    """

    pages: Values
    alpha: Values | None = None
    format: str = "PNG"
    """The name of the format in `data.formats`."""
    exif: bytes | None = None
    """Without an orientation."""
    dpi: tuple[float, float] | None = None
    window: tuple[float, float] | None = None
    """The least and the greatest value that the file asks to be shown (DICOM)."""
    notes: tuple[str, ...] = ()
    """What was changed in reading, to be said: "colours of the profile Display P3 became sRGB"."""
    stored: tuple[int, int] = (0, 0)
    """Width and height in the file, upright, where `data.decode.seen` made them other."""
    own: Any = None
    """What only this format's writer understands: tags, a header, the durations of frames."""

    @property
    def grey(self) -> bool:
        """Whether there is one band."""
        return self.pages.shape[-1] == 1

    @property
    def bands(self) -> int:
        return self.pages.shape[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return self.pages.dtype

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pages.shape[1], self.pages.shape[2]

    @property
    def nbytes(self) -> int:
        return self.pages.nbytes + (0 if self.alpha is None else self.alpha.nbytes)

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """(H, W, 3): an ordinary 8-bit picture, grey in all three channels."""
        assert self.dtype == np.uint8, f"a picture of {self.dtype} has no 8-bit colours"
        return np.repeat(self.pages[0], 3, axis=2) if self.grey else self.pages[0]
