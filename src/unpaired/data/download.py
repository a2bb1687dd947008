"""A file from an HTTP server, whole: goes on where it was cut off, and is checked before it takes its name."""

from __future__ import annotations

import hashlib
import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unpaired.data.files import write_json
from unpaired.errors import UserError

CHUNK = 1 << 20
TIMEOUT = 30.0  # seconds without a byte


def download(address: str, to: Path, progress: Callable[[int, int | None], None] = lambda done, total: None) -> None:
    """Put what is at `address` into the file `to`.

    What an earlier call got lies in `to`.part and is gone on from, if the server still has the same file (by ETag or
    time) and knows ranges (RFC 9110, section 14); else it begins anew. `progress` is told the bytes that are there and
    those in all. Raises `UserError`: no network, no such file, cut off, no space.
    """
    part, mark = to.with_name(f"{to.name}.part"), to.with_name(f"{to.name}.part.json")
    there = part.stat().st_size if part.is_file() and mark.is_file() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "unpaired"})
    if there and (version := _known(mark, address)):
        request.add_header("Range", f"bytes={there}-")
        request.add_header("If-Range", version)
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        try:
            answer = urllib.request.urlopen(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as e:
            if e.code != 416:  # all of it is there already, or more
                raise
            part.unlink()
            e.close()
            download(address, to, progress)
            return
        with answer:
            goes_on = answer.status == 206
            length = answer.headers.get("Content-Length")
            done = there if goes_on else 0
            total = done + int(length) if length is not None else None
            version = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
            write_json(mark, {"address": address, "version": version})
            with part.open("ab" if goes_on else "wb") as file:
                while chunk := answer.read(CHUNK):
                    file.write(chunk)
                    done += len(chunk)
                    progress(done, total)
        if total is not None and done != total:
            raise UserError(f"{address} was cut off at {done:,} of {total:,} bytes: the same command goes on.")
        part.replace(to)
        mark.unlink(missing_ok=True)
    except urllib.error.HTTPError as e:
        e.close()
        raise UserError(f"{address} can't be downloaded: the server says {e.code} {e.reason}.") from e
    except urllib.error.URLError as e:
        raise UserError(f"{address} can't be reached ({e.reason}): is this machine online?") from e
    except (http.client.HTTPException, TimeoutError, ConnectionError) as e:
        raise UserError(f"{address} was cut off ({e or type(e).__name__}): the same command goes on.") from e
    except OSError as e:
        raise UserError(f"{to} can't be written ({e.strerror or e}): the same command goes on.") from e


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _known(mark: Path, address: str) -> str | None:
    """Which version of the file the earlier bytes are of."""
    try:
        stored: Any = json.loads(mark.read_bytes())
        version = stored["version"] if stored["address"] == address else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return version if isinstance(version, str) and not version.startswith("W/") else None
