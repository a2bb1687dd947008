"""A training of one step by two ranks, of which the second begins with a weight that is no number:

`RANK=… python poisoned.py RUN FOLDER_A FOLDER_B`, for `test_ranks.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tiny import TINY, plan

from unpaired.cli import _fail
from unpaired.compute.ranks import joined
from unpaired.errors import UserError
from unpaired.training.loop import train
from unpaired.training.run import find_folders
from unpaired.training.start import begin


def main(run: Path, a: Path, b: Path) -> None:
    torch.set_num_threads(1)
    with joined() as ranks:
        session = begin(plan(TINY, images=2), find_folders(a, b), run, ranks=ranks)
        if ranks.rank == 1:
            next(session.engine.method.parameters()).data.fill_(torch.nan)
        train(session)


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except UserError as e:
        _fail(str(e), 1)
