"""Build the documentation site: python scripts/build_site.py [OUT], by default build/site.

Strict: a broken link, a heading or page that is not there, a page that the navigation leaves out, a docstring that
contradicts its signature, or anything that would be loaded from another server ends it with status 1.

The pages are those of docs/ as they stand, and those of `ELSEWHERE`. A link that leads to another file of the
repository leads to a copy of it: links are written once, for the repository, and work in both places. It needs the
extra `docs`, and no network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

ELSEWHERE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "benchmarks/README.md": "benchmarks.md",
}
"""Files of the repository beside docs/ that are pages of the site."""

FRONT = {"README.md": "index.md"}
"""The front page has a text of its own in each place."""

LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
CODE = re.compile(r"^```.*?^```|`[^`\n]+`", re.DOTALL | re.MULTILINE)
COLOUR = re.compile(r"\x1b\[[\d;]*m")
LOADED = re.compile(r"""<(?:script|img|iframe|link (?![^>]*canonical))[^>]*(?:src|href)=["']?(?:https?:)?//[^>]*>""")


class Broken(Exception):
    """What makes the site incomplete, in one sentence."""


def place_of(file: str) -> str:
    """Where a file of the repository is on the site; both are paths relative to their root."""
    pages = ELSEWHERE | FRONT
    if file in pages:
        return pages[file]
    if file.startswith("docs/"):
        return file.removeprefix("docs/")
    return f"files/{file}.txt"  # as text, which a browser shows


def lay_out(root: Path, pages: Path) -> None:
    """Write what the site is made from into `pages`: docs/ of the repository `root`, and what it links to.

    Raises `Broken`: a link leads to nothing, or the navigation and the pages are not the same.
    """
    shutil.copytree(root / "docs", pages)
    files = [str(file.relative_to(root)) for file in sorted((root / "docs").rglob("*.md"))] + list(ELSEWHERE)
    for file in files:
        text = (root / file).read_text(encoding="utf-8")
        (pages / place_of(file)).write_text(_with_links_moved(text, root, file, pages), encoding="utf-8")

    navigation = tomllib.loads((root / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]
    named, there = set(_named(navigation)), {place_of(file) for file in files}
    if missing := sorted(named ^ there):
        raise Broken(f"zensical.toml's navigation and the pages differ: {', '.join(missing)}.")


def _named(navigation: list[dict[str, object]]) -> list[str]:
    """The pages that a navigation names."""
    pages: list[str] = []
    for entry in navigation:
        for what in entry.values():
            pages += _named(what) if isinstance(what, list) else [str(what)]
    return pages


def _with_links_moved(text: str, root: Path, file: str, pages: Path) -> str:
    """The `text` of a file of the repository, its links leading to where things are on the site."""

    def moved(link: re.Match[str]) -> str:
        if re.match(r"[a-z]+:", link[2]):
            return link[0]
        target = (root / file).parent.joinpath(link[2]).resolve()
        if not target.is_relative_to(root) or not target.exists():
            raise Broken(f"{file} links to {link[2]}, which is not there.")
        place = place_of(str(target.relative_to(root)))
        if place.startswith("files/"):
            (pages / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(target, pages / place)
        return f"{link[1]}{os.path.relpath(place, Path(place_of(file)).parent)}{link[3] or ''}{link[4]}"

    parts: list[str] = []
    end = 0
    for code in CODE.finditer(text):  # what looks like a link in code is none
        parts += [LINK.sub(moved, text[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, LINK.sub(moved, text[end:])])


def build(root: Path, out: Path) -> None:
    """Build the site of the repository `root` into `out`, which appears whole or not at all. Raises `Broken`."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        shutil.copy(root / "zensical.toml", work)
        lay_out(root, work / "docs")
        environment = os.environ | {"PYTHONPATH": str(root / "src")}
        done = subprocess.run(
            [sys.executable, "-m", "zensical", "build", "--strict"],
            cwd=work, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        said = COLOUR.sub("", done.stdout + done.stderr)
        if done.returncode or "griffe: " in said:
            raise Broken(said.split("Traceback")[0])
        for page in sorted((work / "site").rglob("*.html")):
            if found := LOADED.search(page.read_text(encoding="utf-8")):
                raise Broken(f"{page.name} loads from another server: {found[0]}")
        # From a disk browsers load scripts, and no other files: see docs/search-from-disk.js.
        index = (work / "site" / "search.json").read_text(encoding="utf-8")
        (work / "site" / "search.js").write_text(f"var __index = {index}", encoding="utf-8")
        shutil.rmtree(out, ignore_errors=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(work / "site", out)


if __name__ == "__main__":
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "site"
    try:
        build(ROOT, out)
    except Broken as e:
        sys.exit(str(e))
    print(f"{out / 'index.html'}: {len(list(out.rglob('*.html')))} pages.")
