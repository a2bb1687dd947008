"""RUN/run.json: what a training is, before and after it has checkpoints."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from unpaired.config import Config, from_dict, to_dict
from unpaired.errors import UserError
from unpaired.training import checkpoint

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """The pictures of a training. Without test folders previews show training pictures."""

    a: Path
    b: Path
    test_a: Path | None = None
    test_b: Path | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """RUN/run.json: what a training is, before and after it has checkpoints."""

    config: Config
    folders: Folders
    counts: dict[str, int]
    preset: str | None = None
    title: str | None = None
    credits: str | None = None
    provenance: dict[str, Any]

    def write(self, run: Path) -> None:
        """Write RUN/run.json, whole or not at all."""
        folders = {f.name: getattr(self.folders, f.name) for f in fields(Folders)}
        record = {f.name: getattr(self, f.name) for f in fields(RunRecord)}
        record |= {"config": to_dict(self.config), "folders": {k: v and str(v) for k, v in folders.items()}}
        checkpoint.write_json(run / "run.json", {"format": FORMAT, **record})

    @staticmethod
    def read(run: Path) -> RunRecord:
        """Raises `UserError` where `run` is not a run, is damaged, or is of a newer version."""
        path = run / "run.json"
        try:
            record = json.loads(path.read_text())
            if record["format"] > FORMAT:
                raise UserError(f"{run} was written by a newer version of unpaired: upgrade with pip to use it.")
            folders = record["folders"]
            tests = {k: Path(folders[k]) if folders[k] else None for k in ("test_a", "test_b")}
            return RunRecord(
                config=from_dict(Config, record["config"], str(path)),
                folders=Folders(a=Path(folders["a"]), b=Path(folders["b"]), **tests),
                **{k: record[k] for k in ("counts", "preset", "title", "credits", "provenance")},
            )
        except FileNotFoundError as e:
            raise UserError(f"{run} is not a run: there is no run.json in it.") from e
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
            raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): restore it, or start a new run.") from e


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
        "command": " ".join(sys.argv),
    }
