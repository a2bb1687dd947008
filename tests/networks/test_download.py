"""VGG-19's weights come whole or not at all, and once."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from unpaired.errors import UserError
from unpaired.networks import download
from unpaired.networks.perceptual import load_perceptual

CONTENT = bytes(range(256)) * 5000
"""Stands for the weights."""


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on this machine that has `CONTENT` under a name that ends with its hash."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
    assert len(asked) == 1


def test_it_is_fetched_once_and_kept(served: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    name = f"vgg19-{hashlib.sha256(CONTENT).hexdigest()[:8]}.pth"
    monkeypatch.setattr(download, "VGG19", f"{served}/{name}")
    path = download.vgg19(download=True)
    assert path == tmp_path / "weights" / name
    assert path.read_bytes() == CONTENT
    assert download.vgg19(download=True) == download.vgg19(download=False) == path


def test_what_arrives_damaged_is_not_kept(served: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(download, "VGG19", f"{served}/vgg19-00000000.pth")
    with pytest.raises(UserError, match="arrived damaged"):
        download.vgg19(download=True)
    assert not [*(tmp_path / "weights").iterdir()]


def test_nothing_is_fetched_unasked_and_what_is_not_there_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path))
    with pytest.raises(
        UserError, match=r"get https://download.*\.pth \(548 MB\) and give that file .* or have it fetched"
    ):
        load_perceptual("vgg19")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "VGG19", "http://127.0.0.1:9/vgg19-00000000.pth")
    with pytest.raises(UserError, match="can't be fetched"):
        load_perceptual("vgg19", download=True)
    assert not [*(tmp_path / "weights").iterdir()]
