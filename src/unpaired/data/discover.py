"""Which pictures a folder holds, judged by what is in the files and not by their names."""

from __future__ import annotations

import os
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from unpaired.data import shards
from unpaired.data.passed_over import HIDDEN, OF_SYSTEM, Reason, mask, sidecar
from unpaired.errors import UserError

SUFFIXES: dict[str, str] = {
    ".jpg": "JPEG", ".jpeg": "JPEG", ".jpe": "JPEG", ".jfif": "JPEG", ".png": "PNG", ".webp": "WEBP",
    ".bmp": "BMP", ".gif": "GIF", ".tif": "TIFF", ".tiff": "TIFF", ".avif": "AVIF", ".ppm": "PPM",
    ".pgm": "PPM", ".pbm": "PPM", ".pnm": "PPM", ".npy": "NPY", ".npz": "NPZ", ".dcm": "DICOM", ".dicom": "DICOM",
    ".nii": "NIFTI", ".nii.gz": "NIFTI",
}  # fmt: skip
"""File name endings and the formats (Pillow's names, where it knows them) that they promise."""
HEAD = 1024
"""Bytes of a file by which its format is told."""

# Format, what its files begin with, and the least number of bytes that one pixel needs with the headers.
_SIGNATURES: tuple[tuple[str, re.Pattern[bytes], int], ...] = (
    # First, since what stands before its signature may look like any other file: some are TIFF at the same time.
    ("DICOM", re.compile(rb".{128}DICM", re.DOTALL), 140),
    ("JPEG", re.compile(rb"\xff\xd8\xff"), 100),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n"), 57),
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL), 26),
    ("GIF", re.compile(rb"GIF8[79]a"), 14),
    # "BM" alone begins many a text: the length of a BMP's second header is one of few.
    ("BMP", re.compile(rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", re.DOTALL), 27),
    ("TIFF", re.compile(rb"II[*+]\0|MM\0[*+]"), 50),
    ("AVIF", re.compile(rb"....ftypavi[fs]", re.DOTALL), 200),
    ("PPM", re.compile(rb"P[1-6]\s"), 8),
    ("NPY", re.compile(rb"\x93NUMPY"), 80),
    ("NPZ", re.compile(rb"PK\x03\x04.{26}[\x20-\x7e]{1,200}?\.npy", re.DOTALL), 100),
    ("NIFTI", re.compile(rb"(?:\x5c\x01\0\0|\0\0\x01\x5c).{340}n\+1\0", re.DOTALL), 352),
    ("NIFTI", re.compile(rb"(?:\x1c\x02\0\0|\0\0\x02\x1c)n\+2\0"), 540),
)
_MASK = re.compile(r"(.+)[-_.](?:mask|masks|seg|segmentation)", re.IGNORECASE)
_PLACE = {".tfw", ".jgw", ".pgw", ".bpw", ".gfw", ".wld", ".prj"}
_SIDECARS = {".json", ".xml", ".txt", ".yaml", ".yml", ".csv", ".xmp", *_PLACE}
_OF_SYSTEMS = {"thumbs.db", "desktop.ini"}
# What a cut-off file may still show of its signature.
_STUBS = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8", b"BM", b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Discovery:
    """What a folder holds: pictures in a fixed order, and what was passed over, each with the reason."""

    folder: Path
    """Or the one picture."""
    files: tuple[Path, ...]
    skipped: tuple[tuple[Path, Reason], ...]


def picture_format(head: bytes) -> str | None:
    """The format that a file beginning with `head` (`HEAD` bytes) claims, if any."""
    return next((name for name, _ in _claims(head)), None)


def _claims(head: bytes) -> Iterator[tuple[str, int]]:
    """Formats whose files begin like `head`, and the least number of bytes that they need."""
    if head.startswith(b"\x1f\x8b"):  # of what is packed, volumes alone are pictures
        with suppress(zlib.error):
            inner = zlib.decompressobj(31).decompress(head, HEAD)
            yield from ((name, 30) for name, _ in _claims(inner) if name == "NIFTI")
        return
    for name, pattern, least in _SIGNATURES:
        if pattern.match(head):
            yield name, least


def format_named(path: Path) -> str | None:
    """The format that a file's name promises, if any."""
    return SUFFIXES.get(path.suffix.lower()) or SUFFIXES.get("".join(path.suffixes[-2:]).lower())


def stem(path: Path) -> str:
    """A file's name without its ending, of which .nii.gz is one."""
    double = "".join(path.suffixes[-2:])
    return path.name.removesuffix(double) if double.lower() in SUFFIXES and double != path.suffix else path.stem


def place_names(picture: Path) -> list[Path]:
    """What a file may be called that says where on Earth a picture lies: the world file, whose ending is the first and
    the last letter of the picture's and a w (scan.tfw of scan.tif), or scan.wld; and the projection, scan.prj. Endings
    may be in capitals.
    """
    if len(picture.suffix) < 3:
        return []
    endings = (f".{picture.suffix[1]}{picture.suffix[-1]}w".lower(), ".wld", ".prj")
    return [picture.with_suffix(written) for ending in endings for written in (ending, ending.upper())]


def masked(name: str) -> str | None:
    """Whose mask a file is, by its name without ending, if any's: `horse` of `horse-mask` and the like."""
    found = _MASK.fullmatch(name)
    return found and found[1]


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


def find_domains(dir_a: Path, dir_b: Path | None = None) -> tuple[Path, Path]:
    """The training folders of A and B: two folders or single pictures, or one folder that holds `trainA` and `trainB`.

    Raises `UserError` where one is missing, the same folder is given twice, or one lies inside the other.
    """
    if dir_b is None or not dir_a.is_file():
        check_folder(dir_a)
    if dir_b is None:
        pair = dir_a / "trainA", dir_a / "trainB"
        if missing := [path.name for path in pair if not path.is_dir()]:
            raise UserError(
                f"{dir_a} holds no {' and no '.join(missing)}: give two folders of pictures, "
                "or one that holds trainA and trainB."
            )
        dir_a, dir_b = pair
        check_folder(dir_a)
    if not dir_b.is_file():
        check_folder(dir_b)
    real_a, real_b = dir_a.resolve(), dir_b.resolve()
    if real_a == real_b or os.path.samefile(dir_a, dir_b):
        raise UserError(f"{dir_b} is given for both domains: name two different folders.")
    if real_a in real_b.parents or real_b in real_a.parents:
        inner, outer = (dir_b, dir_a) if real_a in real_b.parents else (dir_a, dir_b)
        raise UserError(f"{inner} lies inside {outer}, so its pictures would be in both domains: separate them.")
    return dir_a, dir_b


def find_test_domains(dir_a: Path, dir_b: Path | None = None) -> tuple[Path, Path] | None:
    """`testA` and `testB` beside `trainA` and `trainB`, or None where they are not both there.

    Takes the arguments of `find_domains`: the folder that holds all of them, or trainA and trainB themselves.
    """
    if dir_b is None:
        root = dir_a
    elif (dir_a.name, dir_b.name) == (
        "trainA",
        "trainB",
    ) and dir_a.resolve().parent == dir_b.resolve().parent:
        root = dir_a.parent
    else:
        return None
    pair = root / "testA", root / "testB"
    return pair if all(path.is_dir() for path in pair) else None


def find_folder(folder: Path) -> tuple[Path, Path | None]:
    """Where one folder holds both domains: its training folder, and its test folder where there is one.

    These are `train` and `test` in it, or, without `train`, the folder itself.
    """
    check_folder(folder)
    train, test = folder / "train", folder / "test"
    if not train.is_dir():
        return folder, None
    return train, test if test.is_dir() else None


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
            elif (reason := _beside(name, pictures)) and not path.is_dir():
                yield path, reason
            elif path.is_dir():
                folders.append(path)
            else:
                yield path, None
        waiting.extend(reversed(folders))


def _beside(name: str, pictures: dict[str, list[str]]) -> Reason | None:
    """What a file is that only belongs to a picture of its folder (given by their names without ending), or None."""
    stem, suffix = os.path.splitext(name)
    if (of := masked(stem.removesuffix(".nii"))) in pictures and suffix.lower() in SUFFIXES:
        return mask(pictures[of][-1])
    if suffix.lower() not in _SIDECARS:
        return None
    inner = stem.removesuffix(".aux")  # scan.json, scan.png.json, scan.png.aux.xml
    if of := pictures.get(inner) or pictures.get(os.path.splitext(inner)[0]):
        placed = next((picture for picture in of if Path(name) in place_names(Path(picture))), None)
        return sidecar(placed or of[-1], copied=placed is not None)
    return None


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
    return _judge_content(path, head, size)


def _in_shard(shard: Path) -> Iterator[tuple[Path, Reason | None]]:
    """What a tar shard holds; or the shard itself, with the reason, where it can't be read."""
    try:
        for name, head, size in shards.heads(shard, HEAD):
            if name.startswith(("/", "..")):
                yield shard, Reason(f"holds {name!r}, which leads out of it")
            elif any(part.startswith(".") for part in Path(name).parts):
                yield shard / name, HIDDEN
            else:
                yield shard / name, _judge_content(Path(name), head, size)
    except OSError as error:
        yield shard, Reason(f"cannot be read ({error.strerror or error})")


def _judge_content(path: Path, head: bytes, size: int) -> Reason | None:
    promised = format_named(path)
    if not head:
        return Reason("empty (0 bytes)")
    for name, least in _claims(head):
        return None if size >= least else Reason(f"cut off: {size} bytes of a {name} file")
    if promised is None:
        return Reason("not a picture")
    if any(head.startswith(stub) for stub in _STUBS) and size < 32:
        return Reason(f"cut off: {size} bytes of a {promised} file")
    return Reason(f"named like a {promised} picture but is none")


def nothing(folder: Path, skipped: list[tuple[Path, Reason]]) -> str:
    """The sentence about a folder in which no picture was found."""
    formats = "JPEG, PNG, WebP, BMP, GIF, TIFF, AVIF, PPM, NumPy, DICOM or NIfTI"
    if not skipped:
        return f"The folder {folder} is empty: put pictures into it ({formats})."
    path, reason = next((item for item in skipped if not item[1].minor), skipped[0])
    return f"The folder {folder} holds no picture ({formats}); {len(skipped)} skipped, such as {path.name}: {reason}."
