"""Bodies on their way: small ones in memory, larger ones in a file without a name, which the system takes back.

So neither slow senders nor slow readers cost memory, however many there are.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from tempfile import SpooledTemporaryFile, TemporaryFile
from typing import Any, BinaryIO

from fastapi import Request
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from unpaired.web.refused import Refused

IN_MEMORY = 1 << 20
"""Bytes of a body that stay there; Starlette takes as many of a form."""
CHUNK = 1 << 16


@asynccontextmanager
async def received(request: Request) -> AsyncGenerator[UploadFile]:
    """The picture of a request, once all of it is there: the body, or field `picture` of a form.

    Raises `HTTPException` where there is none, it is too large or too slow; `Refused` where the disk is full.
    """
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        with _stored():
            form = await request.form(max_files=1, max_fields=4)
        try:
            file = form.get("picture")
            if not isinstance(file, UploadFile):
                raise HTTPException(400, "The form has no file in its field 'picture'.")
            yield _some(file)
        finally:
            await form.close()
        return
    with _kept(partial(SpooledTemporaryFile, IN_MEMORY)) as kept:
        file = UploadFile(kept, size=0)
        with _stored():
            async for chunk in request.stream():
                await file.write(chunk)
            await file.seek(0)
        yield _some(file)


def answer(content: bytes, media_type: str, headers: dict[str, str]) -> Response:
    """A body as large as it may be."""
    if len(content) <= IN_MEMORY:
        return Response(content, media_type=media_type, headers=headers)
    return Spooled(content, media_type, headers)


class Spooled(StreamingResponse):
    """Streams from a file, at the speed of who reads; the file ends with the request, however that ends."""

    def __init__(self, content: bytes, media_type: str, headers: dict[str, str]) -> None:
        super().__init__((), media_type=media_type, headers={**headers, "content-length": str(len(content))})
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with _kept(TemporaryFile) as file:
            with _stored():
                await run_in_threadpool(file.write, self._content)
                await run_in_threadpool(file.seek, 0)
            self._content = b""
            self.body_iterator = iterate_in_threadpool(iter(lambda: file.read(CHUNK), b""))
            await super().__call__(scope, receive, send)


@contextmanager
def _kept(opened: Callable[[], Any]) -> Generator[BinaryIO]:
    with _stored():
        file = opened()
    try:
        yield file
    finally:
        with suppress(OSError):  # a full disk, which was told already
            file.close()


@contextmanager
def _stored() -> Generator[None]:
    try:
        yield
    except OSError as e:
        raise Refused(507, f"The picture can't be stored here: {e.strerror or e}.") from e


def _some(file: UploadFile) -> UploadFile:
    if not file.size:
        raise HTTPException(400, "There is no picture in the request.")
    return file
