"""What all pages and calls of one server share, and the one way in which a picture is translated for any of them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import BinaryIO, Literal

import torch

from unpaired.compute.device import choose_device
from unpaired.config import Direction
from unpaired.data.decode import QUALITY, encoded
from unpaired.data.picture import Picture
from unpaired.errors import UserError
from unpaired.translation import values
from unpaired.translation.translator import Translator
from unpaired.web.background import Background
from unpaired.web.batcher import LANES, Batcher
from unpaired.web.metrics import Metrics
from unpaired.web.runs import Runs
from unpaired.web.settings import Settings
from unpaired.web.translators import Translators, directions
from unpaired.web.trusted import Trusted
from unpaired.web.upload import UPLOAD, decoded

Format = Literal["png", "jpeg", "webp", "tiff", "bmp", "gif", "avif"]
MEDIA = {
    "PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "TIFF": "image/tiff", "BMP": "image/bmp",
    "GIF": "image/gif", "AVIF": "image/avif", "PPM": "image/x-portable-pixmap", "DICOM": "application/dicom",
}  # fmt: skip
SUFFIX = {"JPEG": "jpg", "TIFF": "tif", "DICOM": "dcm", "NIFTI": "nii"}
THREADS = 4


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants of a picture."""

    run: str | None = None
    direction: Direction | None = None
    format: Format | None = None
    """None gives the picture's own."""
    quality: int = QUALITY
    trust: bool = False
    """Whether to say how unusual the picture is for the run, once that is known."""


@dataclass(frozen=True, slots=True)
class Made:
    """A translated picture as a file."""

    content: bytes
    kind: str
    """Pillow's name of the format."""
    run: str
    direction: Direction
    images_seen: int
    percentile: float | Literal["later"] | None
    """Training pictures that are less unusual than this one, in percent; "later" while they are still being looked at,
    None where nobody asked or it can't be said."""

    @property
    def media_type(self) -> str:
        return MEDIA.get(self.kind, "application/octet-stream")

    @property
    def suffix(self) -> str:
        return SUFFIX.get(self.kind, self.kind.lower())


class Service:
    """One server's runs, translators, queue and counters."""

    def __init__(self, runs: Runs, settings: Settings) -> None:
        self.runs, self.settings = runs, settings
        self.metrics = Metrics()
        self.translators = Translators(settings.device)
        self.background = Background()
        self.trust = Trusted(self.background)
        on_cpu = choose_device(settings.device).type == "cpu"
        self.batcher = Batcher(settings.waiting, lanes=min(LANES, torch.get_num_threads()) if on_cpu else 1)
        self.stopping = asyncio.Event()
        self._threads = ThreadPoolExecutor(THREADS, "pictures")

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Translates what is asked for, while inside."""
        task = asyncio.create_task(self.batcher.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            self.background.stop()
            self.batcher.close()
            await asyncio.to_thread(self.background.join)
            self._threads.shutdown(wait=True, cancel_futures=True)

    async def translate(self, file: BinaryIO, wish: Wish) -> Made:
        """A picture file → the file of its translation. Raises `UserError` for what the client can mend.

        The caller holds a `batcher.place()`, so that what waits is bounded before it is read. The file is in memory
        only while it is decoded, by one of `THREADS`.
        """
        began, loop = monotonic(), asyncio.get_running_loop()
        run, folder = self._run(wish.run)
        way = _way(wish.direction, directions(folder), run)

        def prepare() -> tuple[Translator, Picture]:
            return self.translators.get(folder, way), decoded(file.read(), self.settings.megapixels)

        translator, picture = await loop.run_in_executor(self._threads, prepare)
        if why := values.fits(translator.config.data, picture, way):
            raise UserError(f"{UPLOAD} {why}")
        made = await self.batcher.translate(translator, picture, way)
        later = wish.trust and not await self.trust.ready(folder, way)
        kind = wish.format.upper() if wish.format else picture.format

        def encode() -> tuple[bytes, float | None]:
            content = encoded(made.pages, made, kind, quality=wish.quality)
            return content, self.trust.percentile(folder, way, picture) if wish.trust else None

        content, percentile = await loop.run_in_executor(self._threads, encode)
        self._count(run, way, made, monotonic() - began)
        return Made(content, kind, run, way, translator.images_seen, "later" if later else percentile)

    def _run(self, name: str | None) -> tuple[str, Path]:
        if name is not None:
            return name, self.runs.folder(name)
        names = self.runs.names()
        if len(names) != 1:
            raise UserError("Name the run with run=…; /v1/runs lists them." if names else "There is no run yet.")
        return names[0], self.runs.folder(names[0])

    def _count(self, run: str, way: Direction, made: Picture, seconds: float) -> None:
        self.metrics.pictures.labels(run, way).inc()
        self.metrics.megapixels.inc(math.prod(made.pages.shape[:3]) / 1e6)
        self.metrics.seconds.observe(seconds)


def _way(wanted: Direction | None, known: tuple[Direction, ...], run: str) -> Direction:
    if wanted is None and len(known) == 1:
        return known[0]
    if wanted is None:
        raise UserError(f"{run} translates {' and '.join(known)}: name one with direction=….")
    if wanted not in known:
        raise UserError(f"{run} does not translate {wanted}: take {' or '.join(known)}.")
    return wanted
