"""Train, die, go on: the cases of `test_resume.py`, each in a process of its own but all after one import of torch.

    python crashes.py '{"folders": [A, B], "out": DIR, "images": 8, "every": 2, "cases": [{"call": 7}, {"delay": 0.1}]}'

A case dies by SIGKILL just before its n-th call of what changes a disk, or is killed from outside after some time.
The last line printed is a list of what became of each case.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tiny import TINY, plan, seen

import unpaired.training.run as verbs
from unpaired.training.memory import estimate

DISK = ("fsync", "rename", "replace", "mkdir", "unlink", "rmdir")


def die_at(n: int) -> None:
    """Let this process be killed just before the n-th call, counted over all of `DISK`."""
    calls = 0

    def counted(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == n:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)

    for name in DISK:
        setattr(os, name, partial(counted, getattr(os, name)))


def in_child(work: Callable[[], object], delay: float | None = None) -> int:
    """Exit status of `work` in a process of its own; minus the signal that it died of."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException as e:
            print(f"{type(e).__name__}: {e}", file=sys.stderr)
        finally:
            os._exit(status)
    if delay is not None:
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def warm_up() -> None:
    """Have what torch imports at its first step imported once, not in every child."""
    estimate(TINY)
    torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))], fused=True)


def main() -> None:
    work = json.loads(sys.argv[1])
    torch.set_num_threads(1)
    warm_up()
    config = plan(TINY, images=work["images"], checkpoint_images=work["every"])
    results: list[dict[str, Any]] = []
    for i, case in enumerate(work["cases"]):
        run = Path(work["out"]) / f"case-{i}"

        def first(run: Path = run, case: dict[str, Any] = case) -> None:
            if "call" in case:
                die_at(case["call"])
            verbs.train(*work["folders"], out=run, config=config)

        died = in_child(first, case.get("delay"))
        begun = (run / "run.json").exists()
        places = seen(run) if begun else []
        second = in_child(partial(verbs.resume, run)) if begun else None
        results.append({**case, "name": run.name, "first": died, "begun": begun, "second": second,
                        "checkpoint": places[-1] if places else None})  # fmt: skip
    print(json.dumps(results))


if __name__ == "__main__":
    main()
