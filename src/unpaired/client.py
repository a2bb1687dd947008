"""Translations from a server that `unpaired serve` or `unpaired studio` started, in a few lines and without torch.

client = Client("http://127.0.0.1:8000")
client("horse.jpg", "a2b").save("zebra.png")
"""

from __future__ import annotations

import io
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar, cast

from unpaired.config import Direction
from unpaired.data.files import not_written, replacing
from unpaired.data.signatures import format_named
from unpaired.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

PATIENCE = 8
"""How often a picture is sent again to a server that is busy."""
PART = 1 << 16

T = TypeVar("T")


class Client:
    """One server. It may be used by several threads."""

    def __init__(self, address: str = "http://127.0.0.1:8000", *, token: str | None = None, timeout: float = 120):
        """`timeout` is in seconds, for each request."""
        if not address.startswith(("http://", "https://")):
            raise UserError(f"{address!r} is not the address of a server: write http://HOST:PORT.")
        self.address, self.token, self.timeout = address.rstrip("/"), token, timeout

    def __call__(
        self, picture: str | Path | bytes | Image.Image, direction: Direction | None = None, *, run: str | None = None
    ) -> Image.Image:
        """Translate one picture: a path, the content of a file, or a PIL image.

        Args:
            direction: a2b or b2a; may be left out where the run knows one only.
            run: which run, where the server has several.

        Raises:
            UserError: the server refuses the picture, stays busy, or can't be reached; or the picture is of a format
                that PIL does not open (DICOM, NIfTI, NumPy), for which `translate` is there.
        """
        from PIL import Image

        content = self.translate(_content(picture), direction, run=run)
        try:
            image = Image.open(io.BytesIO(content))
        except OSError as e:  # DICOM, NIfTI, NumPy
            raise UserError("This format is no PIL image: take translate, which gives the content of a file.") from e
        image.load()
        return image

    def translate(
        self, content: bytes, direction: Direction | None = None, *, run: str | None = None,
        format: str | None = None, quality: int | None = None,
    ) -> bytes:  # fmt: skip
        """A picture file's content → that of its translation, in the same format if `format` names no other."""
        query = {"direction": direction, "run": run, "format": format, "quality": quality}
        return self._patiently(lambda: self._ask("/v1/translate", query, content))

    def translate_file(
        self, source: str | Path, target: str | Path, direction: Direction | None = None, *, run: str | None = None,
        quality: int | None = None,
    ) -> Path:  # fmt: skip
        """A picture file → its translation as the file `target`, in the format that its name says.

        Neither is held in memory. Raises `UserError` as a call does, or where one of them can't be read or written;
        what had the name `target` stays then.
        """
        source, target = Path(source), Path(target)
        named = format_named(target)
        wanted = named.lower() if named and named != format_named(source) else None
        query = {"direction": direction, "run": run, "format": wanted, "quality": quality}

        def stream() -> Path:
            with _opened(source) as file:
                try:
                    with replacing(target) as made:
                        for part in self._parts("/v1/translate", query, file):
                            made.write(part)
                except OSError as e:
                    raise not_written(target, e) from e
            return target

        return self._patiently(stream)

    def runs(self) -> list[dict[str, Any]]:
        """The server's runs, newest first: name, state, numbers."""
        return cast("list[dict[str, Any]]", json.loads(self._ask("/v1/runs")))

    def health(self) -> dict[str, Any]:
        """That the server lives, its version, and how many pictures wait."""
        return cast("dict[str, Any]", json.loads(self._ask("/v1/health")))

    def _patiently(self, ask: Callable[[], T]) -> T:
        for attempt in range(PATIENCE + 1):
            try:
                return ask()
            except _Busy as e:
                if attempt == PATIENCE:
                    raise UserError(f"{self.address} is busy: {e}") from e
                time.sleep(e.seconds)
        raise AssertionError

    def _ask(self, path: str, query: Mapping[str, object] | None = None, body: bytes | None = None) -> bytes:
        return b"".join(self._parts(path, query, body))

    def _parts(
        self, path: str, query: Mapping[str, object] | None = None, body: bytes | BinaryIO | None = None
    ) -> Iterator[bytes]:
        """The answer, as it arrives."""
        told = urllib.parse.urlencode({k: v for k, v in (query or {}).items() if v is not None})
        request = urllib.request.Request(f"{self.address}{path}{'?' + told if told else ''}", body)
        request.add_header("Content-Type", "application/octet-stream")
        if body is not None and not isinstance(body, bytes):
            request.add_header("Content-Length", str(os.fstat(body.fileno()).st_size))
        if self.token:
            request.add_header("Authorization", f"Bearer {self.token}")
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                while part := answer.read(PART):
                    yield part
                if answer.length:
                    raise UserError(f"{self.address} hung up in the middle of its answer: ask again.")
        except urllib.error.HTTPError as e:
            with e:
                sentence = _sentence(e)
            if e.code == 429:
                raise _Busy(sentence, min(30.0, float(e.headers.get("Retry-After", 1)))) from e
            raise UserError(f"{self.address} answers: {sentence}") from e
        except OSError as e:  # URLError and timeouts are
            reason = getattr(e, "reason", e)
            if body is not None and isinstance(reason, ConnectionResetError | BrokenPipeError):
                raise UserError(f"{self.address} hung up on the picture: it may not take so much (--upload-mb).") from e
            raise UserError(f"{self.address} can't be reached ({reason}): is the server running?") from e


class _Busy(Exception):
    def __init__(self, sentence: str, seconds: float) -> None:
        super().__init__(sentence)
        self.seconds = seconds


def _sentence(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read())["error"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"{error.code} {error.reason}"


def _content(picture: str | Path | bytes | Image.Image) -> bytes:
    if isinstance(picture, bytes):
        return picture
    if isinstance(picture, str | Path):
        with _opened(Path(picture)) as file:
            return file.read()
    content = io.BytesIO()
    picture.save(content, "PNG")
    return content.getvalue()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as e:
        raise UserError(f"{path} cannot be read ({e.strerror}): check the path.") from e
