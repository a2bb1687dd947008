"""How far a command is, on a terminal; nothing where there is none."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


@contextmanager
def progress(
    console: Console, doing: str, *, of: str = "", size: bool = False, total: int | None = None
) -> Generator[Callable[[int, int | None], None]]:
    """A bar that goes when the block ends, and what to call with (done, in all, if that is known).

    Args:
        doing: "translating", before the bar.
        of: "frames", behind the numbers.
        size: the numbers are bytes.
        total: how much it is in all, as far as is known before.
    """
    numbers = DownloadColumn() if size else MofNCompleteColumn()
    unit = (TextColumn(of),) if of else ()
    columns = (TextColumn(doing), BarColumn(), numbers, *unit, TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done, of_all: bar.update(task, completed=done, total=of_all)
