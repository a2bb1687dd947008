"""`unpaired datasets`: named data sets, and what is wrong with one's own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from unpaired.cli.options import parsed
from unpaired.data.catalog import CATALOG, ELSEWHERE, Named
from unpaired.errors import UserError
from unpaired.text import perhaps

SUMMARIES = {
    "list": "Say which data sets of the papers can be got, how large they are, and under what terms.",
    "get": "Download a data set of the papers, check it and unpack it.",
    "check": "Say what is wrong with a data set before a day is spent on it.",
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

    folders: Annotated[tuple[Path, ...], tyro.conf.Positional, tyro.conf.arg(metavar="DIR_A [DIR_B]")]
    """DIR_A DIR_B, or one folder that holds trainA and trainB; testA and testB beside them are looked at, too."""
    size: int = 256
    """Side in px to which a training would resize; smaller pictures are told of."""
    sample: int = 200
    """Pictures of each domain by which the domains are compared; 0 leaves that out."""
    json: bool = False
    """For programs."""


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
    print(f"{told.name}: {named.holds}; {_size(named)}, from {told.address or named.address}")
    print(f"Licence: {named.licence}.")
    print(f"Cite: {named.cite}", flush=True)
    console = Console(stderr=True)
    columns = (TextColumn("downloading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=named.bytes)
        home = get(
            told.name, told.to, address=told.address, new_checksum=told.new_checksum,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    layout = "" if named.layout == "folders" else f" --method pix2pix --layout {named.layout}"
    print(f"It is in {home}. Train with: unpaired train {home} --out runs/{home.name}{layout}")


def _check(told: Check) -> None:
    from unpaired.data.discover import find_domains, find_test_domains
    from unpaired.evaluation.checkup import check

    if not 1 <= len(told.folders) <= 2:
        raise UserError("Name two folders of pictures, DIR_A and DIR_B, or one that holds trainA and trainB.")
    if told.size < 1 or told.sample < 0:
        raise UserError("--size is at least 1, and --sample not negative.")
    given = told.folders[0], told.folders[1] if len(told.folders) == 2 else None
    folders: dict[str, Path] = dict(zip(("A", "B"), find_domains(*given), strict=True))
    folders |= dict(zip(("test A", "test B"), find_test_domains(*given) or (), strict=False))
    console = Console(stderr=True)
    columns = (TextColumn("looking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)
        found = check(
            folders, size=told.size, sample=told.sample,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    if told.json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        out = Console(highlight=False)
        for domain, folder in folders.items():
            out.print(f"{domain}: {found.counts[domain]:,} whole pictures in {folder}", soft_wrap=True, markup=False)
        if found.kid:
            out.print(f"KID (EfficientNet-Lite0) between A and B {found.kid['between']:.4f}, "
                      f"within one domain {found.kid['floor']:.4f}", soft_wrap=True)  # fmt: skip
        if found.findings:
            table = Table("", "what", "how many", "which", "what to do", show_lines=True)
            for finding in found.findings:
                left = finding.count - len(finding.files)
                files = [*finding.files, *([f"and {left:,} more"] if left and finding.files else [])]
                cells = [finding.level, finding.what, f"{finding.count:,}", "\n".join(files), finding.advice]
                table.add_row(*map(Text, cells))  # not markup: names may hold brackets
            out.print(table)
        print("Nothing looks wrong." if not found.findings else
              f"{found.errors} errors, {len(found.findings) - found.errors} warnings.")  # fmt: skip
    if found.errors:
        sys.exit(1)


def _size(named: Named) -> str:
    return f"{named.bytes / 2**20:,.0f} MiB" if named.bytes else "size not recorded"
