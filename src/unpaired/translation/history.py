"""What was translated into a folder before, as its manifest says."""

from __future__ import annotations

import json
from pathlib import Path

from unpaired.data import shards
from unpaired.errors import UserError
from unpaired.translation.outcome import Outcome, called, digest, lines, number_of, parts


class History:
    """What earlier processes, of this job or another, translated into a folder; the last line of a file counts.

    Holds places only, not lines: about 100 bytes a file.
    """

    def __init__(self, out: Path, job: str, *, anew: bool = False) -> None:
        """`anew`: what was done by commands that came to their end does not count; by one that was stopped, it does.

        Raises `UserError` where the manifest is somebody else's, or can't be read.
        """
        self.job, self._anew = job, anew
        self._files: list[Path] = parts(out)
        self._places: dict[int, tuple[int, int]] = {}
        for number, path in enumerate(self._files):
            try:
                for offset, line in lines(path):
                    outcome = Outcome.parse(line)
                    if outcome is None and offset == 0:
                        _check_ours(path, line)
                    if outcome is None and anew and _is_end(line):
                        self._places.clear()
                    if outcome is not None and outcome.status == "translated":
                        self._places[number_of(outcome.input)] = number, offset
            except OSError as e:
                raise UserError(f"{path} can't be read: {e.strerror or e}.") from e

    def of(self, source: Path | str) -> Outcome | None:
        """The last translation of `source`, by whichever job."""
        name = called(source)
        if (place := self._places.get(number_of(name))) is None:
            return None
        with self._files[place[0]].open("rb") as file:
            file.seek(place[1])
            outcome = Outcome.parse(file.readline())
        return outcome if outcome is not None and outcome.input == name else None

    def is_done(self, source: Path, target: Path, version: str | None = None) -> bool:
        """Whether `target` is this job's translation of `source` as it is now, in this `version`, whole.

        Raises `UserError` where it was this job's, but is not what was written any more, unless all is made anew.
        """
        if (outcome := self.of(source)) is None or outcome.job != self.job or not target.is_file():
            return False
        if outcome.bytes != target.stat().st_size or outcome.sha256 != digest(target):
            if self._anew:
                return False
            raise UserError(
                f"{source} has a translation that was changed or damaged since it was written: to have it made again, "
                f"move {target} away."
            )
        unchanged = (outcome.input_bytes, outcome.input_mtime_ns) == shards.status(source)
        return unchanged and outcome.input_version == version


def _check_ours(path: Path, line: bytes) -> None:
    """Raise `UserError` where a first line is not that of a manifest."""
    try:
        if "unpaired" in json.loads(line):
            return
    except (ValueError, TypeError):
        pass
    raise UserError(f"{path} is there already and no manifest of translations: take another --out.")


def _is_end(line: bytes) -> bool:
    try:
        return bool(json.loads(line).get("ended"))
    except (ValueError, AttributeError):
        return False
