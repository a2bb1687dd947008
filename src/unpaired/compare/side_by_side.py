"""Runs, gathered: each measured, and the same pictures through all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from unpaired.compare.comparison import Comparison, Entry
from unpaired.compare.grid import side_by_side
from unpaired.compare.page import page
from unpaired.config import DIRECTIONS, Direction, source
from unpaired.data.discover import discover
from unpaired.errors import UserError
from unpaired.evaluation.measures import STANDARD
from unpaired.evaluation.run import evaluate
from unpaired.report.images import embedded
from unpaired.report.page import write_page
from unpaired.report.pieces import WAYS, img, thousands
from unpaired.report.progress import measured
from unpaired.run.folder import mapping, read_record
from unpaired.run.held_out import unseen
from unpaired.run.record import RunRecord

MOST = 6
"""Runs that a page has room and colours for."""


def compare(
    runs: Sequence[Path], *, out: Path, test_a: Path | None = None, test_b: Path | None = None, paired: bool = False,
    device: str = "auto", tell: Callable[[str], None] = lambda _: None,
) -> Comparison:  # fmt: skip
    """Put runs side by side and write the page `out`.

    Args:
        runs: two runs or more; what lies beside them and is no run is left out.
        test_a, test_b: measure all of them anew on these pictures; else what each training measured of its best
            checkpoint counts.
        paired: files of one name in both test folders show the same.

    Raises:
        UserError: fewer than two runs, one that is none, test folders that don't come in two.
    """
    others = [run for run in runs if run.exists() and not (run / "run.json").exists()]
    if others and len(runs) - len(others) >= 2:  # what lies beside the runs of a bake-off: OUT/* names it, too
        tell(f"leaving out {', '.join(map(str, others))}, which hold no run")
        runs = [run for run in runs if run not in others]
    if not 2 <= len({run.resolve() for run in runs}) == len(runs) <= MOST:
        raise UserError(f"Name two to {MOST} different runs to compare.")
    if (test_a is None) != (test_b is None):
        raise UserError("Test folders come in two: name both with --test-a and --test-b.")
    names = [run.name for run in runs]
    names = names if len({*names}) == len(names) else [str(run) for run in runs]
    entries: list[Entry] = []
    remarks: list[str] = []
    for run, name in zip(runs, names, strict=True):
        record = read_record(run)
        if test_a and test_b:
            tell(f"measuring {name}")
            result = evaluate(run, test_a, test_b, paired=paired, measures=STANDARD, device=device).to_dict()
            marked = "best" if (run / "best.json").is_file() else "latest"
            entries.append(Entry(name, record, _scores(result), "given", marked, _counts(result)))
            for directed in result["directions"].values():
                remarks += [told for why in directed["left_out"] if (told := f"Left out: {why}.") not in remarks]
            continue
        found = measured(record)
        event = next((e for e in reversed(found) if e.get("best") is True), found[-1] if found else None)
        if event is None:
            remarks.append(f"{name} was never measured: name test pictures with --test-a and --test-b.")
        pictures = str(event.get("pictures")) if event else None
        found_there = mapping(event["result"]) if event else {}
        checkpoint = f"after {thousands(event['images'])} images" if event else ""
        entries.append(Entry(name, record, _scores(found_there), pictures, checkpoint, _counts(found_there)))
    result = Comparison(entries, remarks)
    if vain := " and ".join(WAYS[direction] for direction in result.in_vain()):
        remarks.append(f"{vain}: by KID, no run is better than leaving the pictures as they are; train longer.")
    if not result.comparable:
        remarks.append(
            "These runs were measured on different pictures, so their numbers do not compare: "
            "measure all on the same ones with --test-a and --test-b."
        )
    tell("translating the same pictures with each")
    write_page(out, page(result, _grids(result, test_a, test_b, device)))
    return result


def _counts(result: dict[str, Any]) -> str:
    """Pictures of A and of B that were measured."""
    for direction, scores in mapping(result.get("directions")).items():
        counts = [mapping(scores).get(name) for name in ("inputs", "reals")]
        return " and ".join(map(thousands, counts if direction == "a2b" else counts[::-1]))
    return ""


def _scores(result: dict[str, Any]) -> dict[tuple[Direction, str], dict[str, Any]]:
    directions = mapping(result.get("directions"))
    return {
        (d, name): mapping(score)
        for d in DIRECTIONS
        for name, score in mapping(mapping(directions.get(d)).get("measures")).items()
    }


def _grids(found: Comparison, test_a: Path | None, test_b: Path | None, device: str) -> dict[Direction, str]:
    """A picture by direction: a few inputs, and what each run makes of them."""
    records = [RunRecord.read(entry.record.run) for entry in found.entries]
    if test_a and test_b:
        files = {"a": discover(test_a), "b": discover(test_b)}
    elif folders := next((record.folders for record in records if record.folders), None):
        files = unseen(folders, records[0].config)
    else:
        raise UserError("None of these runs knows pictures: name some with --test-a and --test-b.")
    grids: dict[Direction, str] = {}
    runs = {entry.name: entry.record.run for entry in found.entries}
    for direction in DIRECTIONS:
        if grid := side_by_side(runs, files[source(direction)].files, direction, device):
            shown = embedded(grid, side=1600, quality=86)
            grids[direction] = img(shown, f"Rows of pictures, {WAYS[direction]} by each run")
    return grids
