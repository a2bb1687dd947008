"""`unpaired serve` as a user types it: a process that answers, and ends well."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from terminal import Command, paint

import unpaired as library
from unpaired.run import checkpoint, checkpoints


@contextmanager
def started(*words: object) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server and its address, which it says as soon as it listens."""
    process = subprocess.Popen(
        [sys.executable, "-m", "unpaired", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={name: value for name, value in os.environ.items() if name != "UNPAIRED_TOKEN"},
    )
    assert process.stdout
    try:
        greeting = process.stdout.readline()
        address = re.search(r"http://[\w.:\[\]]+", greeting)
        assert address, greeting + process.stdout.read()
        yield process, address[0]
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_run_is_served_and_stops_when_asked(run: Path, tmp_path: Path) -> None:
    with started("serve", run, "--port", 0, "--device", "cpu") as (process, address):
        client = library.Client(address)
        assert client.health()["status"] == "ok"
        made = client(paint(tmp_path / "horse.jpg", 30, 20), "a2b")
        assert made.size == (30, 20)
        made.save(tmp_path / "zebra.png")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with Image.open(tmp_path / "zebra.png") as image:
        assert image.mode == "RGB"


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_stopping_ends_what_is_computed_beside_the_requests(run: Path, tmp_path: Path, stop: signal.Signals) -> None:
    """750 training pictures are being looked at, which takes many seconds: the process neither waits nor aborts."""
    one = paint(tmp_path / "one.png", 16, 16).read_bytes()
    record = json.loads((run / "run.json").read_text())
    for domain in ("a", "b"):
        folder = tmp_path / "pictures" / domain
        folder.mkdir(parents=True)
        for n in range(750):
            (folder / f"{n}.png").write_bytes(one)
        record["folders"][domain] = str(folder)
    (run / "run.json").write_text(json.dumps(record))
    with started("serve", run, "--port", 0, "--device", "cpu") as (process, address), ThreadPoolExecutor() as pool:
        post = f"{address}/v1/translate?direction=a2b&trust=true"
        answer = pool.submit(urllib.request.urlopen, urllib.request.Request(post, one, {"content-type": "image/png"}))
        end = time.monotonic() + 30
        while "unpaired_batches 1.0" not in urllib.request.urlopen(f"{address}/v1/metrics").read().decode():
            assert time.monotonic() < end
        time.sleep(1)
        began = time.monotonic()
        process.send_signal(stop)
        assert process.wait(20) == 0
        assert time.monotonic() - began < 8
        with answer.result() as translated:  # it was under way, and is answered without its trust
            assert translated.headers["x-unpaired-unusual"] in (None, "later")
        assert process.stdout
        assert process.stdout.read() == ""
    assert not (run / "trust-a.safetensors").exists()


def test_mistakes_are_sentences(unpaired: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UNPAIRED_TOKEN", raising=False)
    assert "is not a run" in unpaired("serve", tmp_path / "none").sentence
    assert "needs a token" in unpaired("serve", run, "--host", "0.0.0.0").sentence
    assert "at least 16" in unpaired("serve", run, "--token", "abc").sentence
    assert "can't be listened on" in unpaired("serve", run, "--host", "192.0.2.1", "--token", "x" * 16).sentence
    (run / "checkpoints").rename(tmp_path / "away")
    assert "holds no checkpoint yet" in unpaired("serve", run).sentence


def test_a_missing_extra_is_named(unpaired: Command, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name, *rest: None if name == "fastapi" else find(name, *rest))
    assert "pip install 'unpaired[web]'" in unpaired("serve", run).sentence


def test_killed_in_the_middle_of_requests_nothing_is_lost(run: Path, tmp_path: Path) -> None:
    picture = paint(tmp_path / "horse.png", 64, 64).read_bytes()
    whole = checkpoint.read(checkpoints.of(run)[-1])
    before = sorted(p.relative_to(run) for p in run.rglob("*"))
    with started("serve", run, "--port", 0, "--device", "cpu") as (process, address):
        expected = library.Client(address).translate(picture, "a2b")
        port = int(address.rpartition(":")[2])
        lines = [socket.create_connection(("127.0.0.1", port)) for _ in range(6)]
        for n, line in enumerate(lines):
            head = "POST /v1/translate?direction=a2b HTTP/1.1\r\nhost: localhost\r\n"
            line.sendall(
                f"{head}content-length: {len(picture)}\r\n\r\n".encode() + (picture if n % 2 else picture[:50])
            )
        process.kill()
        process.wait()
        for line in lines:
            line.close()
    assert sorted(p.relative_to(run) for p in run.rglob("*")) == before
    whole.verify()
    with started("serve", run, "--port", 0, "--device", "cpu") as (_, address):
        assert library.Client(address).translate(picture, "a2b") == expected


def test_the_studio_opens_and_says_where(run: Path, tmp_path: Path) -> None:
    with started("studio", run.parent, "--port", 0, "--pictures", tmp_path) as (process, address):
        with urllib.request.urlopen(f"{address}/runs/{run.name}") as page:
            assert page.headers["content-type"].startswith("text/html")
            assert f"<dd>{run.name}</dd>" in page.read().decode()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0


def test_mistakes_with_the_studio_are_sentences(unpaired: Command, run: Path, tmp_path: Path) -> None:
    assert "is a run: name the folder that holds it" in unpaired("studio", run).sentence
    assert "is not a folder" in unpaired("studio", tmp_path / "runs", "--pictures", tmp_path / "none").sentence
    (tmp_path / "file").write_text("")
    assert "can't be a folder of runs" in unpaired("studio", tmp_path / "file").sentence
