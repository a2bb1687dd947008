"""The folder of runs that a server shows. A name that a client gives is only ever compared with what is there."""

from __future__ import annotations

from pathlib import Path

from unpaired.errors import UserError
from unpaired.run.folder import Record, read_record
from unpaired.web.refused import Refused


class Runs:
    """The runs directly below a folder, or one run alone."""

    def __init__(self, root: Path, only: str | None = None) -> None:
        self.root, self.only = root.resolve(), only
        self._read: dict[str, tuple[tuple[int, ...], Record]] = {}

    @classmethod
    def single(cls, run: Path) -> Runs:
        """One run. Raises `UserError` where `run` is none."""
        run = run.resolve()
        if not (run / "run.json").is_file():
            raise UserError(f"{run} is not a run: it holds no run.json, which a training leaves behind.")
        return cls(run.parent, run.name)

    @classmethod
    def below(cls, root: Path) -> Runs:
        """All runs of a folder, which is made where it is missing. Raises `UserError` where that fails."""
        if (root / "run.json").exists():
            raise UserError(f"{root} is a run: name the folder that holds it, {root.resolve().parent}.")
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as e:
            raise UserError(f"{root} can't be a folder of runs ({e.strerror}): name another.") from e
        return cls(root)

    def names(self) -> list[str]:
        """Names of the runs, newest first. What leads out of the folder, and what is hidden, is none."""
        found = [p for p in self.root.iterdir() if self._is_run(p)]
        return [p.name for p in sorted(found, key=_age)]

    def folder(self, name: str) -> Path:
        """The folder of a run. Raises `Refused` for anything that is not the name of one."""
        if name not in self.names():
            raise Refused(404, f"There is no run named {name[:100]!r}.")
        return self.root / name

    def record(self, name: str) -> Record:
        """What the run's folder tells; read again only where it has changed. Raises `UserError`."""
        folder = self.folder(name)
        stamp = tuple(n for p in (folder / "run.json", folder / "events.jsonl") for n in _stamp(p))
        known = self._read.get(name)
        if known is None or known[0] != stamp:
            known = self._read[name] = (stamp, read_record(folder))
        return known[1]

    def forget(self, name: str) -> None:
        self._read.pop(name, None)

    def _is_run(self, path: Path) -> bool:
        if path.name.startswith(".") or (self.only is not None and path.name != self.only):
            return False
        return (path / "run.json").is_file() and path.resolve().parent == self.root


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_mtime_ns, stat.st_size)


def _age(folder: Path) -> tuple[float, str]:
    """The run that told something last comes first."""
    return (-max(_stamp(folder / "events.jsonl")[0], _stamp(folder / "run.json")[0]), folder.name)
