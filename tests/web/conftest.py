"""One small run, and a server of it that most tests share; a browser, and a studio to look at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import ARGUMENTS, CHROMIUM, matters
from served import Serving, make_run, picture, serving, tell

from unpaired.data.grid import preview_grid
from unpaired.web.folders import Folders
from unpaired.web.runs import Runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that is not to be changed."""
    return make_run(tmp_path_factory.mktemp("runs") / "zebra")


@pytest.fixture(scope="session")
def server(small_run: Path) -> Iterator[Serving]:
    with serving(Runs.single(small_run)) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as p:
        browser = p.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A studio with two runs whose pictures are there, so that studies can be made."""
    root = tmp_path_factory.mktemp("studio")
    for i, domain in enumerate(("horses", "zebras")):
        (root / domain).mkdir()
        for n in range(8):
            (root / domain / f"{n}.png").write_bytes(picture(40, 40, seed=10 * i + n))
    for seed, name in enumerate(("first", "second")):
        run = make_run(root / "runs" / name, seed=seed)
        record = json.loads((run / "run.json").read_text())
        record["folders"] |= {"a": str(root / "horses"), "b": str(root / "zebras")}
        (run / "run.json").write_text(json.dumps(record))
        (run / "previews").mkdir()
        for images in (40, 100):
            files: dict[str, str] = {}
            for way in ("a2b", "b2a"):
                column = [np.full((32, 32, 3), images + 20 * k, np.uint8) for k in range(3)]
                files[way] = f"previews/{images:09}-{way}.png"
                preview_grid([column, column], ["input", "translation"]).save(run / files[way])
            tell(run, "preview", images, files=files)
        tell(run, "warning", 100, text="Something <b>to know</b>.")
        tell(run, "end", 100, reason="images")
    with serving(Runs.below(root / "runs"), folders=Folders([root])) as running:
        yield running


@pytest.fixture(params=[390, 1440])
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    scheme = "dark" if request.param == 390 else "light"
    context = browser.new_context(viewport={"width": request.param, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.set_default_timeout(15_000)
    trouble: list[str] = []
    page.on("console", lambda m: trouble.append(m.text) if matters(m) else None)
    page.on("pageerror", lambda e: trouble.append(str(e)))
    yield page
    context.close()
    assert trouble == []
