"""The built-in pair: flat drawings (A, Twemoji) and 3D renderings (B, Fluent Emoji) of emoji, 64 × 64 px.

`trainA` and `trainB` share no glyph; `testA` and `testB` hold the same glyphs under the same names (true
pairs). All have alpha. Built by `scripts/build_demo_data.py`; who made the pictures is in `CREDITS.md`.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from importlib.resources import files
from pathlib import Path

from unpaired.errors import UserError

CREDITS = (
    "Pictures: Twemoji © Twitter, Inc and other contributors, CC-BY 4.0; Fluent Emoji © Microsoft Corporation, MIT."
)
"""One line for whatever shows these pictures."""

FOLDERS = ("testA", "testB", "trainA", "trainB")
_MARK = ".unpaired-demo"


def unpack(to: Path) -> Path:
    """Put `trainA`, `trainB`, `testA` and `testB` into the folder `to` and return it.

    Nothing is done where an earlier call put the same pictures; what an older version put there is replaced.
    The folder appears whole or not at all. Raises `UserError` for a damaged installation, a folder that
    holds something else, and a disk that is full or not writable.
    """
    data = _archive()
    digest = hashlib.sha256(data).hexdigest()
    if _holds(to, digest, data):
        return to
    ours = (to / _MARK).is_file()
    if to.exists() and not ours and (not to.is_dir() or any(to.iterdir())):
        raise UserError(f"{to} exists and does not hold the demo's pictures: name another folder, or move it away.")
    temporary = None
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{to.name}-", dir=to.parent))
        _extract(data, temporary)
        (temporary / _MARK).write_text(digest)
        temporary.chmod(0o755)
        _swap(temporary, to, digest, data)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"The demo's pictures cannot be put into {to}: {reason}. Free some space or name another folder."
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return to


def _archive() -> bytes:
    """The packaged zip, checked against its packaged SHA-256."""
    package = files("unpaired.data.demo")
    try:
        data = (package / "emoji.zip").read_bytes()
        expected = (package / "emoji.sha256").read_text().strip()
    except OSError as error:
        raise UserError("The demo's pictures are missing from this installation: install unpaired again.") from error
    if hashlib.sha256(data).hexdigest() != expected:
        raise UserError("The demo's pictures in this installation are damaged: install unpaired again.")
    return data


def _holds(folder: Path, digest: str, data: bytes) -> bool:
    """Whether `folder` holds exactly what the archive does (by mark, names and sizes)."""
    try:
        if (folder / _MARK).read_text() != digest:
            return False
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            wanted = {info.filename: info.file_size for info in archive.infolist()}
        return all((folder / name).stat().st_size == size for name, size in wanted.items()) and all(
            len(os.listdir(folder / part)) == sum(name.startswith(f"{part}/") for name in wanted) for part in FOLDERS
        )
    except OSError:
        return False


def _extract(data: bytes, folder: Path) -> None:
    """Write every picture; a name that is not `<one of FOLDERS>/<file>` is damage, never followed."""
    for part in FOLDERS:
        (folder / part).mkdir()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            part, _, name = info.filename.partition("/")
            if part not in FOLDERS or not name or name != Path(name).name or name.startswith("."):
                raise UserError("The demo's pictures in this installation are damaged: install unpaired again.")
            (folder / part / name).write_bytes(archive.read(info))


def _swap(new: Path, to: Path, digest: str, data: bytes) -> None:
    """Rename `new` to `to`, moving an older one away first; another process may be doing the same."""
    if to.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{to.name}-old-", dir=to.parent))
        try:
            to.rename(old)
        finally:
            shutil.rmtree(old, ignore_errors=True)
    try:
        new.rename(to)
    except OSError:
        if not _holds(to, digest, data):
            raise
