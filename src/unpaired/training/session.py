"""A training under way: what the loop steps, and what is written beside it."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unpaired.compute.ranks import Ranks
from unpaired.config import Config
from unpaired.data.sampler import Batches
from unpaired.errors import UserError
from unpaired.evaluation.trust import UNUSUAL
from unpaired.run import checkpoint, checkpoints
from unpaired.run.record import RunRecord
from unpaired.training import gallery, state
from unpaired.training.best import Judge, Verdict
from unpaired.training.course import Course
from unpaired.training.engine import Engine
from unpaired.training.events import Event, Events
from unpaired.training.preview import Preview
from unpaired.training.stability import check_weights

WORTH = 240.0
"""Seconds of training from which on it is worth the quarter of a minute that looking at all that it saw may take."""


@dataclass(slots=True)
class Clock:
    """How far a training is."""

    images: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Session:
    """A training, ready to go on from where its clock stands. Every rank has one; the first writes and speaks."""

    run: Path
    record: RunRecord
    engine: Engine
    batches: Batches
    events: Events
    preview: Preview | None
    judge: Judge | None
    clock: Clock = field(default_factory=Clock)
    course: Course = field(default_factory=Course)
    """Known to the first rank."""
    losses: list[dict[str, float]] = field(default_factory=list[dict[str, float]])
    """Terms since the newest evaluation."""
    shown: int = -1
    """Images at the newest preview."""

    @property
    def config(self) -> Config:
        return self.record.config

    @property
    def ranks(self) -> Ranks:
        return self.engine.ranks

    @property
    def stride(self) -> int:
        """Images of a step, over all ranks."""
        return self.config.training.batch * self.ranks.world

    def tell(self, kind: str, **facts: Any) -> None:
        """Tell the log and the listeners."""
        if kind == "progress" and self.judge:
            self.losses.append(facts["terms"])
        with self.writing():
            self._tell(kind, **facts)

    @property
    def flat(self) -> bool:
        """Whether nothing gets better any more, as far as evaluations can tell; on all ranks alike."""
        return any(self.ranks.agree([float(self.course.flat)]))

    def reached(self, every: int | None) -> bool:
        """Whether the last step went past a multiple of `every` images: on all ranks, and after resuming, alike."""
        return every is not None and self.clock.images // every > (self.clock.images - self.stride) // every

    def save(self, *, last: bool = False) -> None:
        """Write a checkpoint, measure it where that is due, and delete those that are no longer kept."""
        with self.ranks.together():
            check_weights(self.engine.method.networks(), self.run, self.clock.images, self.stride)
        manifest = checkpoint.Manifest(
            images=self.clock.images, seconds=self.clock.seconds, world=self.ranks.world, config=self.config,
            provenance=self.record.provenance,
        )  # fmt: skip
        folder = state.save(self.run, self.engine, manifest)
        with self.writing():
            if self.ranks.first:
                self._tell("checkpoint", folder=folder.name)
                if self.judge and self._evaluation_is_due(last):
                    self._evaluate(self.judge, folder)
                checkpoints.prune(self.run, self.config.training.keep)

    def show(self) -> None:
        """Write the preview grids."""
        with self.writing():
            self._show()

    def _show(self) -> None:
        if self.preview and self.shown != self.clock.images:
            self._tell("preview", files=self.preview.write(self.engine, self.clock.images))
            self.shown = self.clock.images

    def look_back(self) -> None:
        """At the end of a training: whether it was more than a warm-up; and if it was long enough, which held-out
        pictures are most and least like those that it saw, and what becomes of them.
        """
        warm_up = self.config.loss.warm_up_images
        if self.clock.images - self.stride < warm_up:
            text = (
                f"This was no more than the warm-up of {warm_up:,} images, and nothing has learnt to translate yet: go "
                "on for longer, or begin anew with a smaller --warm-up-images."
            )
            self.tell("warning", text=text)
        with self.writing():
            if self.judge is None or self.clock.seconds < WORTH:
                return
            try:
                found = gallery.write_sheets(self.run, "trust", self.judge.by_trust(self.run))
            except UserError as error:
                self._tell("trust", reason=str(error))
            else:
                self._tell("trust", gallery=found, limit=UNUSUAL)

    def _evaluation_is_due(self, last: bool) -> bool:
        every = self.config.training.evaluate_every
        return last or (self.reached(every) if every else self.course.affordable(self.clock.seconds))

    def _evaluate(self, judge: Judge, folder: Path) -> None:
        """Measure the checkpoint that was just written, and mark the best one."""
        began = time.monotonic()
        verdict, self.losses = judge(self.losses), []
        aside = checkpoints.mark_best(self.run, folder, verdict.value, judge.measure)
        if aside:
            text = f"The best checkpoint so far was measured in another way than now; it is kept in {aside}."
            self._tell("warning", text=text)
        self._show()  # so that the pictures of the best and of the last can be compared
        best = checkpoints.best(self.run)
        flat, bad = self.course.judged(self.clock.images, verdict)
        sentences = self.course.sentences(verdict, flat, bad, best.name if best else folder.name)
        event = self._tell(
            "evaluation", result=verdict.result.to_dict(), value=verdict.value, spread=verdict.spread,
            measure=judge.measure, pictures=judge.digest, checkpoint=folder.name,
            best=best == folder, gallery=self._gallery(verdict, best), signs=verdict.signs, warnings=bad,
            flat=flat is not None, took=round(time.monotonic() - began, 3),
        )  # fmt: skip
        self.course.evaluations.append(event)
        for sentence in sentences:
            self._tell("warning", text=sentence)

    def _gallery(self, verdict: Verdict, best: Path | None) -> dict[str, Any]:
        """Of the best and of the newest evaluation."""
        kept = {int(e["images"]) for e in self.course.evaluations if best and e["checkpoint"] == best.name}
        return gallery.write(self.run, self.clock.images, verdict.ranked, kept)

    def _tell(self, kind: str, **facts: Any) -> Event:
        return self.events.tell(kind, self.clock.images, self.clock.seconds, **facts)

    @contextmanager
    def writing(self) -> Generator[None]:
        """What the first rank writes is written, or all ranks end with one sentence."""
        with self.ranks.together():
            try:
                yield
            except OSError as e:
                raise UserError(
                    f"{self.run} can't be written ({e.strerror}): free some space, then go on with --resume {self.run}."
                ) from e
