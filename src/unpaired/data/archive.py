"""Archives unpacked with care: nothing outside the folder, no links, no devices, no more than the disk holds."""

from __future__ import annotations

import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from unpaired.errors import UserError

RATIO = 200
"""Bytes that a byte of an archive of pictures may become; more is made to fill a disk."""


def unpack(archive: Path, to: Path) -> int:
    """Put the files of a zip or tar archive into the new folder `to`; returns how many.

    Everything is checked before anything is written. The folder appears whole or not at all. Raises `UserError` for an
    archive that is damaged, would write outside of `to` (absolute paths, `..`, drives), holds links or devices, or is
    out of proportion; and where the disk is full.
    """
    temporary = to.with_name(f".{to.name}.unpacking")
    shutil.rmtree(temporary, ignore_errors=True)
    count = 0
    try:
        limit = RATIO * archive.stat().st_size
        sizes = 0
        for name, size, _ in _members(archive, read=False):
            _inside(name, archive)
            sizes += size
            if sizes > limit:
                raise UserError(f"{archive} would become over {limit >> 20:,} MiB, out of proportion: not unpacked.")
        temporary.mkdir(parents=True)
        for name, _, file in _members(archive, read=True):
            assert file is not None
            target = temporary / _inside(name, archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            with file, target.open("xb") as out:
                shutil.copyfileobj(file, out, 1 << 20)
            count += 1
        temporary.rename(to)
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as e:
        raise UserError(f"{archive} is damaged ({e}): delete it and get it again.") from e
    except OSError as e:
        raise UserError(f"{archive} can't be unpacked into {to}: {e.strerror or e}.") from e
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return count


def _members(archive: Path, *, read: bool) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Name, size and content of every file. Raises `UserError` for what is neither file nor folder."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            for info in zipped.infolist():
                kind = stat.S_IFMT(info.external_attr >> 16)
                if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                    raise _refused(archive, info.filename, "is a link or a device")
                if info.is_dir():
                    _inside(info.filename.rstrip("/") or "/", archive)
                else:
                    yield info.filename, info.file_size, zipped.open(info) if read else None
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tarred:
            for member in tarred:
                if not (member.isfile() or member.isdir()):
                    raise _refused(archive, member.name, "is a link or a device")
                if member.isfile():
                    yield member.name, member.size, tarred.extractfile(member) if read else None
                elif member.name not in (".", ""):
                    _inside(member.name, archive)
    else:
        raise UserError(f"{archive} is neither a zip nor a tar archive: delete it and get it again.")


def _inside(name: str, archive: Path) -> Path:
    """The path below the folder. Raises `UserError` where it would lead out of it."""
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name or "\0" in name:
        raise _refused(archive, name, "would be written outside of its folder")
    return Path(*path.parts)


def _refused(archive: Path, name: str, why: str) -> UserError:
    return UserError(f"{archive} holds {name!r}, which {why}: nothing was unpacked.")
