"""Files that are whole or not there, and the folder where caches are kept."""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from unpaired.errors import DiskFull, UserError


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A file to write that takes the name `path` at the end; after any error `path` is as before.

    Raises `OSError` as the system does (no space, no permission).
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def not_written(path: Path, error: OSError) -> UserError:
    """The sentence about a file that the system would not have; `DiskFull` where there is no room or no quota left."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFull(f"{path} cannot be written, since its disk is full ({error.strerror}): make room there.")
    return UserError(f"{path} cannot be written: {error.strerror or error}.")


def write_json(path: Path, value: Any) -> None:
    """Write JSON so that a reader sees the old file or the new one, never a part."""
    with replacing(path) as file:
        file.write(json.dumps(value, indent=1).encode())


def default_cache_dir() -> Path:
    """`$UNPAIRED_CACHE`, or `unpaired` in `$XDG_CACHE_HOME`, or `~/.cache/unpaired`."""
    if own := os.environ.get("UNPAIRED_CACHE"):
        return Path(own)
    shared = os.environ.get("XDG_CACHE_HOME")
    return (Path(shared) if shared else Path.home() / ".cache") / "unpaired"
