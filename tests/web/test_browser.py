"""The studio in a real Chromium: what people do there, on a screen and on a phone, with a keyboard, and for all."""

from __future__ import annotations

import io
import threading
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from browsing import drop, needs_chromium
from served import Serving, picture, serving

from unpaired.translation.translator import Translator
from unpaired.web.folders import Folders
from unpaired.web.runs import Runs

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium

TINY = (
    "--size 36 --crop 32 --generator.width 4 --generator.blocks 1 --discriminator.kind patchgan "
    "--discriminator.width 4 --discriminator.layers 1 --batch 2 --preview-minutes 0.01 --held-out 0"
)


@pytest.mark.skipif(find_spec("axe_playwright_python") is None, reason="axe-core is not installed")
@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_nothing_is_too_wide_and_axe_finds_no_serious_fault(
    studio: Serving, browser: Browser, width: int, scheme: Literal["dark", "light"]
) -> None:
    from axe_playwright_python.base import AXE_FILE_PATH

    # axe-core makes functions from strings, which the studio's own policy forbids.
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme, bypass_csp=True)
    page = context.new_page()

    axe = Path(AXE_FILE_PATH).read_text(encoding="utf-8")
    faults: list[Any] = []
    for path in (
        "/",
        "/new",
        "/runs/first",
        "/runs/first/delete",
        "/translate",
        "/judge",
        "/api",
        "/login",
        "/runs/none",
    ):
        page.goto(studio.address + path)
        if path == "/translate":
            drop(page, {"horse.png": picture()})
            page.wait_for_selector(".result .download[href]")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        page.evaluate(axe)
        found = page.evaluate("axe.run({resultTypes: ['violations']})")
        faults += [
            (path, v["id"], [n["html"][:120] for n in v["nodes"]])
            for v in found["violations"]
            if v["impact"] in ("serious", "critical")
        ]
    context.close()
    assert faults == []


def test_translating_by_dropping(studio: Serving, page: Page, tmp_path: Path) -> None:
    page.goto(f"{studio.address}/translate?run=first")
    page.get_by_label("There and back, too").check()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("folder/packed.png", picture(30, 30, seed=1))
        z.writestr("__MACOSX/._packed.png", b"nothing")
    drop(page, {"horse.png": picture(40, 30), "broken.png": b"not a picture", "more.zip": archive.getvalue()})
    page.wait_for_function("() => document.querySelectorAll('.result .download[href]').length === 2")
    page.get_by_text("3 files are done, 1 of them could not be translated.").wait_for()
    assert "not a picture that can be read" in page.inner_text(".told.bad")

    result = page.locator(".result", has_text="horse-a2b.png")
    slider = result.locator("input[type=range]")
    slider.focus()
    before = result.locator(".compare").evaluate("e => getComputedStyle(e).getPropertyValue('--at')")
    page.keyboard.press("ArrowLeft")
    assert result.locator(".compare").evaluate("e => getComputedStyle(e).getPropertyValue('--at')") != before
    result.get_by_role("button", name="What changed").click()
    assert result.locator("canvas").is_visible()
    assert "% of the pixels" in (result.locator("canvas").get_attribute("aria-label") or "")
    result.get_by_role("button", name="There and back").click()
    assert result.locator(".after").evaluate("e => e.src === e.dataset.back")

    with page.expect_download() as one:
        result.get_by_role("link", name="Download").click()
    expected = studio.ask("/v1/translate?run=first&direction=a2b", picture(40, 30)).body
    assert one.value.path().read_bytes() == expected
    with page.expect_download() as all_of_them:
        page.get_by_role("button", name="Download all").click()
    with zipfile.ZipFile(all_of_them.value.path()) as z:
        assert sorted(z.namelist()) == ["horse-a2b.png", "packed-a2b.png"]
        assert z.testzip() is None
        assert z.read("horse-a2b.png") == expected


def test_a_warning_that_comes_later_is_asked_for(studio: Serving, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page gets `X-Unpaired-Unusual: later`, asks until the training pictures are looked at, and stops."""
    asked: list[str] = []
    looked = threading.Event()

    async def ready(run: Path, direction: str) -> bool:
        asked.append(direction)
        return looked.is_set()

    monkeypatch.setattr(studio.service.trust, "ready", ready)
    monkeypatch.setattr(studio.service.trust, "percentile", lambda *_: 99.5)
    page.goto(f"{studio.address}/translate?run=first")
    with page.expect_response(lambda answer: answer.headers.get("x-unpaired-unusual") == "later"):
        drop(page, {"horse.png": picture()})
    page.wait_for_selector(".result .download[href]")
    with page.expect_response("**/v1/translate?**"):
        pass
    assert not page.locator(".result .unusual").is_visible()
    looked.set()
    page.locator(".result .unusual").wait_for()
    times = len(asked)
    page.wait_for_timeout(200)
    assert len(asked) == times > 2
    assert set(asked) == {"a2b"}


def test_a_run_through_time_and_its_downloads(studio: Serving, page: Page, tmp_path: Path) -> None:
    page.goto(f"{studio.address}/")
    page.get_by_role("link", name="first").click()
    page.wait_for_url("**/runs/first")
    assert "Something <b>to know</b>." in page.inner_text("#warnings")
    image = page.locator("[data-direction=a2b] img")
    last = image.get_attribute("src")
    page.get_by_label("Moment").focus()
    page.keyboard.press("ArrowLeft")
    assert image.get_attribute("src") != last
    assert page.inner_text("#when").startswith("40 images")
    assert page.locator("#curves svg").count() >= 1
    with page.expect_download(timeout=100_000) as weights:  # a process that exports, and imports torch first
        page.get_by_role("link", name="translator.safetensors").click()
    weights.value.save_as(tmp_path / "translator.safetensors")
    assert Translator.load(tmp_path / "translator.safetensors").directions == ("a2b", "b2a")
    page.goto(f"{studio.address}/runs/first/report")
    assert page.title() == "horses ↔ zebras · unpaired"


def test_a_study_with_the_keyboard_alone(studio: Serving, page: Page) -> None:
    page.goto(f"{studio.address}/judge?run=first")
    for label, value in (("Pairs that count", "4"), ("Pairs of practice", "1")):
        page.get_by_label(label).fill(value)
    before = page.get_by_role("link", name="Take part").count()
    page.get_by_role("button", name="Make the study").focus()
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Take part").nth(before).wait_for()  # the new one comes first
    page.get_by_role("link", name="Take part").first.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Your name").fill("Ada <i>")
    page.keyboard.press("Enter")
    page.wait_for_selector("#go:enabled")
    page.locator("#go").focus()
    page.keyboard.press("Enter")
    for n in range(5):
        page.wait_for_selector("#choose-left:not([disabled])")
        assert page.inner_text("#question") == "Which was real?"
        assert not page.locator("#left").is_visible()
        page.keyboard.press("ArrowLeft" if n % 2 else "ArrowRight")
        if n == 0:
            page.wait_for_selector("#go:not([hidden])")
            assert page.inner_text("#feedback") in ("Right.", "No, that was the other one.")
            page.keyboard.press("Enter")
    page.wait_for_url("**/results")
    assert "of 4 answers" in page.inner_text(".figure-large")
    assert "Ada <i>" in page.inner_text("table")
    with page.expect_download() as table:
        page.get_by_role("link", name="Export as CSV").click()
    lines = table.value.path().read_text().splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("study,kind,runs")


def test_training_from_the_browser(tmp_path: Path, browser: Browser) -> None:
    """Start on the built-in pair, two previews arrive by themselves, stop, go on, look at it, delete it."""
    with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as studio:
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(90_000)
        page.goto(f"{studio.address}/")
        page.get_by_role("link", name="Start the first training").click()
        page.get_by_label("The built-in pair").check()
        page.get_by_label("Minutes of training").fill("30")
        page.get_by_text("More options").click()
        page.get_by_label("As on the command line").fill(TINY)
        page.get_by_role("button", name="Start training").click()
        page.wait_for_url("**/runs/emoji")
        # Nobody touches the page: it tells by itself what is new.
        page.wait_for_selector("#run[data-state=training]")
        page.wait_for_function("() => Number(document.getElementById('moment')?.max) >= 1")
        page.wait_for_function("() => document.querySelector('[data-direction=a2b] img').naturalWidth > 0")
        assert page.inner_text("[data-fact=left]") != ""
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector("#run[data-state=stopped]")
        images = int(page.inner_text("[data-fact=images]").replace(",", ""))
        assert images > 0

        page.get_by_text("Go on", exact=True).click()
        page.get_by_role("button", name="Go on with the training").click()
        page.wait_for_selector("#run[data-state=training]")
        seen = "Number(document.querySelector('[data-fact=images]').textContent.replace(/,/g, ''))"
        page.wait_for_function(f"() => {seen} > {images}")
        page.get_by_role("button", name="Stop").click()
        page.wait_for_selector("#run[data-state=stopped]")

        page.get_by_role("link", name="Delete this run").click()
        page.get_by_label("To be sure").fill("something else")
        page.get_by_role("button", name="Delete for good").click()
        assert "Nothing was deleted" in page.inner_text("[role=alert]")
        page.get_by_label("To be sure").fill("emoji")
        page.get_by_role("button", name="Delete for good").click()
        page.wait_for_url(f"{studio.address}/")
        assert not (tmp_path / "runs" / "emoji").exists()
        page.close()
