"""A training under way: what the loop steps, and what is written beside it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unpaired.config import Config, Direction
from unpaired.data.sampler import Batches
from unpaired.errors import UserError
from unpaired.training import checkpoint, state
from unpaired.training.best import Judge
from unpaired.training.engine import Engine
from unpaired.training.events import Events
from unpaired.training.preview import Preview
from unpaired.training.ranks import Ranks
from unpaired.training.record import RunRecord
from unpaired.training.stability import check_weights


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
        with self.writing():
            self.events.tell(kind, self.clock.images, self.clock.seconds, **facts)

    def save(self) -> None:
        """Write a checkpoint, measure it, and delete those that are no longer kept."""
        with self.ranks.together():
            check_weights(self.engine.method.networks(), self.run, self.clock.images, self.stride)
        manifest = checkpoint.Manifest(
            images=self.clock.images, seconds=self.clock.seconds, world=self.ranks.world, config=self.config,
            provenance=self.record.provenance,
        )  # fmt: skip
        folder = state.save(self.run, self.engine, manifest)
        with self.writing():
            if self.ranks.first:
                judged = self._judged(folder)
                checkpoint.prune(self.run, self.config.training.keep)
                self.events.tell(
                    "checkpoint", self.clock.images, self.clock.seconds, folder=folder.name, judged=judged
                )  # fmt: skip

    def show(self) -> None:
        """Write the preview grids."""
        with self.writing():
            if self.preview:
                files = self.preview.write(self.engine, self.clock.images)
                self.events.tell("preview", self.clock.images, self.clock.seconds, files=files)

    def _judged(self, folder: Path) -> dict[Direction, float]:
        """How good the newest checkpoint is by direction, where that can be measured; the best one is marked."""
        if not self.judge or not self.judge.able:
            return {}
        judged = self.judge()
        aside = checkpoint.mark_best(self.run, folder, self.judge.total(judged), self.judge.measure)
        if aside:
            text = f"The best checkpoint so far was measured in another way than now; it is kept in {aside}."
            self.events.tell("warning", self.clock.images, self.clock.seconds, text=text)
        return judged

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
