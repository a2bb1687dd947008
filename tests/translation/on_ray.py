"""Jobs on a real Ray of two small workers, in a process of their own: on_ray.py ROOT, where run and pictures are."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ray

from unpaired.errors import UserError
from unpaired.translation.ray import translate_on_ray


def kill_a_worker(out: Path, told: dict[str, Any]) -> None:
    """Once a few files are there."""
    while (there := len(list(out.glob("*/*.png")))) < 8:
        time.sleep(0.01)
    worker = next(p for p in descendants(os.getpid()) if b"MapWorker" in Path(f"/proc/{p}/cmdline").read_bytes())
    os.kill(worker, signal.SIGKILL)
    told["killed_at"] = there


def descendants(ancestor: int) -> list[int]:
    parents: dict[int, int] = {}
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(process)] = int(Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            continue
    found = [ancestor]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return found[1:]


def main(root: Path) -> None:
    told: dict[str, Any] = {}
    ray.init(num_cpus=2, object_store_memory=80 << 20, include_dashboard=False, log_to_driver=False)

    def job(name: str, source: object, out: object, direction: str = "a2b", then: Callable[[], None] = int) -> None:
        began = time.monotonic()
        try:
            report = translate_on_ray(
                root / "run", [str(source)], str(out), direction, device="cpu", batch=1, workers=2
            )  # fmt: skip
            told[name] = [report.translated, report.kept, report.passed_over, report.failures, report.place]
            told[f"{name} failed"] = [str(path) for path, _ in report.failed]
        except UserError as e:
            told[name] = str(e)
        told[f"{name} seconds"] = time.monotonic() - began

    few, many, far = root / "few", root / "many", f"file://{root}"
    job("plain", few, root / "plain")
    (root / "plain/0/003.png").unlink()
    job("again", few, root / "plain")
    killer = threading.Thread(target=kill_a_worker, args=(root / "killed", told), daemon=True)
    killer.start()
    job("killed", many, root / "killed")
    job("far", f"{far}/few", f"{far}/far")
    (root / "far/0/003.png").unlink()
    job("far again", f"{far}/few", f"{far}/far")
    job("far back", f"{far}/few", f"{far}/far", "b2a")
    (root / "told.json").write_text(json.dumps(told))
    ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
