"""Publishing and getting back: through a folder, and through the real client and a Hub that runs here."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
from small import SMALL, write_checkpoint
from torch import nn

from unpaired.config import Config, GeneratorConfig
from unpaired.errors import UserError
from unpaired.networks import build_generator
from unpaired.run.record import RunRecord
from unpaired.training.events import Events
from unpaired.translation import hub
from unpaired.translation.translator import Translator

COMMIT = "a" * 40


class Hub(BaseHTTPRequestHandler):
    """As much of the Hub as the client needs to make a repository, commit files to it, and download one."""

    files: dict[str, bytes]
    asked: list[str]

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        type(self).asked.append(self.path)
        if self.path.endswith("/api/repos/create"):
            self._json({"url": f"http://{self.headers['Host']}/someone/zebra"})
        elif "/preupload/" in self.path:
            names = [f["path"] for f in json.loads(content)["files"]]
            self._json({"files": [{"path": n, "uploadMode": "regular", "shouldIgnore": False} for n in names]})
        elif "/commit/" in self.path:
            for line in content.splitlines():
                said = json.loads(line)
                if said["key"] == "file":
                    type(self).files[said["value"]["path"]] = base64.b64decode(said["value"]["content"])
            address = f"http://{self.headers['Host']}/someone/zebra/commit/{COMMIT}"
            self._json({"success": True, "commitOid": COMMIT, "commitUrl": address})
        else:
            self._json({}, 200)

    def do_HEAD(self) -> None:
        self._file()

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        if "/resolve/" in self.path:
            self._file()
        else:
            self._json({"id": "someone/zebra", "sha": COMMIT, "siblings": []})

    def _file(self) -> None:
        content = self.files.get(self.path.rpartition("/")[2]) if "someone/zebra" in self.path else None
        if content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("ETag", f'"{hashlib.sha1(content).hexdigest()}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def _json(self, value: Any, status: int = 200) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    Hub.files, Hub.asked = {}, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def small() -> Translator:
    config = Config(generator=GeneratorConfig(width=4, blocks=1))

    def build() -> nn.Module:
        torch.manual_seed(0)
        return build_generator(3, 3, config.generator).eval()

    return Translator(config, {"a2b": build}, device="cpu", precision="float32", images_seen=1200)


def test_published_and_fetched_through_the_client(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    one = small()
    assert "someone/zebra" in hub.push(one, "someone/zebra", token="hf_none", endpoint=endpoint, licence="cc-by-4.0")
    assert Hub.files.keys() == {"README.md", "translator.safetensors"}
    assert "license: cc-by-4.0" in Hub.files["README.md"].decode()
    path = hub.fetched("someone/zebra", token="hf_none", endpoint=endpoint)
    again = Translator.load(path, device="cpu", precision="float32")
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    assert torch.equal(again.translate(x), one.translate(x))
    with pytest.raises(UserError, match=r"someone/none is neither a folder here nor a translator on the Hub"):
        hub.fetched("someone/none", token="hf_none", endpoint=endpoint)


def test_a_folder_is_as_good(tmp_path: Path) -> None:
    one = small()
    one.save_pretrained(tmp_path / "zebra")
    again = Translator.from_pretrained(tmp_path / "zebra", direction="a2b", device="cpu", precision="float32")
    assert again.images_seen == 1200
    same = Translator.load(tmp_path / "zebra", direction="a2b", device="cpu", precision="float32")
    assert same.fingerprint() == again.fingerprint()
    x = torch.rand(1, 3, 16, 16) * 2 - 1
    assert torch.equal(again.translate(x), one.translate(x))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no translator\.safetensors"):
        Translator.from_pretrained(tmp_path / "empty")


def test_what_the_client_says_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"could not be published \(.+\): log in with `hf auth login`"):
        small().push_to_hub("no name/at all")


def test_the_card_counts_and_shows_no_pictures(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run")
    command = f"{tmp_path}/bin/unpaired train {tmp_path}/a {tmp_path}/b --out run"
    record = RunRecord(config=SMALL, folders=None, counts={"a": 4, "b": 4}, provenance={"command": command})
    record.write(tmp_path / "run")
    score = {"value": 0.1234, "nothing": 0.5, "floor": 0.01}
    result = {"directions": {"a2b": {"measures": {"KID": score}}}, "side": [32, 32]}
    Events(tmp_path / "run").tell("evaluation", 3000, 1.0, result=result)
    Translator.load(tmp_path / "run").save_pretrained(tmp_path / "card", "someone/zebra")
    card = (tmp_path / "card" / "README.md").read_text()
    assert "license: unknown" in card
    assert "**fill in**" in card
    assert "| KID | 0.5 | 0.1234 | 0.01 |" in card
    assert "pictures of A and" in card
    assert "- Command: `unpaired train a b --out run`" in card
    assert 'Translator.from_pretrained("someone/zebra", direction="a2b")' in card
    assert str(tmp_path) not in card
