"""Named data sets on this disk: downloaded once, checked, unpacked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from unpaired.data import demo
from unpaired.data.archive import unpack
from unpaired.data.catalog import CATALOG, ELSEWHERE, Named
from unpaired.data.download import download, sha256
from unpaired.data.files import write_json
from unpaired.errors import UserError
from unpaired.text import perhaps

CHECKSUMS = "checksums.json"
"""Beside the data sets: the SHA-256 of every archive at its first download."""


def find(name: str) -> Named:
    """The data set of that name. Raises `UserError` where there is none, or its authors may not publish it."""
    if name in ELSEWHERE:
        raise UserError(ELSEWHERE[name])
    if name not in CATALOG:
        raise UserError(f"There is no data set {name!r}{perhaps(name, CATALOG) or '; see unpaired datasets list'}.")
    return CATALOG[name]


def get(
    name: str, to: Path, *, address: str | None = None, new_checksum: bool = False,
    progress: Callable[[int, int | None], None] = lambda done, total: None,
) -> Path:  # fmt: skip
    """Download the data set `name` and unpack it into `to`/`name`, which is returned.

    Args:
        to: the folder of data sets.
        address: of a mirror, in place of the published one.
        new_checksum: take a file that has another checksum than the one on record, and record that.

    Does nothing where it is there already. Raises `UserError` for what the user can mend.
    """
    named, home = find(name), to / name
    address = address or named.address
    if address is None:
        return demo.unpack(home)
    if home.is_dir():
        return home
    archive = to / f"{name.replace('/', '-')}{''.join(Path(address).suffixes[-2:])[-8:]}"
    if not archive.is_file():
        download(address, archive, progress)
    _check(archive, name, named.sha256, to / CHECKSUMS, new_checksum)
    staged = to / f".{archive.name}.new"
    shutil.rmtree(staged, ignore_errors=True)
    try:
        unpack(archive, staged)
        inner = list(staged.iterdir())
        # Most archives hold one folder that is called like themselves.
        top = inner[0] if len(inner) == 1 and inner[0].is_dir() else staged
        home.parent.mkdir(parents=True, exist_ok=True)
        top.rename(home)
        archive.unlink()
    except OSError as e:
        raise UserError(f"{home} can't be written: {e.strerror or e}.") from e
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return home


def _check(archive: Path, name: str, known: str | None, record: Path, new: bool) -> None:
    """Compare with the checksum on record, or put it there. Raises `UserError` where they differ."""
    try:
        recorded: Any = json.loads(record.read_bytes()) if record.is_file() else {}
    except (OSError, ValueError) as e:
        raise UserError(f"{record} can't be read ({e}): move it away.") from e
    expected, found = recorded.get(name) or known, sha256(archive)
    if expected is not None and expected != found and not new:
        raise UserError(
            f"{archive} has the SHA-256 {found}, not {expected} as on record: damaged, or changed by its authors. "
            "Delete it and get it again, or take it as it is with --new-checksum."
        )
    if recorded.get(name) != found:
        write_json(record, {**recorded, name: found})
