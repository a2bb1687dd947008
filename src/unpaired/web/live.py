"""A run as it learns: server-sent events that tell a page what is new."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from unpaired.errors import UserError
from unpaired.run.folder import Record
from unpaired.text import duration
from unpaired.web.api import summarised
from unpaired.web.refused import Refused
from unpaired.web.service import Service
from unpaired.web.trainings import Trainings

LOOK = 0.5  # seconds between looks at a run's folder
ALIVE = 15.0  # seconds after which an empty line tells both ends that the other is there
WATCHERS = 64


def moments(record: Record) -> list[dict[str, Any]]:
    """The moments that have previews: what a slider through time is called, and its pictures."""
    return [
        {
            "label": f"{shot.images:,} images · {duration(shot.seconds)}",
            "files": {direction: file.name for direction, file in shot.files.items()},
        }
        for shot in record.previews()
    ]


def router(service: Service, trainings: Trainings) -> APIRouter:
    pages = APIRouter()
    watching = 0

    def told(name: str) -> dict[str, Any]:
        process = trainings.process(name)
        facts: dict[str, Any] = {
            "stopping": bool(process and process.stopping),
            "ours": bool(process and process.alive),
        }
        if name not in service.runs.names():
            return {**facts, "unborn": True, "said": trainings.said(name)[-1000:]}
        run = summarised(service, trainings, name)
        # The page writes the same words as the server did.
        words = {"left": duration(run.left) if run.left is not None else None, "seconds": duration(run.seconds)}
        return {**asdict(run), **facts, "unborn": False, "words": words, "moments": moments(service.runs.record(name))}

    @pages.get("/runs/{name}/live")
    async def live(name: str) -> StreamingResponse:
        if name not in service.runs.names() and trainings.process(name) is None:
            raise Refused(404, f"There is no run named {name[:100]!r}.")
        if watching >= WATCHERS:
            raise Refused(429, "Too many pages are watching already.")
        return StreamingResponse(stream(name), media_type="text/event-stream")

    async def stream(name: str) -> AsyncGenerator[str]:
        nonlocal watching
        watching += 1
        before, silent = "", 0.0
        try:
            while not service.stopping.is_set():
                try:
                    now = json.dumps(await asyncio.to_thread(told, name))
                except UserError as e:
                    yield f"event: gone\ndata: {json.dumps(str(e))}\n\n"
                    return
                if now != before:
                    yield f"data: {now}\n\n"
                    before, silent = now, 0.0
                elif silent >= ALIVE:
                    yield ": still here\n\n"
                    silent = 0.0
                await asyncio.sleep(LOOK)
                silent += LOOK
        finally:
            watching -= 1

    return pages
