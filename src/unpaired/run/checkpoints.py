"""The checkpoints of a run: which there are, which is the newest and the best, which stay."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from unpaired.data.files import write_json
from unpaired.errors import UserError
from unpaired.run.checkpoint import delete


def located(path: Path) -> tuple[Path, Path | None]:
    """The run that is meant by `path`, its folder or one of its checkpoints', and that checkpoint."""
    if not (path / "run.json").exists() and path.resolve().parent.name == "checkpoints":
        return Path(os.path.normpath(path / ".." / "..")), path
    return path, None


def of(run: Path) -> list[Path]:
    """Folders of the checkpoints of a run, oldest first. One that lost its manifest is among them: `read` refuses it,
    where passing over it would train or translate with older weights, or none, without a word.
    """
    return sorted(p for p in (run / "checkpoints").glob("images-*") if p.is_dir())


def latest(run: Path) -> Path | None:
    """The newest checkpoint's folder, or None where nothing has been written yet."""
    folders = of(run)
    return folders[-1] if folders else None


def best(run: Path) -> Path | None:
    """The folder of the checkpoint that measured best, or None where nothing has been measured."""
    mark = _mark(run)
    return mark[0] if mark and mark[0].is_dir() else None


def mark_best(run: Path, folder: Path, value: float, measure: str) -> Path | None:
    """Name `folder` as the best checkpoint of a run, if its `value` is lower than that of the best so far.

    Values of another `measure` do not compare: the best by that one is set aside, and its new place returned.
    """
    mark, aside = _mark(run), None
    if mark and mark[0].is_dir() and mark[0] != folder:
        if mark[2] != measure:
            aside = set_aside(run, [mark[0]])
        elif mark[1] <= value:
            return None
    write_json(run / "best.json", {"checkpoint": folder.name, "value": value, "measure": measure})
    return aside


def _mark(run: Path) -> tuple[Path, float, str] | None:
    """What best.json says: a checkpoint's folder, its value, and by what measure."""
    path = run / "best.json"
    try:
        mark = json.loads(path.read_text())
        return run / "checkpoints" / mark["checkpoint"], float(mark["value"]), str(mark["measure"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): delete it.") from e


def set_aside(run: Path, folders: list[Path]) -> Path:
    """Move checkpoints to a new folder RUN/set-aside/N, where nothing deletes them; with a copy of the log so far."""
    parent = run / "set-aside"
    parent.mkdir(exist_ok=True)
    place = parent / str(1 + max((int(p.name) for p in parent.iterdir() if p.name.isdigit()), default=0))
    place.mkdir()
    if (run / "events.jsonl").exists():
        shutil.copy2(run / "events.jsonl", place)
    for folder in folders:
        folder.rename(place / folder.name)
    return place


def prune(run: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints and the best, and what a killed training left half-done."""
    for pattern in (".writing-*", ".deleting-*"):
        for leftover in (run / "checkpoints").glob(pattern):
            shutil.rmtree(leftover, ignore_errors=True)
    kept = {best(run), *of(run)[-keep:]}
    for folder in of(run):
        if folder not in kept:
            delete(folder)
