"""By what a run was made: versions, machine, command."""

from __future__ import annotations

import platform
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch


def provenance(device: torch.device) -> dict[str, Any]:
    """Versions and machine, for people who want to do it again."""
    gpu = torch.cuda.get_device_name(device) if device.type == "cuda" else ""
    return {
        "unpaired": version("unpaired"),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": gpu or f"{device} ({platform.processor() or platform.machine()})",
        "threads": torch.get_num_threads(),
        "system": platform.platform(),
        "command": typed(sys.argv),
    }


def typed(argv: list[str]) -> str:
    """The command as a shell takes it: `unpaired …` whether by its script or by `python -m unpaired`, without the path
    of this machine at which either lies; other programs by the name that they were started with.
    """
    program = Path(argv[0])
    ours = program.name == "unpaired" or program.parts[-2:] == ("unpaired", "__main__.py")
    return shlex.join(["unpaired" if ours else argv[0], *argv[1:]])
