"""Films that the studio translates: one at a time, each in a folder of its own until it is deleted or old."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import FileResponse

from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.translation.film import CONTAINERS, FILMS, File
from unpaired.translation.translator import Translator
from unpaired.translation.video import translate_film
from unpaired.web.background import Background, Stopped
from unpaired.web.refused import Refused
from unpaired.web.service import Service

WAITING = 4
"""Films that may wait or be translated."""
KEPT = 8
"""Finished ones that are kept, the newest."""
KEPT_SECONDS = 3600


@dataclass
class Film:
    """A film on its way."""

    folder: Path
    source: Path
    state: Literal["waiting", "working", "done", "failed"] = "waiting"
    frames: int = 0
    total: int | None = None
    said: str = ""
    """What went wrong, or what the translation lacks."""
    out: Path | None = None
    ended: float = 0.0
    left: threading.Event = field(default_factory=threading.Event)
    """Nobody wants it any more."""

    def sentence(self, error: UserError) -> str:
        """What an error says, without where the film lies on this machine."""
        return str(error).replace(str(self.source), "The film").replace(f"{self.folder}/", "")


class Films:
    """Films in a temporary folder that ends with the server."""

    def __init__(self, megapixels: float, background: Background) -> None:
        self.megapixels, self._background = megapixels, background
        self._place = tempfile.TemporaryDirectory(prefix="unpaired-films-", ignore_cleanup_errors=True)
        self._films: dict[str, Film] = {}
        self._lock, self._working = threading.Lock(), threading.Lock()

    def add(self, content: bytes, suffix: str, translator: Callable[[], Translator], way: Direction) -> str:
        """Begin to translate a film; returns its name.

        Raises `Refused` for what is no film, is too large, has no room on the disk, or is one too many.
        """
        with self._lock:
            self._clear()
            if sum(not film.ended for film in self._films.values()) >= WAITING:
                raise Refused(429, "Other films are being translated: wait for one of them.")
            name = secrets.token_hex(16)
            folder = Path(self._place.name) / name
            film = self._films[name] = Film(folder, folder / f"film{suffix}")
        try:
            folder.mkdir()
            film.source.write_bytes(content)
            with File(film.source) as opened:
                film.total = opened.count
                width, height = opened.stream.width, opened.stream.height
                if width * height > self.megapixels * 1e6:
                    size = f"{width}×{height} pixels: more than {self.megapixels:g} megapixels"
                    raise Refused(413, f"The film has {size} are not taken.")
            self._background.start("film", self._run, film, translator, way)
        except Exception as e:
            self.leave(name)
            if isinstance(e, UserError):
                raise Refused(e.status if isinstance(e, Refused) else 400, film.sentence(e)) from e
            if isinstance(e, OSError):
                raise Refused(507, f"The film can't be stored here: {e.strerror}.") from e
            raise
        return name

    def get(self, name: str) -> Film:
        """Raises `Refused` where there is none."""
        with self._lock:
            if (film := self._films.get(name)) is None:
                raise Refused(404, "There is no such film, or not any more.")
            return film

    def leave(self, name: str) -> None:
        """Stop, if it is under way, and delete."""
        with self._lock:
            film = self._films.pop(name, None)
        if film:
            film.left.set()
            shutil.rmtree(film.folder, ignore_errors=True)

    def close(self) -> None:
        for name in list(self._films):
            self.leave(name)
        with self._working:  # the one under way sees that at its next frame
            self._place.cleanup()

    def _clear(self) -> None:
        """Let go of old ones."""
        ended = sorted((n for n, film in self._films.items() if film.ended), key=lambda n: self._films[n].ended)
        old = [n for n in ended if time.monotonic() - self._films[n].ended > KEPT_SECONDS]
        for name in {*old, *ended[: max(0, len(ended) - KEPT)]}:
            shutil.rmtree(self._films.pop(name).folder, ignore_errors=True)

    def _run(self, film: Film, translator: Callable[[], Translator], way: Direction) -> None:
        def progress(done: int, total: int | None) -> None:
            self._background.check()
            if film.left.is_set():
                raise Stopped
            film.frames, film.total = done, total

        with self._working:
            try:
                progress(0, film.total)
                film.state = "working"
                suffix = film.source.suffix if film.source.suffix in CONTAINERS else ".mp4"
                told = translate_film(
                    translator(), film.source, film.folder / f"translation{suffix}", way, progress=progress
                )
                cut = [f"the film {told.cut}"] if told.cut else []
                film.said, film.out, film.state = "; ".join(cut + told.notes), told.out, "done"
            except Stopped:
                shutil.rmtree(film.folder, ignore_errors=True)
            except UserError as e:
                film.said, film.state = film.sentence(e), "failed"
            except Exception:
                film.said, film.state = "The film could not be translated; the server's log says why.", "failed"
                raise
            finally:
                film.ended = time.monotonic()
                film.source.unlink(missing_ok=True)


def router(service: Service, films: Films) -> APIRouter:
    """What the page of translations asks: begin, look, fetch, leave."""
    pages = APIRouter(prefix="/films")

    @pages.post("")
    async def begin(
        request: Request, run: str, direction: Annotated[Direction, Query()], name: str = ""
    ) -> dict[str, Any]:
        folder = service.runs.folder(run)
        suffix = Path(name).suffix.lower()
        content = await request.body()
        made = await asyncio.to_thread(
            films.add, content, suffix if suffix in FILMS else ".mp4",
            lambda: service.translators.get(folder, direction), direction,
        )  # fmt: skip
        return {"film": made}

    @pages.get("/{name}")
    def look(name: str) -> dict[str, Any]:
        film = films.get(name)
        return {"state": film.state, "frames": film.frames, "total": film.total, "said": film.said}

    @pages.get("/{name}/translation")
    def fetch(name: str) -> Response:
        film = films.get(name)
        if film.out is None:
            raise Refused(404, "This film is not translated yet.")
        return FileResponse(film.out, filename=film.out.name, content_disposition_type="inline")

    @pages.delete("/{name}")
    def leave(name: str) -> dict[str, Any]:
        films.leave(name)
        return {}

    return pages
