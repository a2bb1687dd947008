"""The pages of studies: make one, take part, see what came out."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse
from pydantic import BaseModel, Field

from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.web import staging
from unpaired.web.background import Background, Stopped
from unpaired.web.service import Service
from unpaired.web.study import PRACTICE, SECONDS, TRIALS, Shown, Studies, Study, judge_name
from unpaired.web.trainings import Trainings


class Choice(BaseModel):
    """A judge's answer."""

    judge: str = Field(min_length=1, max_length=60)
    n: int = Field(ge=0)
    choice: Literal["left", "right"]
    milliseconds: int = Field(ge=0, le=10**8)


class Staging:
    """A study whose pictures are being made."""

    def __init__(self, background: Background) -> None:
        self.busy, self.done, self.total = False, 0, 0
        self.mistake: str | None = None
        self._lock, self._background = threading.Lock(), background

    def begin(self, work: Callable[[Callable[[int, int], None]], None]) -> None:
        """Do `work`, which tells how far it is, beside the server; one at a time. Raises `UserError`."""
        with self._lock:
            if self.busy:
                raise UserError("Another study is being prepared: wait for it.")
            self.busy, self.done, self.total, self.mistake = True, 0, 0, None
        self._background.start("staging", self._run, work)

    def _run(self, work: Callable[[Callable[[int, int], None]], None]) -> None:
        def progress(done: int, total: int) -> None:
            self._background.check()
            self.done, self.total = done, total

        try:
            work(progress)
        except UserError as e:
            self.mistake = str(e)
        except Stopped:
            raise
        except Exception:
            self.mistake = "The study's pictures could not be made; the server's log says why."
            raise
        finally:
            self.busy = False


def router(service: Service, trainings: Trainings, render: Callable[..., HTMLResponse]) -> APIRouter:
    pages = APIRouter(prefix="/judge")
    studies, stage = Studies(trainings.desk), Staging(service.background)

    @pages.get("")
    def overview(request: Request) -> Response:
        found = [(study, *studies.results(study.id)) for study in studies.all()]
        return render(
            "judge.html", studies=found, runs=service.runs.names(), stage=stage, trials=TRIALS, practice=PRACTICE,
            sentence=stage.mistake, run=request.query_params.get("run"),
        )  # fmt: skip

    @pages.post("")
    def make(
        kind: Annotated[Literal["real-or-fake", "preference"], Form()], run: Annotated[str, Form()],
        direction: Annotated[Direction, Form()], other: Annotated[str, Form()] = "",
        trials: Annotated[int, Form(ge=2, le=500)] = TRIALS, practice: Annotated[int, Form(ge=0, le=100)] = PRACTICE,
    ) -> Response:  # fmt: skip
        record, folder = service.runs.record(run), service.runs.folder(run)
        if kind == "preference" and other == run:
            raise UserError("Choose two different runs to compare.")
        folders = [folder, service.runs.folder(other)] if kind == "preference" else [folder]

        def work(progress: staging.Progress) -> None:
            translators = [service.translators.get(f, direction) for f in folders]
            if kind == "preference":
                made = staging.preference(
                    [run, other], record, translators, direction, trials=trials, progress=progress
                )
            else:
                made = staging.real_or_fake(
                    run, record, translators[0], direction, trials=trials, practice=practice, progress=progress
                )
            studies.add(*made)

        stage.begin(work)
        return RedirectResponse("/judge", 303)

    @pages.get("/staging")
    def state() -> dict[str, Any]:
        return {"busy": stage.busy, "done": stage.done, "total": stage.total}

    @pages.get("/{id}")
    def welcome(id: str) -> Response:
        return render("study.html", study=studies.get(id), seconds=SECONDS, judge=None)

    @pages.post("/{id}/begin")
    def begin(id: str, judge: Annotated[str, Form()] = "") -> Response:
        return RedirectResponse(f"/judge/{studies.get(id).id}/as/{quote(judge_name(judge), safe='')}", 303)

    @pages.get("/{id}/as/{judge}")
    def take_part(id: str, judge: str) -> Response:
        return render("study.html", study=studies.get(id), seconds=SECONDS, judge=judge_name(judge))

    @pages.get("/{id}/next")
    def next_trial(id: str, judge: str) -> dict[str, Any]:
        return _trial(studies.get(id), studies.next(id, judge))

    @pages.post("/{id}/answer")
    def answer(id: str, told: Choice) -> dict[str, Any]:
        shown = studies.answer(id, judge_name(told.judge), told.n, told.choice, told.milliseconds)
        after = _trial(studies.get(id), studies.next(id, judge_name(told.judge)))
        # Only practice tells what was right: the side that is not the fake's.
        return {**after, "correct": told.choice != shown.target} if shown.practice else after

    @pages.get("/{id}/pictures/{name}.png")
    def picture(id: str, name: str) -> Response:
        return FileResponse(studies.picture(id, name), headers={"cache-control": "private, max-age=86400"})

    @pages.get("/{id}/results")
    def results(id: str) -> Response:
        overall, judges = studies.results(id)
        return render("results.html", study=studies.get(id), overall=overall, judges=judges)

    @pages.get("/{id}/answers.csv")
    def table(id: str) -> Response:
        name = f'attachment; filename="study-{studies.get(id).id}.csv"'
        return Response(studies.table(id), media_type="text/csv", headers={"content-disposition": name})

    return pages


def _trial(study: Study, shown: Shown | None) -> dict[str, Any]:
    """What a browser gets to know of a trial: where pictures are, and nothing of what they are."""
    if shown is None:
        return {"done": True, "total": len(study.trials)}
    base = f"/judge/{study.id}/pictures"
    return {
        "done": False, "n": shown.n, "total": len(study.trials), "practice": shown.practice,
        "left": f"{base}/{shown.left}.png", "right": f"{base}/{shown.right}.png",
        "source": f"{base}/{shown.source}.png" if shown.source else None,
    }  # fmt: skip
