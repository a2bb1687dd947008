"""The documentation site: what would make it incomplete, ends its build."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_spec = importlib.util.spec_from_file_location("build_site", ROOT / "scripts" / "build_site.py")
assert _spec is not None
assert _spec.loader is not None
build_site = importlib.util.module_from_spec(_spec)
sys.modules["build_site"] = build_site
_spec.loader.exec_module(build_site)

CONFIGURATION = """
[project]
site_name = "small"
nav = [
  { "Home" = "index.md" },
  { "More" = [{ "Other" = "other.md" }, { "Python" = "api.md" }] },
  { "Changes" = "changelog.md" },
  { "Help" = "contributing.md" },
  { "Speed" = "benchmarks.md" },
]
[project.theme]
font = false
[project.plugins.mkdocstrings.handlers.python.options]
docstring_style = "google"
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A small repository with a site."""
    root = tmp_path / "repository"
    for name, text in {
        "zensical.toml": CONFIGURATION,
        "README.md": "# Small\n\n[docs](docs/index.md)\n",
        "CHANGELOG.md": "# Changes\n\n[how](docs/other.md#a-part)\n",
        "CONTRIBUTING.md": "# Help\n",
        "Dockerfile": "FROM scratch\n",
        "benchmarks/README.md": "# Speed\n\n[a page](../docs/other.md)\n",
        "docs/index.md": "# Home\n\n[other](other.md#a-part), [speed](../benchmarks/README.md), [top](../README.md)\n",
        "docs/other.md": "# Other\n\n## A part\n\n[changes](../CHANGELOG.md), [file](../Dockerfile), `[no](link)`\n",
        "docs/api.md": "# Python\n\n::: small.half\n",
        "src/small.py": 'def half(x: float) -> float:\n    """Half.\n\n    Args:\n        x: a number.\n    """\n',
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def test_the_navigation_names_every_page(tmp_path: Path) -> None:
    """Quick, and where it is looked for: `scripts/build_site.py` builds the real site."""
    build_site.lay_out(ROOT, tmp_path / "docs")


def _replace(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def test_links_lead_to_pages_and_to_copies_of_files(repository: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    build_site.build(repository, out)
    other = (out / "other" / "index.html").read_text()
    assert "Half." in (out / "api" / "index.html").read_text()
    assert 'href="../changelog/"' in other
    assert 'href="../files/Dockerfile.txt"' in other
    assert "[no](link)" in other
    assert (out / "files" / "Dockerfile.txt").read_text() == "FROM scratch\n"
    assert 'href="other/#a-part"' in (out / "index.html").read_text()


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("docs/index.md", "(other.md#a-part)", "(nothing.md)", "docs/index.md links to nothing.md"),
        ("docs/index.md", "[other](other.md", "![other](picture.png", "docs/index.md links to picture.png"),
        ("docs/index.md", "other.md#a-part", "other.md#a-part-that-is-not-there", "a-part-that-is-not-there"),
        ("CHANGELOG.md", "docs/other.md", "docs/nothing.md", "CHANGELOG.md links to docs/nothing.md"),
        ("docs/other.md", "../Dockerfile", "../../Dockerfile", "docs/other.md links to ../../Dockerfile"),
        ("zensical.toml", '"other.md"', '"another.md"', "navigation and the pages differ: another.md, other.md"),
        ("docs/api.md", "small.half", "small.quarter", "small.quarter"),
        ("src/small.py", "x: a number", "y: a number", "Parameter 'y' does not appear"),
        ("zensical.toml", "font = false", 'font = { text = "Roboto", code = "Mono" }', "loads from another server"),
    ],
)  # fmt: skip
def test_what_is_missing_ends_the_build(
    repository: Path, tmp_path: Path, file: str, old: str, new: str, told: str
) -> None:
    _replace(repository / file, old, new)
    out = tmp_path / "site"
    out.mkdir()
    (out / "before").touch()
    with pytest.raises(build_site.Broken, match=told):
        build_site.build(repository, out)
    assert [f.name for f in out.iterdir()] == ["before"]  # an earlier site stays


def test_search_works_from_a_disk(repository: Path, tmp_path: Path) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    pytest.importorskip("zensical")
    chromium = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
    if chromium is None:
        pytest.skip("there is no Chromium to search with")
    script = "search-from-disk.js"
    shutil.copy(ROOT / "docs" / script, repository / "docs")
    with (repository / "zensical.toml").open("a") as file:
        file.write(f'[[project.extra.polyfills]]\npath = "{script}"\n')
    build_site.build(repository, tmp_path / "site")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto((tmp_path / "site" / "index.html").as_uri())
        page.keyboard.press("/")
        box = page.get_by_placeholder("Search")
        page.set_default_timeout(10_000)
        box.wait_for()
        box.press_sequentially("part")
        page.locator("a[href^='file:'][href*='#a-part']").first.wait_for()
        browser.close()
