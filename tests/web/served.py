"""A real server on a real socket, in a thread, and small runs for it to show."""

from __future__ import annotations

import http.client
import io
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from unpaired.config import Config, DataConfig, Direction, GeneratorConfig
from unpaired.networks import build_generator
from unpaired.networks.layers import initialise
from unpaired.run import checkpoint
from unpaired.run import record as records
from unpaired.web.app import application
from unpaired.web.folders import Folders
from unpaired.web.runs import Runs
from unpaired.web.server import Server, configured
from unpaired.web.service import Service
from unpaired.web.settings import Settings

SMALL = Config(data=DataConfig(size=32, crop=32), generator=GeneratorConfig(width=4, blocks=1))
NAMES: dict[Direction, str] = {"a2b": "generator_ab", "b2a": "generator_ba"}


def make_run(run: Path, *, config: Config = SMALL, images: int = 100, seed: int = 0, title: str | None = None) -> Path:
    """A run with one checkpoint, as a training leaves it."""
    run.mkdir(parents=True)
    folders = records.Folders(a=Path("horses"), b=Path("zebras"))
    counts = {"a": 12, "b": 12}
    record = records.RunRecord(config=config, folders=folders, counts=counts, preset="fast", title=title, provenance={})
    record.write(run)
    write_checkpoint(run, config=config, images=images, seed=seed)
    for kind, more in (
        ("start", {"plan": {"images": images, "minutes": None}, "directions": ["a2b", "b2a"], "sentences": []}),
        ("progress", {"terms": {"cycle_a": 0.2}, "rate": 10.0, "done": 1.0, "learning_rate": 1e-4}),
        ("checkpoint", {"folder": f"images-{images:09d}", "judged": {"a2b": 0.25, "b2a": 0.35}}),
        ("end", {"reason": "images"}),
    ):
        tell(run, kind, images, **more)
    return run


def tell(run: Path, kind: str, images: int, **more: Any) -> None:
    with (run / "events.jsonl").open("a") as file:
        file.write(json.dumps({"kind": kind, "time": 1.7e9, "images": images, "seconds": images / 10, **more}) + "\n")


def write_checkpoint(run: Path, *, config: Config = SMALL, images: int = 100, seed: int = 0) -> Path:
    weights: dict[str, dict[str, torch.Tensor]] = {}
    torch.manual_seed(seed)
    for way, name in NAMES.items():
        network = build_generator(*config.channels(way), config.generator)
        initialise(network, 0.3)  # strong enough that outputs differ from picture to picture
        weights[name] = network.state_dict()
    manifest = checkpoint.Manifest(images=images, seconds=images / 10, world=1, config=config, provenance={})
    return checkpoint.write(run, manifest, weights, {})


def picture(width: int = 20, height: int = 16, *, seed: int = 0, kind: str = "PNG", mode: str = "RGB") -> bytes:
    """A picture file."""
    rough = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC).convert(mode).save(content, kind)
    return content.getvalue()


def film(path: Path, frames: int = 12, width: int = 64, height: int = 48) -> bytes:
    """A film of a square that moves, of 25 frames a second."""
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number in range(frames):
            drawn = np.full((height, width, 3), (30, 120, 200), np.uint8)
            drawn[8:24, 2 * number : 2 * number + 16] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn, "rgb24")))
        container.mux(stream.encode(None))
    return path.read_bytes()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def sentence(self) -> str:
        """The one sentence of an error; nothing of Python's insides beside it."""
        assert b"Traceback" not in self.body
        assert b".py" not in self.body
        told = self.json
        assert list(told) == ["error"]
        return told["error"]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def array(self) -> np.ndarray[Any, Any]:
        with Image.open(io.BytesIO(self.body)) as image:
            return np.array(image)


@dataclass
class Serving:
    """A server that runs."""

    port: int
    service: Service
    host: str = field(init=False)

    def __post_init__(self) -> None:
        self.host = f"127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"http://{self.host}"

    def ask(
        self,
        path: str,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
        timeout: float = 30,
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method or ("GET" if body is None else "POST"), path, body, headers or {})
            answer = connection.getresponse()
            told = {k.lower(): v for k, v in answer.getheaders()}
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def submit(self, path: str, **fields: str) -> Answer:
        """What a browser sends for a form."""
        from urllib.parse import urlencode

        headers = {"content-type": "application/x-www-form-urlencoded", "origin": self.address, "accept": "text/html"}
        return self.ask(path, urlencode(fields).encode(), headers)

    def raw(self, content: bytes, *, close: bool = False, timeout: float = 5) -> bytes:
        """What comes back for bytes on the wire."""
        with socket.create_connection(("127.0.0.1", self.port), timeout) as line:
            line.sendall(content)
            if close:
                return b""
            parts = []
            while part := line.recv(65536):
                parts.append(part)
            return b"".join(parts)


@contextmanager
def serving(runs: Runs, settings: Settings | None = None, folders: Folders | None = None) -> Iterator[Serving]:
    settings = settings or Settings(device="cpu")
    app, service = application(runs, settings, folders)
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        bound.listen(128)
        server = Server(configured(app, settings), service)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started and thread.is_alive():
                thread.join(0.01)
            yield Serving(bound.getsockname()[1], service)
        finally:
            server.handle_exit(15, None)
            thread.join(30)
            assert not thread.is_alive()
