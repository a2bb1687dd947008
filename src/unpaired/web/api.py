"""The calls: /v1/translate, /v1/runs, /v1/health, /v1/metrics."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from unpaired.data.decode import QUALITY
from unpaired.errors import UserError
from unpaired.web import spool
from unpaired.web.metrics import CONTENT_TYPE
from unpaired.web.service import MEDIA, Format, Made, Service, Wish
from unpaired.web.summary import Summary, broken, summary
from unpaired.web.trainings import Trainings

PICTURE = {"schema": {"type": "string", "format": "binary"}}
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "The picture: as field `picture` of a form, or as the body itself.",
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"picture": PICTURE["schema"]}, "required": ["picture"]}
            },
            **dict.fromkeys(("image/png", "image/jpeg", "application/octet-stream"), PICTURE),
        },
    },
}


class Error(BaseModel):
    """What went wrong, in one sentence."""

    error: str

    model_config = {"json_schema_extra": {"examples": [{"error": "The picture is damaged or cut off."}]}}


class Health(BaseModel):
    """That the server lives."""

    status: Literal["ok", "stopping"]
    version: str
    waiting: int

    model_config = {"json_schema_extra": {"examples": [{"status": "ok", "version": "0.1.0", "waiting": 0}]}}


UNUSUAL = (
    "Whether to say in X-Unpaired-Unusual how unusual the picture is for the run, in percent: 99 and more are worth a "
    "warning. It is `later` while the training pictures are looked at for the first time; missing, nothing can be said."
)


ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": Error, "description": text}
    for code, text in {
        400: "The picture can't be read, or the direction has to be named.", 404: "There is no such run.",
        408: "The request did not arrive in time.", 413: "Too many bytes or pixels.",
        415: "A format that is not taken.",
        429: "Too many pictures are waiting: see Retry-After.",
    }.items()
}  # fmt: skip
TRANSLATED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The translation, in the picture's own size and format.",
        "content": dict.fromkeys([*MEDIA.values(), "application/octet-stream"], PICTURE),
    }
}


def router(service: Service, trainings: Trainings | None) -> APIRouter:
    """The calls of one server. Without `trainings` it shows runs that others train."""
    api = APIRouter(prefix="/v1", tags=["v1"])

    @api.post(
        "/translate", response_class=Response, responses={**TRANSLATED, **ERRORS}, openapi_extra=BODY,
        summary="Translate one picture",
    )  # fmt: skip
    async def translate(
        request: Request,
        run: Annotated[str | None, Query(description="Which run, where there are several.", examples=["zebra"])] = None,
        direction: Annotated[Literal["a2b", "b2a"] | None, Query(examples=["a2b"])] = None,
        format: Annotated[Format | None, Query(description="Another format than the picture's own.")] = None,
        quality: Annotated[int, Query(ge=1, le=100, description="Of JPEG, WebP and AVIF.")] = QUALITY,
        trust: Annotated[bool, Query(description=UNUSUAL)] = False,
    ) -> Response:
        with service.batcher.place():
            service.metrics.waiting.set(service.batcher.taken)
            try:
                async with spool.received(request) as picture:
                    wish = Wish(run, direction, format, quality, trust)
                    made = await _unless_gone(request, service.translate(picture.file, wish))
            finally:
                service.metrics.waiting.set(service.batcher.taken - 1)
        return _file(made, picture.filename)

    @api.get("/runs", response_model=list[Summary], summary="All runs, newest first")
    def runs() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for name in service.runs.names():
            try:
                found.append(asdict(summarised(service, trainings, name)))
            except UserError as e:
                found.append(asdict(broken(name, str(e))))
        return found

    @api.get("/runs/{name}", response_model=Summary, responses={404: ERRORS[404]}, summary="One run")
    def one_run(name: str) -> dict[str, Any]:
        return asdict(summarised(service, trainings, name))

    @api.get("/health", response_model=Health, summary="Whether the server lives")
    async def health() -> dict[str, Any]:
        from importlib.metadata import version

        status = "stopping" if service.stopping.is_set() else "ok"
        return {"status": status, "version": version("unpaired"), "waiting": service.batcher.taken}

    @api.get("/metrics", response_class=PlainTextResponse, summary="Counters, for Prometheus")
    async def metrics() -> Response:
        service.metrics.batches.set(service.batcher.batches)
        return Response(service.metrics.text(), media_type=CONTENT_TYPE)

    return api


def summarised(service: Service, trainings: Trainings | None, name: str) -> Summary:
    """How a run stands. Raises `UserError` where there is none or it is damaged."""
    process = trainings.process(name) if trainings else None
    return summary(
        name, service.runs.record(name),
        alive=process.alive if process else None, failure=process.failure if process else None,
    )  # fmt: skip


async def _unless_gone(request: Request, work: Any) -> Made:
    """`work`'s result; where the client hangs up first, its picture leaves the queue."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise HTTPException(400, "The client hung up.")
        return await task
    finally:
        task.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _file(made: Made, name: str | None) -> Response:
    stem = (name or "translation").replace("\\", "/").rpartition("/")[2].rpartition(".")[0] or "translation"
    headers = {
        "content-disposition": f"inline; filename*=UTF-8''{quote(f'{stem}-{made.direction}.{made.suffix}')}",
        "x-unpaired-run": quote(made.run),
        "x-unpaired-direction": made.direction,
        "x-unpaired-images-seen": str(made.images_seen),
    }
    if made.percentile is not None:
        headers["x-unpaired-unusual"] = "later" if made.percentile == "later" else f"{made.percentile:.1f}"
    return spool.answer(made.content, made.media_type, headers)
