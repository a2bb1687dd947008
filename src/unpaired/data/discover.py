"""Which pictures a folder holds, judged by what is in the files and not by their names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unpaired.data import shards
from unpaired.data.beside import beside
from unpaired.data.passed_over import HIDDEN, OF_SYSTEM, Reason
from unpaired.data.signatures import HEAD, SUFFIXES, judge
from unpaired.errors import UserError

_OF_SYSTEMS = {"thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class Discovery:
    """What a folder holds: pictures in a fixed order, and what was passed over, each with the reason."""

    folder: Path
    """Or the one picture."""
    files: tuple[Path, ...]
    skipped: tuple[tuple[Path, Reason], ...]


def discover(folder: Path) -> Discovery:
    """Every picture in `folder` and the folders in it, sorted by path; or `folder` itself where it is one picture.

    Links are followed, each folder once. Hidden files, files that are not pictures, and files that are empty,
    cut off or unreadable come back as skipped, with the reason in plain words. Whether a picture can be
    decoded to its end is seen when it is decoded. Raises `UserError` where `folder` is missing, not a folder,
    not readable, or holds no picture.
    """
    if folder.is_file():
        if reason := _judge(folder):
            raise UserError(f"{folder} can't be used ({reason}): name a folder of pictures, or a picture.")
        return Discovery(folder, (folder,), ())
    files: list[Path] = []
    skipped: list[tuple[Path, Reason]] = []
    for path, reason in look_through(folder):
        if reason is None:
            files.append(path)
        else:
            skipped.append((path, reason))
    files.sort(key=lambda path: path.parts)
    skipped.sort(key=lambda item: item[0].parts)
    if not files:
        raise UserError(nothing(folder, skipped))
    return Discovery(folder, tuple(files), tuple(skipped))


def look_through(folder: Path) -> Iterator[tuple[Path, Reason | None]]:
    """What `discover` finds, one by one in an order of its own: a picture with None, what is passed over with why."""
    check_folder(folder)
    for path, reason in _walk(folder):
        if reason is None and path.suffix == shards.SUFFIX:
            yield from _in_shard(path)
        else:
            yield path, _judge(path) if reason is None else reason


def check_folder(folder: Path) -> None:
    """Raise `UserError` where `folder` is missing, not a folder, or cannot be listed."""
    try:
        if not folder.exists():
            raise UserError(f"The folder {folder} does not exist: check the path.")
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder: name the folder that holds the pictures.")
        with os.scandir(folder):
            pass
    except OSError as error:
        raise UserError(f"The folder {folder} cannot be read: {error.strerror or error}.") from error


def _walk(folder: Path) -> Iterator[tuple[Path, Reason | None]]:
    """Every file below `folder` with None, and every thing that is passed over unopened with the reason."""
    seen: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            status = here.stat()
            if (status.st_dev, status.st_ino) in seen:
                yield here, Reason("a link to a folder that was looked at already")
                continue
            seen.add((status.st_dev, status.st_ino))
            names = sorted(os.listdir(here))
        except OSError as error:
            yield here, Reason(f"cannot be read ({error.strerror or error})")
            continue
        folders: list[Path] = []
        pictures: dict[str, list[str]] = {}
        for name in names:
            for suffix in SUFFIXES:
                if name.lower().endswith(suffix):
                    pictures.setdefault(name[: -len(suffix)], []).append(name)
        for name in names:
            path = here / name
            if name.startswith("."):
                yield path, HIDDEN
            elif name.lower() in _OF_SYSTEMS:
                yield path, OF_SYSTEM
            elif (reason := beside(name, pictures)) and not path.is_dir():
                yield path, reason
            elif path.is_dir():
                folders.append(path)
            else:
                yield path, None
        waiting.extend(reversed(folders))


def is_broken(path: Path, reason: Reason) -> bool:
    """Whether a file that is passed over calls itself a picture, and is none that can be used."""
    return path.suffix.lower() in SUFFIXES and reason.meant


def _judge(path: Path) -> Reason | None:
    """Why the file is not taken, or None if it is."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # opening a pipe would wait for ever
            return Reason("not an ordinary file")
        with path.open("rb") as file:
            head = file.read(HEAD)
            size = file.seek(0, os.SEEK_END)
    except FileNotFoundError:
        return Reason("a link to nothing")
    except OSError as error:
        return Reason(f"cannot be read ({error.strerror or error})")
    return judge(path, head, size)


def _in_shard(shard: Path) -> Iterator[tuple[Path, Reason | None]]:
    """What a tar shard holds; or the shard itself, with the reason, where it can't be read."""
    try:
        for name, head, size in shards.heads(shard, HEAD):
            if name.startswith(("/", "..")):
                yield shard, Reason(f"holds {name!r}, which leads out of it")
            elif any(part.startswith(".") for part in Path(name).parts):
                yield shard / name, HIDDEN
            else:
                yield shard / name, judge(Path(name), head, size)
    except OSError as error:
        yield shard, Reason(f"cannot be read ({error.strerror or error})")


def nothing(folder: Path, skipped: list[tuple[Path, Reason]]) -> str:
    """The sentence about a folder in which no picture was found."""
    formats = "JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, PPM, NumPy, DICOM or NIfTI"
    if not skipped:
        return f"The folder {folder} is empty: put pictures into it ({formats})."
    path, reason = next((item for item in skipped if not item[1].minor), skipped[0])
    return f"The folder {folder} holds no picture ({formats}); {len(skipped)} skipped, such as {path.name}: {reason}."
