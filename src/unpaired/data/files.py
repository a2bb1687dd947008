"""Files that are whole or not there, and the folder where caches are kept."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


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
