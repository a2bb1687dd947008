"""Large bodies: in nameless files while they come and go, in memory only while they are decoded."""

from __future__ import annotations

import http.client
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from served import Serving, picture, serving
from starlette.types import Message

import unpaired
from unpaired.errors import UserError
from unpaired.web import spool
from unpaired.web.runs import Runs
from unpaired.web.settings import Settings

POST = "/v1/translate?direction=a2b"
LARGE = picture(100, 100, kind="BMP")

shows_files = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not show open files")


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "IN_MEMORY", 20_000)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files lie."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def opened(place: Path) -> int:
    """Files below `place` that this process, which is the server, has open; those without a name too."""
    found = 0
    for number in os.listdir("/proc/self/fd"):
        try:
            found += os.readlink(f"/proc/self/fd/{number}").startswith(f"{place}/")
        except OSError:  # closed meanwhile
            continue
    return found


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_large_picture_comes_and_goes_as_a_small_one_does(server: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    form = b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="a"\r\n\r\n%s\r\n--xyz--\r\n' % LARGE
    answers = [server.ask(POST, LARGE), server.ask(POST, form, {"content-type": "multipart/form-data; boundary=xyz"})]
    monkeypatch.setattr(spool, "IN_MEMORY", 1 << 20)
    answers.append(server.ask(POST, LARGE))
    for answer in answers:
        assert (answer.status, answer.headers["content-type"]) == (200, "image/bmp")
        assert int(answer.headers["content-length"]) == len(answer.body) > 20_000
        assert answer.body == answers[0].body


@shows_files
def test_a_body_is_in_a_file_while_it_comes_which_goes_with_who_sends_it(server: Serving, place: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as line:
        head = f"POST {POST} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(LARGE)}\r\n\r\n".encode()
        line.sendall(head + LARGE[:-10])
        until(lambda: opened(place) == 1)
    until(lambda: opened(place) == 0)
    assert server.service.batcher.taken == 0


@shows_files
@pytest.mark.parametrize("leaves", [True, False])
def test_an_answer_is_in_a_file_while_it_goes(place: Path, leaves: bool) -> None:
    content, sent, seen = os.urandom(3 << 20), bytearray(), list[int]()
    response = spool.answer(content, "image/bmp", {})
    left = anyio.Event()

    async def receive() -> Message:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        seen.append(opened(place))
        sent.extend(message.get("body", b""))
        if leaves and len(sent) > 1 << 20:
            left.set()
            await anyio.sleep_forever()  # a reader that has stopped to read

    anyio.run(response, {"type": "http", "asgi": {"spec_version": "2.3"}}, receive, send)
    assert set(seen) == {1}
    assert opened(place) == 0
    assert (bytes(sent) == content) is not leaves


@pytest.mark.parametrize("large", ["what comes", "what goes"])
def test_a_full_disk_is_told(server: Serving, monkeypatch: pytest.MonkeyPatch, large: str) -> None:
    """/dev/full takes nothing: buffered, it says so with the last byte, and again when it is closed."""
    if not Path("/dev/full").exists():
        pytest.skip("the system has no /dev/full")
    what = "unpaired.web.spool.TemporaryFile" if large == "what goes" else "tempfile.TemporaryFile"
    monkeypatch.setattr(what, lambda **_: Path("/dev/full").open("r+b"))  # noqa: SIM115
    answer = server.ask(POST, LARGE)
    assert (answer.status, "can't be stored here" in answer.sentence) == (507, True), answer.body
    assert server.service.batcher.taken == 0


def test_the_client_translates_files(server: Serving, tmp_path: Path) -> None:
    client = unpaired.Client(server.address)
    source, made = tmp_path / "horse.bmp", tmp_path / "zebra.bmp"
    source.write_bytes(LARGE)
    assert client.translate_file(source, made, "a2b") == made
    assert made.read_bytes() == client.translate(LARGE, "a2b")
    client.translate_file(str(source), tmp_path / "zebra.webp", "a2b", quality=10)
    assert (tmp_path / "zebra.webp").read_bytes() == client.translate(LARGE, "a2b", format="webp", quality=10)

    before = sorted(tmp_path.iterdir())
    source.write_bytes(LARGE[:10_000])
    with pytest.raises(UserError, match="damaged or cut off"):
        client.translate_file(source, made, "a2b")
    with pytest.raises(UserError, match=r"none\.bmp cannot be read"):
        client.translate_file(tmp_path / "none.bmp", made, "a2b")
    with pytest.raises(UserError, match=r"none/made\.bmp cannot be written"):
        client.translate_file(source, tmp_path / "none" / "made.bmp", "a2b")
    assert sorted(tmp_path.iterdir()) == before
    assert made.read_bytes() == client.translate(LARGE, "a2b")


def test_the_client_tells_what_is_too_large_and_what_is_cut_off(
    small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "horse.bmp").write_bytes(LARGE + bytes(8_000_000))
    with serving(Runs.single(small_run), Settings(device="cpu", upload_mb=0.04)) as server:
        with pytest.raises(UserError, match=r"More than 0\.04 MB|take so much"):
            unpaired.Client(server.address).translate_file(tmp_path / "horse.bmp", tmp_path / "zebra.bmp", "a2b")
        monkeypatch.setattr(http.client.HTTPResponse, "read", lambda *_: b"")
        with pytest.raises(UserError, match="in the middle of its answer"):
            unpaired.Client(server.address).runs()
    assert not (tmp_path / "zebra.bmp").exists()
