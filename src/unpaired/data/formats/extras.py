"""Packages that only some formats need, and the bounds on what a file may claim."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unpaired.errors import UserError

MAX_BYTES = 2**31
"""Values of one file, decoded. What claims more is refused before it is decoded."""
_most = ContextVar("most", default=MAX_BYTES)


class TooLarge(UserError):
    """A file claims more values than are let in."""


@contextmanager
def at_most(size: int) -> Generator[None]:
    """Inside, and in this thread, files of more than `size` bytes of values are refused with `TooLarge`."""
    token = _most.set(min(size, MAX_BYTES))
    try:
        yield
    finally:
        _most.reset(token)


def most() -> int:
    """Bytes of values that a file may claim here."""
    return _most.get()


def missing(path: Path, what: str, extra: str) -> UserError:
    """The sentence for a file that needs a package which is not installed."""
    return UserError(f"{path} is {what}, which needs a package more: pip install 'unpaired[{extra}]'.")


@contextmanager
def damage_told(path: Path, what: str) -> Generator[None]:
    """Whatever a package's reader raises on a damaged file becomes a `UserError` about `path`."""
    try:
        yield
    except UserError:
        raise
    except MemoryError as error:
        raise UserError(f"{path} does not fit into memory: make it smaller.") from error
    except Exception as error:  # readers raise nearly everything on damaged files
        told = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path} is damaged or cut off, or no {what} that can be read ({told}).") from error


def check_claim(path: Path, shape: Sequence[int], dtype: Any) -> None:
    """Raise `UserError` where a header claims what can't be, or more than is let in (`at_most`)."""
    if any(side < 1 for side in shape):
        raise UserError(f"{path} holds no pixels (its shape is {'×'.join(map(str, shape))}).")
    size = math.prod(int(side) for side in shape) * np.dtype(dtype).itemsize
    if size > most():
        raise TooLarge(
            f"{path} claims {_amount(size)} of values ({'×'.join(map(str, shape))}), more than {_amount(most())}: "
            "cut it into parts."
        )


def _amount(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**29 else f"{size / 2**20:.1f} MiB"


def check_values(path: Path, values: NDArray[Any]) -> NDArray[Any]:
    """The values in the machine's byte order. `UserError` for complex numbers, NaN and the like."""
    if values.dtype.kind not in "iuf" or values.dtype.itemsize > 8:
        raise UserError(f"{path} holds values of {values.dtype}, not integers or floating numbers: convert it.")
    if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
        count = int((~finite).sum())
        raise UserError(
            f"{path} holds {count:,} values that are no numbers (NaN or infinite), of {values.size:,}: "
            "fill them, or cut them away."
        )
    return values.astype(values.dtype.newbyteorder("="), copy=False)
