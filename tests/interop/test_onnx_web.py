"""examples/onnx-web in a real browser, where onnxruntime-web can be had from npm."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_exporting import EXAMPLES, translator

from unpaired.config import GeneratorConfig
from unpaired.interop.onnx import write_onnx

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)


class Quiet(SimpleHTTPRequestHandler):
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".mjs": "text/javascript", ".wasm": "application/wasm"}

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The example with its package, which npm keeps in a cache of its own."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here")
    if shutil.which("npm") is None:
        pytest.skip("no npm here")
    folder = tmp_path / "onnx-web"
    shutil.copytree(EXAMPLES / "onnx-web", folder, ignore=shutil.ignore_patterns("node_modules"))
    words = ["npm", "install", "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    try:
        installed = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("npm takes more than five minutes to install onnxruntime-web here")
    if installed.returncode:
        pytest.skip(f"npm can't install onnxruntime-web here: {installed.stderr.strip()[-200:]}")
    return folder


def test_a_picture_is_translated_in_a_browser(page: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    one = translator(GeneratorConfig(width=4, blocks=1, upsample="resize"))
    write_onnx(one, "a2b", page / "model.onnx")
    rough = np.random.default_rng(0).integers(0, 256, (5, 5, 3), dtype=np.uint8)
    picture = tmp_path / "picture.png"
    Image.fromarray(rough).resize((70, 50)).save(picture)
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=page))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        with sync_playwright() as p:
            browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            tab = browser.new_page()
            errors: list[str] = []
            tab.on("pageerror", lambda e: errors.append(str(e)))
            tab.goto(f"http://127.0.0.1:{server.server_port}/index.html")
            tab.wait_for_selector("body[data-ready]", timeout=60_000, state="attached")
            tab.set_input_files("input", picture)
            tab.wait_for_selector("body[data-done]", timeout=60_000, state="attached")
            shown = tab.evaluate(
                "() => { const c = document.querySelector('canvas');"
                "return [c.width, c.height, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]] }"
            )
            browser.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert not errors
    width, height, data = shown
    assert (width, height) == (64, 48)
    made = np.array(data, np.int16).reshape(height, width, 4)[..., :3]
    with Image.open(picture) as whole:
        ours = np.asarray(one(whole.crop((0, 0, 64, 48)), "a2b"), np.int16)
    assert np.abs(made - ours).max() <= 1
    assert ours.std() > 5, "a flat picture would prove nothing"
    assert json.loads((EXAMPLES / "onnx-web" / "package.json").read_text())["dependencies"]["onnxruntime-web"]
