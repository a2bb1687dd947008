"""A real Chromium, and what people do with files in it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import ConsoleMessage, Page

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu",
    "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream",  # a camera that shows a test picture
]  # fmt: skip
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to look at the studio with")


def matters(message: ConsoleMessage) -> bool:
    """Chromium logs every refused request as an error; scripts that fail and policies that are broken count."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page, as from the desktop."""
    page.evaluate(
        """files => {
            const transfer = new DataTransfer();
            for (const [name, content] of files) transfer.items.add(new File([new Uint8Array(content)], name));
            const zone = document.getElementById("dropzone");
            for (const kind of ["dragenter", "dragover", "drop"])
                zone.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        [[name, list(content)] for name, content in files.items()],
    )


def drop_paths(page: Page, *paths: Path) -> None:
    """Drop what is on the disk, folders too, with the mouse."""
    box = page.locator("#dropzone").bounding_box()
    assert box
    place = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})
