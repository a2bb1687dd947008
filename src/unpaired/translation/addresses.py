"""What lies at addresses (`s3://…`, `gs://…`, `file://…`), as fsspec reaches it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from unpaired.errors import UserError


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """One file and where its translation goes: addresses, or paths."""

    source: str
    target: str


def is_url(text: str) -> bool:
    return "://" in text


def at(url: str) -> tuple[Any, str]:
    """The file system of an address or path, and the path there. Raises `UserError` where fsspec has no way there."""
    try:
        from fsspec.core import url_to_fs

        fs, path = url_to_fs(url)
    except (ImportError, ValueError) as e:
        raise UserError(f"{url} can't be reached: {e}.") from e
    return fs, path.rstrip("/")


@contextmanager
def reached(what: str) -> Generator[None]:
    """Whatever fsspec's packages raise about keys, rights, networks and names, as `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as e:  # botocore's, aiohttp's, Google's: they share no class
        raise UserError(f"{what} can't be reached: {said(e)}.") from e


def said(error: Exception) -> str:
    """The first line of what a package says."""
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__


def version_of(info: dict[str, Any]) -> str:
    """What changes when an object does."""
    return str(next((info[key] for key in ("ETag", "etag", "md5Hash", "mtime", "LastModified") if key in info), ""))
