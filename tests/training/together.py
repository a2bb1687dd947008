"""What two processes do for `test_ranks.py`: `torchrun together.py FRESH RESUMED OUT FOLDER_A FOLDER_B`.

Trains a new run FRESH as `ALIKE` says, goes on with the run RESUMED, and writes to OUT what every rank held at the end.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist
from tiny import TINY, plan

from unpaired.compute.ranks import joined
from unpaired.training.loop import train
from unpaired.training.run import find_folders
from unpaired.training.session import Session
from unpaired.training.start import begin, resume

ALIKE = plan(replace(TINY, loss=replace(TINY.loss, pool=0)), images=12)
"""A training of which every picture's share is the same in one process and in two."""


def held(session: Session) -> list[str]:
    """Hash of this rank's weights and averages, gathered from all ranks."""
    digest = hashlib.sha256()
    for modules in (session.engine.method.networks(), session.engine.averaged):
        for _, module in sorted(modules.items()):
            for tensor in module.state_dict().values():
                digest.update(tensor.numpy().tobytes())
    everyone: list[str] = [""] * session.ranks.world
    dist.all_gather_object(everyone, digest.hexdigest())
    return everyone


def main(fresh: Path, resumed: Path, out: Path, a: Path, b: Path) -> None:
    torch.set_num_threads(1)
    results: dict[str, list[str]] = {}
    with joined() as ranks:
        for name, start in (
            ("fresh", lambda: begin(ALIKE, find_folders(a, b), fresh, ranks=ranks)),
            ("resumed", lambda: resume(resumed, ranks=ranks)),
        ):
            session = start()
            results[f"{name} before"] = held(session)
            train(session)
            results[name] = held(session)
        if ranks.first:
            out.write_text(json.dumps(results))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
