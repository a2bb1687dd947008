"""A run's translators as files for other programs, made by `unpaired export` in a process of its own, and kept."""

from __future__ import annotations

import secrets
import subprocess
import sys
import threading
from pathlib import Path

from unpaired.errors import UserError
from unpaired.web.refused import Refused
from unpaired.web.translators import directions, newest

SECONDS = 100


class Exports:
    """RUNS_DIR/.studio/exports/: one file for each checkpoint and format that was asked for."""

    def __init__(self, desk: Path) -> None:
        self.folder = desk / "exports"
        self._lock = threading.Lock()  # one at a time: exporting takes the machine's memory for seconds

    def offered(self, run: Path) -> dict[str, list[str]]:
        """What can be had, by file name, and the options of `unpaired export` that make it. Raises `UserError`."""
        known = directions(run)
        files = {f"{way}.onnx": ["--direction", way, "--onnx"] for way in known}
        return {"translator.safetensors": ["--safetensors"], **files}

    def file(self, run: Path, name: str) -> Path:
        """The file called `name`, made where it is not there yet. Blocks. Raises `UserError`."""
        options = self.offered(run).get(name)
        if options is None:
            raise Refused(404, "There is no such export.")
        checkpoint = newest(run)[0]
        target = self.folder / f"{run.name}-{checkpoint.name}-{name}"
        with self._lock:
            if not target.exists():
                self.folder.mkdir(exist_ok=True)
                self._make(checkpoint, options, target)
        return target

    def forget(self, name: str) -> None:
        """Delete the files of a run."""
        for path in self.folder.glob("*") if self.folder.exists() else ():
            if path.name.startswith(f"{name}-images-"):
                path.unlink(missing_ok=True)

    def _make(self, checkpoint: Path, options: list[str], target: Path) -> None:
        made = target.with_name(f".{secrets.token_hex(8)}{target.suffix}")
        command = [sys.executable, "-m", "unpaired", "export", str(checkpoint), *options, str(made)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
            if done.returncode:
                told = done.stderr.strip().splitlines()
                raise UserError(told[-1] if told else "The file could not be made.")
            made.replace(target)
        except subprocess.TimeoutExpired as e:
            raise UserError(f"This took longer than {SECONDS} s: use unpaired export.") from e
        finally:
            made.unlink(missing_ok=True)
