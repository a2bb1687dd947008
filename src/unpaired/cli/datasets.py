"""`unpaired datasets`: named data sets, and what is wrong with one's own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table

from unpaired.cli.options import parsed
from unpaired.cli.progress import progress
from unpaired.data.catalog import CATALOG, ELSEWHERE, Named
from unpaired.data.shards import within
from unpaired.errors import UserError
from unpaired.presets import fast
from unpaired.text import counted, perhaps

SUMMARIES = {
    "list": "Say which data sets of the papers can be got, how large they are, and under what terms.",
    "get": "Download a data set of the papers, check it and unpack it; `emoji` comes with the package.",
    "check": "Say what is wrong with a data set before a day is spent on it.",
    "pack": "Write a folder of pictures as tar shards, as WebDataset reads them.",
}


@dataclass(frozen=True, kw_only=True)
class List:
    """Say which data sets of the papers can be got, how large they are, and under what terms."""

    json: bool = False
    """For programs."""


@dataclass(frozen=True, kw_only=True)
class Get:
    """Download a data set of the papers, check it and unpack it.

    unpaired datasets get horse2zebra
    """

    name: Annotated[str, tyro.conf.Positional, tyro.conf.arg(metavar="NAME")]
    """As `unpaired datasets list` says it."""
    to: Path = Path("datasets")
    """Folder of data sets; this one becomes a folder in it."""
    address: str | None = None
    """Of a mirror, in place of the one that its authors published."""
    new_checksum: bool = False
    """Take a file whose checksum is another than the one on record."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """Say what is wrong with a data set before a day is spent on it.

    unpaired datasets check horses zebras
    """

    folders: Annotated[
        tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR_A [DIR_B]", help_behavior_hint="(required)")
    ]
    """DIR_A DIR_B, or one folder that holds trainA and trainB; testA and testB beside them are looked at, too."""
    size: int = fast().data.size
    """Side in px to which a training would resize; smaller pictures are told of."""
    sample: int = 200
    """Pictures of each domain by which the domains are compared; 0 leaves that out."""
    json: bool = False
    """For programs."""


@dataclass(frozen=True, kw_only=True)
class Pack:
    """Write a folder of pictures as tar shards, as WebDataset reads them.

    unpaired datasets pack horses --out shards/horses
    """

    folder: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="DIR")]
    """The pictures, which stay as they are."""
    out: Path
    """New folder for the shards. It is trained on and translated as the folder of pictures would be."""
    shard_mb: int = 256
    """MiB of a shard, about."""
    seed: int = 0
    """Of the order in which pictures are packed."""


def main(arguments: list[str]) -> None:
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(_overview())
    elif name == "list":
        _list(parsed(arguments[1:], List, "datasets list"))
    elif name == "get":
        _get(parsed(arguments[1:], Get, "datasets get"))
    elif name == "check":
        _check(parsed(arguments[1:], Check, "datasets check"))
    elif name == "pack":
        _pack(parsed(arguments[1:], Pack, "datasets pack"))
    else:
        raise UserError(f"There is no command datasets {name}{perhaps(name, SUMMARIES) or '; see datasets --help'}.")


def _overview() -> str:
    commands = "\n".join(f"  {name:<6}  {summary}" for name, summary in SUMMARIES.items())
    return f"usage: unpaired datasets COMMAND …\n\n{commands}\n\n`unpaired datasets COMMAND --help` explains one."


def _list(told: List) -> None:
    if told.json:
        print(json.dumps({name: {"bytes": n.bytes, "sha256": n.sha256, "address": n.address, "holds": n.holds,
                                 "licence": n.licence, "cite": n.cite, "layout": n.layout}
                          for name, n in CATALOG.items()}, indent=1))  # fmt: skip
        return
    table = Table("name", "size", "holds", "licence")
    for name, named in CATALOG.items():
        table.add_row(name, _size(named), named.holds, named.licence)
    Console(highlight=False).print(table)
    for name, why in ELSEWHERE.items():
        print(f"{name}: {why}")
    print("Get one with `unpaired datasets get NAME`; it says what to cite.")


def _get(told: Get) -> None:
    from unpaired.data.named import find, get

    named = find(told.name)
    print(f"{told.name}: {named.holds}; {_size(named)}, from {told.address or named.address or 'this package'}")
    print(f"Licence: {named.licence}.")
    print(f"Cite: {named.cite}", flush=True)
    with progress(Console(stderr=True), "downloading", size=True, total=named.bytes) as tell:
        home = get(told.name, told.to, address=told.address, new_checksum=told.new_checksum, progress=tell)
    layout = "" if named.layout == "folders" else f" --method pix2pix --layout {named.layout}"
    print(f"It is in {home}. Train with: unpaired train {home} --out runs/{home.name}{layout}")


def _check(told: Check) -> None:
    from unpaired.data.layout import find_domains, find_test_domains
    from unpaired.evaluation.checkup import check

    if not 1 <= len(told.folders) <= 2:
        raise UserError("Name two folders of pictures, DIR_A and DIR_B, or one that holds trainA and trainB.")
    if told.size < 1 or told.sample < 0:
        raise UserError("--size must be at least 1, and --sample 0 or more.")
    given = told.folders[0], told.folders[1] if len(told.folders) == 2 else None
    folders: dict[str, Path] = dict(zip(("A", "B"), find_domains(*given), strict=True))
    folders |= dict(zip(("test A", "test B"), find_test_domains(*given) or (), strict=False))
    with progress(Console(stderr=True), "looking") as tell:
        found = check(folders, size=told.size, sample=told.sample, progress=tell)
    if told.json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        out = Console(highlight=False)
        for domain, folder in folders.items():
            whole = counted(found.counts[domain], "whole picture")
            out.print(f"{domain}: {whole} in {folder}", soft_wrap=True, markup=False)
        if found.kid:
            out.print(f"KID (EfficientNet-Lite0) between A and B {found.kid['between']:.4f}, "
                      f"within one domain {found.kid['floor']:.4f}", soft_wrap=True)  # fmt: skip
        if found.findings:
            table = Table("", "how many", "what", "what to do")
            for finding in found.findings:
                table.add_row(finding.level, f"{finding.count:,}", finding.what, finding.advice)
            out.print(table)
        for finding in (finding for finding in found.findings if finding.files):
            out.print(f"{finding.what}:", soft_wrap=True, markup=False)
            for file in finding.files:
                out.print(f"   {file}", soft_wrap=True, markup=False)
            if left := finding.count - len(finding.files):
                out.print(f"   and {left:,} more", soft_wrap=True)
        warnings = len(found.findings) - found.errors
        print(f"Errors: {found.errors}, warnings: {warnings}." if found.findings else "Nothing looks wrong.")
    if found.errors:
        sys.exit(1)


def _pack(told: Pack) -> None:
    from unpaired.data.discover import discover
    from unpaired.data.passed_over import tell
    from unpaired.data.shards import pack

    if told.shard_mb < 1 or told.seed < 0:
        raise UserError("--shard-mb must be at least 1, and --seed 0 or more.")
    found = discover(told.folder)
    if not told.folder.is_dir() or any(within(path) for path in found.files):
        raise UserError(f"{told.folder} is no folder of picture files: name one that is not packed yet.")
    console = Console(stderr=True)
    with progress(console, "packing") as done:
        shards = pack(
            told.folder, list(found.files), told.out, shard_bytes=told.shard_mb << 20, seed=told.seed, progress=done
        )
    for line in tell(found.skipped):
        console.print(line, soft_wrap=True, markup=False, highlight=False)
    print(f"{counted(len(found.files), 'picture')} packed into {counted(len(shards), 'shard')} in {told.out}.")


def _size(named: Named) -> str:
    return f"{named.bytes / 2**20:,.0f} MiB" if named.bytes else "size not recorded"
