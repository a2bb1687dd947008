"""Where one process tells what became of each job: to the manifest, the counts and the progress bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from unpaired.data.files import not_written
from unpaired.errors import DiskFull, UserError, reason
from unpaired.translation.history import History
from unpaired.translation.jobs import Job
from unpaired.translation.manifest import Manifest, Write
from unpaired.translation.place import copy_place

Progress = Callable[[int, int], None]
"""Called with the files done and the files in all."""


class Told(Protocol):
    """What is told of every job exactly once: kept, finished or failed."""

    def is_done(self, job: Job) -> bool: ...
    def keep(self, job: Job) -> None: ...
    def write(self, job: Job, write: Write, notes: Sequence[str] = ()) -> None: ...
    def finished(self, job: Job) -> None: ...
    def failed(self, job: Job, error: UserError | OSError) -> None: ...


class Ledger:
    """Tells the manifest of a folder.

    Args:
        manifest: this process's.
        history: what was done before.
        total, progress: of this process's jobs.
    """

    def __init__(self, manifest: Manifest, history: History, *, total: int, progress: Progress | None = None) -> None:
        self.kept, self.done, self.total = 0, 0, total
        self._manifest, self._history, self._progress = manifest, history, progress

    def is_done(self, job: Job) -> bool:
        """Whether an earlier process of the same job did it. Raises `UserError` where its work was changed since."""
        return self._history.is_done(job.source, job.target, job.version)

    def keep(self, job: Job) -> None:
        """It was done before."""
        self.kept += 1
        self._tell()

    def write(self, job: Job, write: Write, notes: Sequence[str] = ()) -> None:
        """`write` the translation under another name, record it, and give it its own.

        Raises `UserError`, `OSError`; `DiskFull` where no other would fit either.

        For any thread; the caller then says `finished` or `failed`.
        """
        temporary = self._manifest.temporary(job.target)
        try:
            write(temporary)
            copy_place(job.source, job.target)
            self._manifest.finish(job.source, job.target, temporary, notes, job.version)
        except OSError as e:
            if isinstance(full := not_written(job.target, e), DiskFull):
                raise full from e
            raise
        except DiskFull:
            raise
        except UserError as e:  # which names a file that nobody knows
            raise UserError(f"{job.source} {reason(e, temporary)}") from e
        finally:
            temporary.unlink(missing_ok=True)

    def finished(self, job: Job) -> None:
        self._tell()

    def failed(self, job: Job, error: UserError | OSError) -> None:
        why = (error.strerror if isinstance(error, OSError) else None) or reason(error, job.source)
        self._manifest.tell(job.source, "failed", why)
        self._tell()

    def _tell(self) -> None:
        self.done += 1
        if self._progress:
            self._progress(self.done, self.total)
