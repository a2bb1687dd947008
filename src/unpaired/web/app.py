"""The application: calls, and with the studio its pages, behind the guard."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp

from unpaired.errors import UserError
from unpaired.web import api
from unpaired.web.batcher import Busy
from unpaired.web.films import Films
from unpaired.web.folders import Folders
from unpaired.web.guard import Guard
from unpaired.web.refused import Refused
from unpaired.web.runs import Runs
from unpaired.web.service import Service
from unpaired.web.settings import Settings
from unpaired.web.trainings import Trainings

ABOUT = 'Unpaired image-to-image translation: pictures in, translations out. Errors are `{"error": sentence}`.'


def application(runs: Runs, settings: Settings, folders: Folders | None = None) -> tuple[ASGIApp, Service]:
    """What uvicorn serves: the calls, and the pages where there are `folders` to train on."""
    service = Service(runs, settings)
    films = Films(settings.megapixels, service.background) if folders else None

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with service.running():
            yield
        if films:
            films.close()

    # No docs_url: its page fetches scripts from elsewhere.
    app = FastAPI(
        title="unpaired", version=version("unpaired"), description=ABOUT, lifespan=lifespan,
        docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json",
    )  # fmt: skip
    trainings = Trainings(runs) if folders else None
    app.include_router(api.router(service, trainings))
    answer: Callable[[Request, int, str], Response] = _json
    if trainings and folders and films:
        from unpaired.web import pages

        answer = pages.add(app, service, trainings, folders, films)
    _errors(app, answer)
    return Guard(app, settings, service.metrics), service


def _errors(app: FastAPI, answer: Callable[[Request, int, str], Response]) -> None:
    """Every mistake is one sentence; what we did wrong goes to the log and is not told to anybody else."""

    @app.exception_handler(UserError)
    async def user(request: Request, error: UserError) -> Response:
        return answer(request, error.status if isinstance(error, Refused) else 400, str(error))

    @app.exception_handler(Busy)
    async def busy(request: Request, error: Busy) -> Response:
        response = answer(request, 429, str(error))
        response.headers["retry-after"] = str(error.seconds)
        return response

    @app.exception_handler(HTTPException)
    async def known(request: Request, error: HTTPException) -> Response:
        response = answer(request, error.status_code, str(error.detail))
        response.headers.update(error.headers or {})
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        told = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
        return answer(request, 422, "; ".join(told)[:1000])

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> Response:
        return answer(request, 400, "The client hung up.")

    @app.exception_handler(Exception)
    async def ours(request: Request, error: Exception) -> Response:
        return answer(request, 500, "Something went wrong here; the server's log says what.")


def _json(request: Request, status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status)
