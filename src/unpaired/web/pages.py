"""The studio's pages: rendered here, enlivened by a little script, working without it wherever that makes sense."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable
from importlib.resources import files
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, FastAPI, Form, Query, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from unpaired.data.demo import unpack
from unpaired.data.files import default_cache_dir
from unpaired.data.signatures import SUFFIXES
from unpaired.errors import UserError
from unpaired.presets import PRESETS, explained
from unpaired.report.curves import number
from unpaired.report.losses import curves
from unpaired.report.page import POLICY, write_report
from unpaired.run import checkpoints
from unpaired.text import duration
from unpaired.training.run import find_folders
from unpaired.translation.film import FILMS
from unpaired.web import judging, live
from unpaired.web.api import summarised
from unpaired.web.exports import Exports
from unpaired.web.films import Films
from unpaired.web.films import router as films_router
from unpaired.web.folders import Folders
from unpaired.web.guard import COOKIE, session_key
from unpaired.web.refused import Refused
from unpaired.web.service import Service
from unpaired.web.summary import MEANINGS, Summary, broken
from unpaired.web.trainings import Trainings

SANDBOX = f"{POLICY}; sandbox allow-scripts allow-popups"
"""For a run's report, whose scripts are its own: it may run them, but is no part of the studio's site."""
LENGTHS = (5, 15, 60, 240, 720)
DEMO = "demo"

Render = Callable[..., HTMLResponse]


def add(
    app: FastAPI, service: Service, trainings: Trainings, folders: Folders, films: Films
) -> Callable[[Request, int, str], Response]:
    """Add the pages to the application; returns how mistakes are shown."""
    render = renderer(service)
    app.mount("/static", StaticFiles(directory=str(files("unpaired.web").joinpath("static"))), "static")
    app.include_router(_log_in(service, render), include_in_schema=False)
    app.include_router(_gallery(service, trainings, folders, render), include_in_schema=False)
    app.include_router(_run(service, trainings, render), include_in_schema=False)
    app.include_router(live.router(service, trainings), include_in_schema=False)
    app.include_router(films_router(service, films), include_in_schema=False)
    app.include_router(judging.router(service, trainings, render), include_in_schema=False)

    def answer(request: Request, status: int, sentence: str) -> Response:
        if request.url.path.startswith("/v1/") or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": sentence}, status)
        return render("mistake.html", sentence=sentence, status=status, code=status)

    return answer


def renderer(service: Service) -> Render:
    """`render(template, **values)`: everything is escaped, and a missing value is an error."""
    environment = Environment(
        loader=PackageLoader("unpaired.web"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        duration=duration, number=number, thousands=lambda n: f"{n:,}", address=lambda text: quote(str(text), safe=""),
        percent=_percent,
    )  # fmt: skip
    shared: dict[str, Any] = {"meanings": MEANINGS, "locked": service.settings.token is not None}

    def render(template: str, *, code: int = 200, **values: Any) -> HTMLResponse:
        return HTMLResponse(environment.get_template(template).render(**shared, **values), code)

    return render


def _log_in(service: Service, render: Render) -> APIRouter:
    pages = APIRouter()
    token = service.settings.token

    @pages.get("/login")
    def ask(next: str = "/") -> Response:
        return render("login.html", wrong=False, next=next)

    @pages.post("/login")
    def check(
        request: Request, given: Annotated[str, Form(alias="token")], next: Annotated[str, Form()] = "/"
    ) -> Response:
        if token is None or not hmac.compare_digest(given.encode(), token.encode()):
            return render("login.html", wrong=True, next=next, code=403)
        # Only places of ours: neither //elsewhere nor /\elsewhere.
        to = next if re.fullmatch(r"/(?![/\\])[\x21-\x7e]*", next) and "\\" not in next else "/"
        response = RedirectResponse(to, 303)
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, session_key(token), httponly=True, samesite="strict", secure=secure)
        return response

    @pages.post("/logout")
    def leave() -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    return pages


def _gallery(service: Service, trainings: Trainings, folders: Folders, render: Render) -> APIRouter:
    pages = APIRouter()

    def summaries() -> list[Summary]:
        found: list[Summary] = []
        for name in service.runs.names():
            try:
                found.append(summarised(service, trainings, name))
            except UserError as e:
                found.append(broken(name, str(e)))
        return found

    @pages.get("/")
    def gallery() -> Response:
        return render("runs.html", runs=summaries(), unborn=trainings.unborn())

    @pages.get("/new")
    def new() -> Response:
        return form({"name": "", "a": "", "b": "", "preset": "fast", "minutes": "60", "options": "", "demo": False})

    def form(values: dict[str, Any], sentence: str | None = None) -> Response:
        presets = {name: " ".join(explained(name)) for name in PRESETS}
        return render(
            "new.html", values=values, sentence=sentence, presets=presets, lengths=LENGTHS,
            choices=folders.choices(), code=400 if sentence else 200,
        )  # fmt: skip

    @pages.post("/new")
    def start(
        name: Annotated[str, Form()] = "", a: Annotated[str, Form()] = "", b: Annotated[str, Form()] = "",
        preset: Annotated[str, Form()] = "fast", minutes: Annotated[str, Form()] = "",
        options: Annotated[str, Form()] = "", demo: Annotated[bool, Form()] = False,
    ) -> Response:  # fmt: skip
        name = name.strip()
        try:
            if demo:
                chosen = [unpack(default_cache_dir() / DEMO)]
            else:
                chosen = [folders.chosen(text, which) for text, which in ((a, "A"), (b, "B")) if text.strip()]
                if not chosen:
                    raise UserError("Choose two folders of pictures, or one that holds trainA and trainB.")
                find_folders(chosen[0], chosen[1] if len(chosen) > 1 else None)
            trainings.start(name, chosen, preset, _minutes(minutes), options)
        except UserError as e:
            told = {
                "name": name,
                "a": a,
                "b": b,
                "preset": preset,
                "minutes": minutes,
                "options": options,
                "demo": demo,
            }
            return form(told, str(e))
        return RedirectResponse(f"/runs/{quote(name, safe='')}", 303)

    @pages.get("/translate")
    def translate(run: Annotated[str | None, Query()] = None) -> Response:
        able = [s for s in summaries() if s.state != "failed" and _has_checkpoint(service, s.name)]
        return render(
            "translate.html", runs=able, chosen=run, settings=service.settings,
            films=sorted(FILMS), suffixes=sorted(SUFFIXES),
        )  # fmt: skip

    @pages.get("/api")
    def api(request: Request) -> Response:
        return render("api.html", address=f"{request.url.scheme}://{request.headers['host']}")

    return pages


def _run(service: Service, trainings: Trainings, render: Render) -> APIRouter:
    pages, exports = APIRouter(prefix="/runs/{name}"), Exports(trainings.desk)

    @pages.get("")
    def show(name: str) -> Response:
        if name not in service.runs.names() and name in trainings.unborn():
            return render("unborn.html", name=name, process=trainings.process(name), said=trainings.said(name))
        run, process = summarised(service, trainings, name), trainings.process(name)
        folder, record = service.runs.folder(name), service.runs.record(name)
        newest, best = checkpoints.latest(folder), checkpoints.best(folder)
        return render(
            "run.html", run=run, ours=bool(process and process.alive), stopping=bool(process and process.stopping),
            moments=live.moments(record), curves=curves(record), best=best and best.name,
            newest=newest and newest.name, config=record.config,
            exports=list(exports.offered(folder)) if newest else [],
            said=trainings.said(name) if run.state == "failed" else "",
        )  # fmt: skip

    @pages.post("/stop")
    def stop(name: str) -> Response:
        trainings.stop(name)
        return RedirectResponse(f"/runs/{quote(name, safe='')}", 303)

    @pages.post("/resume")
    def resume(name: str, minutes: Annotated[str, Form()] = "") -> Response:
        trainings.resume(name, _minutes(minutes))
        return RedirectResponse(f"/runs/{quote(name, safe='')}", 303)

    @pages.get("/delete")
    def ask(name: str) -> Response:
        there = name in service.runs.names()
        if not there and name not in trainings.unborn():
            raise Refused(404, f"There is no run named {name[:100]!r}.")
        return render("delete.html", name=name, folder=service.runs.root / name, there=there, sentence=None)

    @pages.post("/delete")
    def delete(name: str, sure: Annotated[str, Form()] = "") -> Response:
        if sure != name:
            sentence = "Nothing was deleted: type the name of the run to delete it."
            there = name in service.runs.names()
            return render("delete.html", name=name, folder=service.runs.root / name, there=there, sentence=sentence)
        trainings.delete(name)
        exports.forget(name)
        return RedirectResponse("/", 303)

    @pages.get("/curves")
    def fresh_curves(name: str) -> Response:
        return HTMLResponse(curves(service.runs.record(name)))

    @pages.get("/previews/{file}")
    def preview(name: str, file: str) -> Response:
        known = {p.name: p for shot in service.runs.record(name).previews() for p in shot.files.values()}
        if file not in known:
            raise Refused(404, "There is no such preview.")
        return FileResponse(known[file], headers={"cache-control": "private, max-age=86400"})

    @pages.get("/report")
    def report(name: str) -> Response:
        return FileResponse(write_report(service.runs.folder(name)), headers={"content-security-policy": SANDBOX})

    @pages.get("/export/{file}")
    def export(name: str, file: str) -> Response:
        path = exports.file(service.runs.folder(name), file)
        return FileResponse(path, filename=f"{name}-{file}", media_type="application/octet-stream")

    return pages


def _has_checkpoint(service: Service, name: str) -> bool:
    return checkpoints.latest(service.runs.folder(name)) is not None


def _percent(share: float) -> str:
    return f"{100 * share:.0f}\N{NO-BREAK SPACE}%"


def _minutes(text: str) -> float | None:
    """A form's minutes; None where it leaves them open. Raises `UserError`."""
    if not text.strip():
        return None
    try:
        return float(text.replace(",", "."))
    except ValueError as e:
        raise UserError(f"{text[:20]!r} is not a number of minutes.") from e
