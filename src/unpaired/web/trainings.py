"""Trainings as processes of their own, which neither need the server that started them nor harm it.

What is known of one lies in RUNS_DIR/.studio/NAME.log: what it says, and a lock that the kernel holds for as long as
the process lives. So another server, or the same one after a power cut, sees which trainings are alive, and a number
that the system has given to another process by now is never mistaken for one.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from unpaired.config import Config, option
from unpaired.config_json import to_dict
from unpaired.data.files import write_json
from unpaired.errors import UserError
from unpaired.presets import PRESETS
from unpaired.text import perhaps
from unpaired.web.runs import Runs

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
FIXED = {"--device"}
"""Options that a page may not set: the server's owner did."""
TAIL = 4000  # bytes of a log that are looked at


@dataclass(frozen=True, slots=True)
class Process:
    """A training that a studio started."""

    alive: bool
    stopping: bool
    pid: int
    failure: str | None
    """The last it said, if it ended badly."""


class Trainings:
    """Starts, stops, resumes and deletes the trainings of a folder of runs."""

    def __init__(self, runs: Runs) -> None:
        if os.name != "posix":
            raise UserError("The studio runs on Linux and macOS; elsewhere use unpaired train and unpaired serve.")
        self.runs = runs
        self.desk = runs.root / ".studio"
        self.desk.mkdir(exist_ok=True)
        self._children: list[subprocess.Popen[bytes]] = []
        self._lock = threading.RLock()  # a look at a lock must not be taken for the lock

    def start(self, name: str, folders: Sequence[Path], preset: str, minutes: float | None, options: str = "") -> None:
        """Start a training in the new run `name`. Raises `UserError` for what can be seen at once."""
        if not NAME.fullmatch(name):
            raise UserError(f"{name[:80]!r} can't name a run: take up to 60 letters, digits, dots and dashes.")
        if preset not in PRESETS:
            raise UserError(f"There is no preset {preset[:40]!r}{perhaps(preset, PRESETS)}.")
        folder = self.runs.root / name
        process = self.process(name)
        if folder.exists() or (process and process.alive):
            raise UserError(f"There is a run named {name} already: take another name.")
        words = [*map(str, folders), "--out", str(folder), "--preset", preset, *_plan(minutes), *checked(options)]
        self._launch(name, words)

    def resume(self, name: str, minutes: float | None) -> None:
        """Go on with a run, up to `minutes` in all. Raises `UserError`."""
        folder, process = self.runs.folder(name), self.process(name)
        if process and process.alive:
            raise UserError(f"{name} is training already.")
        self._launch(name, ["--resume", str(folder), *_plan(minutes)])

    def stop(self, name: str) -> None:
        """Ask a training to write a checkpoint and end. Raises `UserError` where it is not ours to stop."""
        process = self.process(name)
        if process is None or not process.alive:
            raise UserError(f"{name} is not a training that this studio can stop: where it was started, press Ctrl-C.")
        if not process.stopping:  # a second signal would not let it finish its checkpoint
            write_json(self._file(name, "json"), {"pid": process.pid, "stopping": True})
            os.killpg(process.pid, signal.SIGTERM)

    def delete(self, name: str) -> None:
        """Delete a run and what is known of its process. Raises `UserError` while it is training."""
        process = self.process(name)
        if process and process.alive:
            raise UserError(f"{name} is training: stop it first.")
        if name in self.runs.names():
            # Renamed first, so that a half-deleted run is none.
            doomed = self.desk / f"deleting-{secrets.token_hex(8)}"
            self.runs.folder(name).rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)
        elif process is None:
            raise UserError(f"There is no run named {name[:100]!r}.")
        self.runs.forget(name)
        for kind in ("log", "json"):
            self._file(name, kind).unlink(missing_ok=True)

    def process(self, name: str) -> Process | None:
        """What is known of the process that a studio started for a run; None where none did."""
        self._reap()
        if not NAME.fullmatch(name):
            return None
        try:
            facts = json.loads(self._file(name, "json").read_text())
            pid, stopping = int(facts["pid"]), bool(facts["stopping"])
            with self._lock:
                alive = _is_locked(self._file(name, "log"))
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return Process(alive, stopping and alive, pid, None if alive else self._failure(name))

    def unborn(self) -> list[str]:
        """Names of trainings that were started and have no run yet, or failed before they had one."""
        known = set(self.runs.names())
        return sorted(p.stem for p in self.desk.glob("*.json") if p.stem not in known and self.process(p.stem))

    def said(self, name: str) -> str:
        """The end of what a training says, without what it draws."""
        try:
            with self._file(name, "log").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                return file.read().decode(errors="replace")
        except OSError:
            return ""

    def _failure(self, name: str) -> str | None:
        lines = [line for line in self.said(name).splitlines() if line.strip()]
        last = lines[-1] if lines else "It ended without a word."
        # What a training says at a good end, and when it was asked to stop.
        return None if last.startswith(("Trained on ", "Stopped at ")) else last[:1000]

    def _launch(self, name: str, words: Sequence[str]) -> None:
        import fcntl

        with self._lock:
            log = self._file(name, "log")
            with log.open("ab") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError as e:
                    raise UserError(f"{name} is training already.") from e
                file.truncate(0)
                child = subprocess.Popen(
                    [sys.executable, "-m", "unpaired", "train", *words],
                    stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                    start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
                )  # fmt: skip
                self._children.append(child)
                write_json(self._file(name, "json"), {"pid": child.pid, "stopping": False})
            # Our handle is closed and not unlocked: the child's, which is the same, still holds the lock.

    def _reap(self) -> None:
        self._children = [child for child in self._children if child.poll() is None]

    def _file(self, name: str, kind: str) -> Path:
        return self.desk / f"{name}.{kind}"


def checked(options: str) -> list[str]:
    """Options as a person types them: only those that a configuration has, each with values that are none.

    Raises `UserError` naming another.
    """
    try:
        words = shlex.split(options)
    except ValueError as e:
        raise UserError(f"The options can't be read ({e}): write them as on the command line.") from e
    known = known_options()
    for i, word in enumerate(words):
        name = word.partition("=")[0]
        if word.startswith("-") and not _is_number(word) and name not in known:
            raise UserError(f"{name[:60]} is not an option of a training here{perhaps(name, known)}.")
        if i == 0 and not word.startswith("--"):
            raise UserError(f"{word[:60]!r} is not an option: write --name value.")
    return words


def known_options() -> list[str]:
    """The options of a configuration, but for those that belong to the server's owner."""
    groups = [(group, values) for group, values in to_dict(Config()).items() if isinstance(values, dict)]
    names = [option(name, group) for group, values in groups for name in values]
    flags = [f"{name[: name.rfind('.') + 1] or '--'}no-{name.rpartition('.')[2].removeprefix('--')}" for name in names]
    return [name for name in ["--method", *names, *flags] if name not in FIXED]


def _is_number(word: str) -> bool:
    return re.fullmatch(r"-\d[\d.e-]*", word) is not None


def _plan(minutes: float | None) -> list[str]:
    if minutes is None:
        return []
    if not 0 < minutes <= 60 * 24 * 365:
        raise UserError(f"{minutes:g} minutes is not a time to train for: take more than 0.")
    return ["--minutes", f"{minutes:g}"]


def _is_locked(path: Path) -> bool:
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
        return False
