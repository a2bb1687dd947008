"""In a real Chromium: all that can be dropped, the camera, what can be taken along, and two runs side by side."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from browsing import drop, drop_paths, needs_chromium
from PIL import Image
from served import Serving, film, picture

from unpaired.translation.translator import Translator

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = needs_chromium


def test_a_film_comes_back_as_a_film(studio: Serving, page: Page, tmp_path: Path) -> None:
    av = pytest.importorskip("av")
    page.goto(f"{studio.address}/translate?run=first")
    drop(page, {"horse.mp4": film(tmp_path / "horse.mp4"), "no.mp4": b"no film"})
    page.wait_for_selector(".films:not([hidden])")
    page.get_by_text("2 files are done, 1 of them could not be translated.").wait_for()
    assert "no film" in page.inner_text(".told.bad")
    for kind in (".film", ".translation"):  # both play
        page.wait_for_function(f"() => document.querySelector('.films:not([hidden]) {kind}').videoWidth === 64")
    page.evaluate("document.querySelector('.films:not([hidden]) .translation').play()")  # one button for both
    page.wait_for_function("() => !document.querySelector('.films:not([hidden]) .film').paused")
    with page.expect_download() as made:
        page.get_by_role("link", name="Download", exact=True).locator("visible=true").click()
    assert made.value.suggested_filename == "horse-a2b.mp4"
    made.value.save_as(tmp_path / "made.mp4")
    with av.open(str(tmp_path / "made.mp4")) as container:
        assert len([*container.decode(video=0)]) == 12


def test_a_folder_and_a_zip_of_many_come_back_together(studio: Serving, page: Page, tmp_path: Path) -> None:
    folder = tmp_path / "horses"
    (folder / "deeper").mkdir(parents=True)
    for n in range(4):
        (folder / ("deeper" if n % 2 else ".") / f"in-folder-{n}.png").write_bytes(picture(24, 24, seed=n))
    (folder / ".hidden.png").write_bytes(picture())
    with zipfile.ZipFile(tmp_path / "many.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for n in range(12):
            archive.writestr(f"inside/in-zip-{n}.jpg", picture(24, 24, seed=n, kind="JPEG"))
    page.goto(f"{studio.address}/translate?run=first")
    drop_paths(page, folder, tmp_path / "many.zip")
    page.wait_for_function("() => document.getElementById('status').textContent === '16 files are done.'")
    with page.expect_download() as made:
        page.get_by_role("button", name="Download all").click()
    names = [f"in-folder-{n}-a2b.png" for n in range(4)] + [f"in-zip-{n}-a2b.jpg" for n in range(12)]
    with zipfile.ZipFile(made.value.path()) as archive:
        assert sorted(archive.namelist()) == sorted(names)
        assert archive.testzip() is None
        for name in names:
            with Image.open(io.BytesIO(archive.read(name))) as image:
                assert image.size == (24, 24)


def test_what_a_browser_can_not_show_can_still_be_taken(studio: Serving, page: Page, tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (16, 20), np.uint16)
    content = io.BytesIO()
    np.save(content, values)
    page.goto(f"{studio.address}/translate?run=first")
    drop(page, {"measured.npy": content.getvalue()})
    page.wait_for_selector(".result .download[href]")
    page.wait_for_selector("text=a browser can't show its format")
    with page.expect_download() as made:
        page.get_by_role("link", name="Download", exact=True).click()
    assert made.value.suggested_filename == "measured-a2b.npy"
    translated = np.load(made.value.path())
    assert (translated.shape, translated.dtype) == (values.shape, values.dtype)


def test_the_camera_is_translated_live(studio: Serving, page: Page) -> None:
    page.goto(f"{studio.address}/translate?run=first")
    page.get_by_role("button", name="Use the camera").click()
    page.wait_for_function("() => /[0-9] pictures a second/.test(document.getElementById('speed').textContent)")
    colours = """() => {
        const canvas = document.getElementById("made");
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return new Set(new Uint32Array(data.buffer)).size;
    }"""
    assert page.evaluate(colours) > 100
    assert (
        page.evaluate("Math.max(document.getElementById('made').width, document.getElementById('made').height)") == 256
    )
    page.evaluate("window.track = document.getElementById('video').srcObject.getTracks()[0]")
    page.get_by_role("button", name="Stop").click()
    assert not page.locator("#live").is_visible()
    assert page.evaluate("window.track.readyState") == "ended"


def test_the_onnx_file_runs_elsewhere(studio: Serving, page: Page, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    page.goto(f"{studio.address}/runs/first")
    with page.expect_download(timeout=120_000) as made:
        page.get_by_role("link", name="a2b.onnx").click()
    made.value.save_as(tmp_path / "a2b.onnx")
    with page.expect_download() as weights:
        page.get_by_role("link", name="translator.safetensors").click()
    weights.value.save_as(tmp_path / "translator.safetensors")
    session = onnxruntime.InferenceSession(tmp_path / "a2b.onnx", providers=["CPUExecutionProvider"])
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 32, 40)).astype(np.float32)
    (there,) = session.run(None, {session.get_inputs()[0].name: x})
    translator = Translator.load(tmp_path / "translator.safetensors", device="cpu", precision="float32")
    import torch

    here = translator.translate(torch.from_numpy(x), "a2b").numpy()
    assert np.abs(np.clip(there, -1, 1) - here).max() < 1e-3


def test_which_of_two_runs_is_better(studio: Serving, page: Page) -> None:
    page.goto(f"{studio.address}/judge?run=first")
    page.get_by_label("Which is better?").check()
    assert not page.get_by_label("Pairs of practice").is_visible()
    page.locator("[name=other]").select_option("second")
    page.get_by_label("Pairs that count").fill("3")
    before = page.get_by_role("link", name="Take part").count()
    page.get_by_role("button", name="Make the study").click()
    page.get_by_role("link", name="Take part").nth(before).wait_for()
    assert "first or second" in page.inner_text("tbody tr:first-child")
    page.get_by_role("link", name="Take part").first.click()
    page.get_by_label("Your name").fill("Grace")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector("#go:enabled")
    page.locator("#go").click()
    for n in range(3):
        page.wait_for_selector("#choose-left:not([disabled])")
        assert page.inner_text("#question") == "Which is better?"
        for image in ("#left", "#right", "#source img"):
            page.wait_for_function("image => document.querySelector(image).naturalWidth === 32", arg=image)
        page.locator("#choose-right" if n else "#choose-left").click()
    page.wait_for_url("**/results")
    assert page.inner_text("h1") == "first or second"
    assert "of 3 answers" in page.inner_text(".figure-large")
    with page.expect_download() as table:
        page.get_by_role("link", name="Export as CSV").click()
    lines = table.value.path().read_text().splitlines()
    assert len(lines) == 4
    assert all("preference" in line and "Grace" in line for line in lines[1:])
