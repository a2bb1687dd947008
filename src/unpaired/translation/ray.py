"""Many machines: the jobs of a command on Ray Data, the network loaded once by each worker (extra `ray`).

    plan ─ blocks of names ─ map_batches on a pool of workers ─ each writes as a rank does, or stages what lies far off

What a worker does is what one process does; Ray hands out names and replaces workers that die. The one that comes in
their place reads what was recorded so far, so what the dead one had finished is not done twice.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.translation.addresses import RemoteJob, is_url
from unpaired.translation.batch import BatchReport, closed
from unpaired.translation.history import History
from unpaired.translation.jobs import Job, plan
from unpaired.translation.ledger import Ledger, Progress
from unpaired.translation.manifest import Manifest
from unpaired.translation.outcome import identity
from unpaired.translation.pipeline import translate_jobs
from unpaired.translation.remote import plan_urls
from unpaired.translation.staging import translate_staged
from unpaired.translation.translator import Translator

Names = dict[str, NDArray[np.str_]]

AT_ONCE = 256
"""Files that a worker is handed at a time, at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What every worker has to know; the run has to lie where all of them can read it."""

    run: Path
    direction: Direction
    checkpoint: Literal["best", "latest"] | None
    device: str
    batch: int | None
    max_memory: str | None
    overwrite: bool
    out: str
    about: dict[str, Any]
    job: str

    def translator(self) -> Translator:
        """Raises `UserError` where the weights are not those that the command was started with."""
        loaded = Translator.load(
            self.run, direction=self.direction, checkpoint=self.checkpoint, device=self.device,
            max_memory=self.max_memory,
        )  # fmt: skip
        if loaded.fingerprint() != self.about["weights"]:
            raise UserError(f"{self.run} holds other weights here than where the command was started.")
        return loaded


class Worker:
    """Translates files of this file system, in one of Ray's processes."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe, self._translator = recipe, recipe.translator()
        self._history = History(Path(recipe.out), recipe.job, anew=recipe.overwrite)

    def __call__(self, names: Names) -> Names:
        recipe = self._recipe
        jobs = [Job(Path(source), Path(target)) for source, target in _pairs(names)]
        manifest = Manifest(Path(recipe.out), recipe.job, recipe.about, f"ray-{secrets.token_hex(8)}")
        ledger = Ledger(manifest, self._history, total=len(jobs))
        try:
            translate_jobs(jobs, self._translator, recipe.direction, recipe.batch, ledger)
        finally:
            manifest.close()
        return {"source": names["source"]}


class StagingWorker:
    """Translates what lies at addresses, by way of a folder of its own, in one of Ray's processes."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe, self._translator = recipe, recipe.translator()

    def __call__(self, names: Names) -> Names:
        jobs = [RemoteJob(source, target) for source, target in _pairs(names)]
        recipe = self._recipe
        translate_staged(jobs, self._translator, recipe.direction, recipe.batch, recipe.out, recipe.job)
        return {"source": names["source"]}


def translate_on_ray(
    run: str | Path, inputs: Sequence[str], out: str, direction: Direction | None = None, *,
    checkpoint: Literal["best", "latest"] | None = None, device: str = "auto", batch: int | None = None,
    max_memory: str | None = None, overwrite: bool = False, workers: int | None = None,
    progress: Progress | None = None,
) -> BatchReport:  # fmt: skip
    """`translate_files` by the workers of a Ray cluster: that of $RAY_ADDRESS, or this machine as one.

    Args:
        run: where every worker can read it; each loads it once.
        inputs, out: paths that every worker can reach, or addresses such as s3://bucket/folder.
        workers: as many as there are GPUs, or one for two CPUs, if not given.

    Raises `UserError` as `translate_files` does, and where Ray is missing or gives up.
    """
    if workers is not None and workers < 1:
        raise UserError(f"workers {workers} is not at least 1.")
    translator = Translator.load(run, direction=direction, checkpoint=checkpoint, device=device)
    translator.at_once(1, 1, batch)  # refuses a batch that is none
    way = translator.direction(direction)
    about = {"weights": translator.fingerprint(way), "direction": way, "batch": batch}
    far = any(map(is_url, [*inputs, out]))
    recipe = Recipe(
        run=Path(run).resolve(), direction=way, checkpoint=checkpoint, device=device, batch=batch,
        max_memory=max_memory, overwrite=overwrite, out=out if far else os.path.abspath(out),
        about=about, job=identity(about),
    )  # fmt: skip
    if far:
        planned = plan_urls(inputs, out, recipe.job, overwrite=overwrite)
        pairs = [(job.source, job.target) for job in planned.jobs]
        ended = False
        try:
            _run(StagingWorker, recipe, pairs, workers, progress)
            ended = True
        finally:
            report = planned.joined(recipe.job, about, way, ended=ended)
        return report
    history = History(Path(recipe.out), recipe.job, anew=overwrite)
    jobs = plan([Path(os.path.abspath(path)) for path in inputs], Path(recipe.out), history, overwrite=overwrite)
    manifest = Manifest(Path(recipe.out), recipe.job, about)
    try:
        manifest.pass_over(jobs.skipped)
        _run(Worker, recipe, [(str(job.source), str(job.target)) for job in jobs], workers, progress)
    finally:
        manifest.join()
        unrecorded = manifest.close()
    manifest.end()
    return closed(manifest, len(jobs), unrecorded, way)


def _run(
    worker: type[Worker] | type[StagingWorker], recipe: Recipe, pairs: Sequence[tuple[str, str]],
    workers: int | None, progress: Progress | None,
) -> None:  # fmt: skip
    if not (total := len(pairs)):
        return
    with _cluster() as (data, resources):
        gpus = resources.get("GPU", 0) if recipe.device in ("auto", "cuda") else 0
        size = workers or int(gpus) or max(1, int(resources.get("CPU", 1)) // 2)
        size = min(size, total)
        items = [{"source": source, "target": target} for source, target in pairs]
        at_once = min(AT_ONCE, max(1, total // (4 * size)))
        done = 0
        made = data.from_items(items, override_num_blocks=-(-total // at_once)).map_batches(
            worker, batch_size=None, fn_constructor_args=(recipe,), compute=data.ActorPoolStrategy(size=size),
            num_gpus=1 if gpus else 0, num_cpus=1,
        )  # fmt: skip
        try:
            for batch in made.iter_batches(batch_size=None):
                done += len(batch["source"])
                if progress:
                    progress(done, total)
        except Exception as e:  # whatever Ray raises about its workers
            if isinstance(cause := getattr(e, "cause", None) or e.__cause__, UserError):
                raise cause from e
            raise UserError(f"Ray gave up: {str(e).strip().splitlines()[-1]}. The same command goes on.") from e
    if done != total:
        raise UserError(f"Ray returned {done:,} of {total:,} files. The same command goes on.")


@contextmanager
def _cluster() -> Generator[tuple[Any, dict[str, Any]]]:
    """`ray.data` and what the cluster has: the one at $RAY_ADDRESS, or this machine as one for as long as it takes."""
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # else its C++ writes warnings between our lines
    try:
        import ray
        import ray.data
    except ImportError as e:
        raise UserError("--engine ray needs Ray: pip install 'unpaired[ray]'.") from e
    ours = not ray.is_initialized()
    if ours:
        local: dict[str, Any] = (
            {} if os.environ.get("RAY_ADDRESS") else {"object_store_memory": 128 << 20, "include_dashboard": False}
        )
        ray.init(log_to_driver=False, logging_level=logging.ERROR, **local)  # only names travel: little is enough
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    try:
        yield ray.data, dict(ray.cluster_resources())
    finally:
        if ours:
            ray.shutdown()


def _pairs(names: Names) -> Iterator[tuple[str, str]]:
    return ((str(s), str(t)) for s, t in zip(names["source"], names["target"], strict=True))
