"""The folders of docs/architecture.md are those that there are, and import each other in one direction."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "unpaired"


def _lines() -> dict[str, int]:
    """The line of the table in which a package or module is named."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = text.partition("| `src/unpaired/` |")[2].partition("\n\n")[0].splitlines()[2:]
    firsts = [row.split("|")[1] for row in rows]
    return {name: number for number, first in enumerate(firsts) for name in re.findall(r"`(\w+)(?:/|\.py)`", first)}


def _imported(module: Path) -> Iterator[str]:
    """The packages and modules of `unpaired` that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "unpaired":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("unpaired."):
            yield (node.module or "").split(".")[1]
        elif isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("unpaired."))


def test_the_table_names_everything_that_there_is() -> None:
    modules = {path.stem for path in PACKAGE.glob("[!_]*.py")}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert modules | packages == set(_lines())


@pytest.mark.parametrize("room", sorted(_lines()))
def test_a_line_imports_from_the_lines_below_it_only(room: str) -> None:
    lines = _lines()
    files = (PACKAGE / room).rglob("*.py") if (PACKAGE / room).is_dir() else [PACKAGE / f"{room}.py"]
    assert not {
        (file.relative_to(PACKAGE).as_posix(), other)
        for file in files
        for other in _imported(file)
        if other in lines and other != room and lines[other] <= lines[room]
    }
