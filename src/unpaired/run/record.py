"""RUN/run.json: what a training is, before and after it has checkpoints."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from unpaired.config import Config
from unpaired.config_json import from_dict, to_dict
from unpaired.data.files import write_json
from unpaired.errors import UserError

FORMAT = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Folders:
    """The pictures of a training. Without test folders previews show training pictures."""

    a: Path
    b: Path
    test_a: Path | None = None
    test_b: Path | None = None
    masks_a: Path | None = None
    masks_b: Path | None = None
    """Masks of the training pictures: a folder, or one file for all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """RUN/run.json: what a training is, before and after it has checkpoints."""

    config: Config
    folders: Folders | None
    """None of a run that was imported without pictures to go on training with."""
    counts: dict[str, int]
    """Pictures of each domain."""
    digests: dict[str, str] | None = None
    """A hash of each domain's pictures; runs of early versions have none."""
    mask_digests: dict[str, str] | None = None
    """The same of the masks of domains that have some."""
    preset: str | None = None
    title: str | None = None
    credits: str | None = None
    provenance: dict[str, Any]

    def write(self, run: Path) -> None:
        """Write RUN/run.json, whole or not at all."""
        record = {f.name: getattr(self, f.name) for f in fields(RunRecord)} | {"config": to_dict(self.config)}
        if self.folders is not None:
            folders = {f.name: getattr(self.folders, f.name) for f in fields(Folders)}
            record["folders"] = {k: v and str(v) for k, v in folders.items()}
        write_json(run / "run.json", {"format": FORMAT, **record})

    @staticmethod
    def read(run: Path) -> RunRecord:
        """Raises `UserError` where `run` is not a run, is damaged, or is of a newer version."""
        path, record = run / "run.json", read_facts(run)
        try:
            return RunRecord(
                config=from_dict(Config, record["config"], str(path)),
                folders=None if record["folders"] is None else _folders(record["folders"]),
                digests=record.get("digests"),
                mask_digests=record.get("mask_digests"),
                **{k: record[k] for k in ("counts", "preset", "title", "credits", "provenance")},
            )
        except (KeyError, TypeError, AttributeError) as e:
            raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): restore it, or start a new run.") from e


def _folders(said: dict[str, Any]) -> Folders:
    others = {f.name: Path(said[f.name]) if said.get(f.name) else None for f in fields(Folders)[2:]}
    return Folders(a=Path(said["a"]), b=Path(said["b"]), **others)


def read_facts(run: Path) -> dict[str, Any]:
    """RUN/run.json as it stands. Raises `UserError` where it is missing, damaged, foreign or of a newer version."""
    path = run / "run.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as e:
        raise UserError(f"{run} is not a run: it holds no run.json, which a training leaves behind.") from e
    except (OSError, ValueError) as e:
        raise UserError(f"{path} is damaged ({type(e).__name__}: {e}): restore it, or start a new run.") from e
    if not isinstance(facts, dict) or not isinstance(facts.get("format"), int):
        raise UserError(f"{path} was not written by unpaired: name the folder of a run.")
    if facts["format"] > FORMAT:
        raise UserError(f"{run} was written by a newer version of unpaired: upgrade with pip to use it.")
    return cast(dict[str, Any], facts)
