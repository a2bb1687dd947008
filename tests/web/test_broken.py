"""500 broken requests: the service stays up, and every answer is a clear refusal."""

from __future__ import annotations

import random
import socket
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from served import Serving, picture, serving

from unpaired.web.runs import Runs
from unpaired.web.settings import Settings

POST = "/v1/translate?direction=a2b"
COUNT = 500


def _bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that would be a gigabyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10_000))) + chunk(b"IEND", b"")
    )


def _post(body: bytes, *, length: int | None = None, head: str = "", path: str = POST) -> bytes:
    told = f"POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{head}"
    return f"{told}content-length: {len(body) if length is None else length}\r\n\r\n".encode() + body


def _broken(i: int) -> bytes:
    """The i-th broken request, of a dozen kinds."""
    rng = random.Random(i)
    whole = picture(seed=i % 7, kind=rng.choice(["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"]))
    kind = i % 12
    if kind == 0:  # cut off
        return _post(whole[: rng.randrange(1, len(whole) // 2)])
    if kind == 1:  # bombs
        return _post(_bomb(rng.choice([20_000, 60_000]), rng.choice([20_000, 60_000])))
    if kind == 2:  # noise behind a true beginning
        return _post(whole[:8] + rng.randbytes(rng.randrange(1, 4000)))
    if kind == 3:  # something else
        return _post(rng.choice([b"<svg/>", b"%PDF-1.7", b"PK\x03\x04", b"MZ\x90\0", b"\0" * 100]) + rng.randbytes(50))
    if kind == 4:  # too much
        return _post(b"x" * 60_000, length=10**9)
    if kind == 5:  # a form that is none
        return _post(rng.randbytes(300), head="content-type: multipart/form-data; boundary=xyz\r\n")
    if kind == 6:  # a form without a picture
        form = b'--xyz\r\nContent-Disposition: form-data; name="other"\r\n\r\n1\r\n--xyz--\r\n'
        return _post(form, head="content-type: multipart/form-data; boundary=xyz\r\n")
    if kind == 7:  # a huge head
        return _post(whole, head=f"x-much: {'y' * 100_000}\r\n")
    if kind == 8:  # no HTTP
        return rng.randbytes(200) + b"\r\n\r\n"
    if kind == 9:  # nonsense of a query
        return _post(
            whole, path=rng.choice(["/v1/translate?direction=up", POST + "&quality=1000", POST + "&format=exe"])
        )
    if kind == 10:  # no such thing
        return _post(whole, path=rng.choice([f"{POST}&run=..%2f..%2fetc", "/v1/nothing", "/v1/runs"]))
    return _post(whole[:100], length=len(whole) + 100)  # announces more than it sends


def _status(server: Serving, i: int) -> int | None:
    """The answer's status; None where there was none, because we hung up or the server cut off a body too large."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as line:
        try:
            line.sendall(_broken(i))
            if i % 12 == 11 and i % 24 == 11:
                return None  # hangs up in the middle of its body
            answer = b""
            while part := line.recv(65536):
                answer += part
        except (ConnectionResetError, BrokenPipeError):
            return None
    assert b"Traceback" not in answer
    assert answer.startswith(b"HTTP/1.1 "), answer[:80]
    return int(answer[9:12])


def test_five_hundred_broken_requests(small_run: Path) -> None:
    settings = Settings(device="cpu", upload_mb=1, body_seconds=0.5, rate=1e6)
    with serving(Runs.single(small_run), settings) as server:
        fine = server.ask(POST, picture()).body
        with ThreadPoolExecutor(32) as threads:
            statuses = list(threads.map(lambda i: _status(server, i), range(COUNT)))
        told = [s for s in statuses if s is not None]
        assert all(400 <= s < 500 for s in told), sorted(set(told))
        assert len(told) > 0.85 * COUNT
        assert {400, 404, 408, 413, 422, 431} <= set(told)
        assert server.ask("/v1/health").json == {"status": "ok", "version": "0.1.0", "waiting": 0}
        assert server.ask(POST, picture()).body == fine
