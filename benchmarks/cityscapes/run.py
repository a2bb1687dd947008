"""The CycleGAN paper's tables on Cityscapes: each configuration with the same budget, one table at the end.

    python benchmarks/cityscapes/run.py DATA --out OUT [--rows cyclegan cut …] [--minutes 20 | --images 40000]
        [--seeds 0 1 2] [--size 64] [--preset fast] [--fcn FILE] [--peer CHECKOUT] [--limit N]

DATA holds trainA, trainB, testA and testB; A is colour label maps, B photos. Done rows are kept in OUT/results.json:
typed again, the command goes on, and with other rows or seeds it adds them. OUT/table.md is the table.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from judging import judge_folders, judge_run
from rows import NAMES, ROWS, Three, at_scale, configured, is_one_way

import unpaired
from unpaired.compute.device import choose_device
from unpaired.config import Config
from unpaired.evaluation.fcn import Judge
from unpaired.evaluation.fcn_training import train_fcn
from unpaired.run import checkpoint, checkpoints

PEER = "pytorch-CycleGAN-and-pix2pix"
THREE = ("per-pixel accuracy", "per-class accuracy", "class IoU")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rows", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--minutes", type=float, help="of training, a row and seed; 20 if nothing is said")
    parser.add_argument("--images", type=int, help="of each domain seen, a row and seed, in place of minutes")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--preset", choices=("fast", "paper"), default="fast")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--fcn", type=Path, help="judge of photos; trained for --fcn-minutes if not given")
    parser.add_argument("--fcn-minutes", type=float, default=10)
    parser.add_argument("--peer", type=Path, help="checkout of pytorch-CycleGAN-and-pix2pix, as a row of its own")
    parser.add_argument("--limit", type=int, help="judge with so many test pairs only, to try the command")
    options = parser.parse_args()
    if options.minutes is None and options.images is None:
        options.minutes = 20.0
    options.out.mkdir(parents=True, exist_ok=True)
    judge = _judge(options)
    path = options.out / "results.json"
    results: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}
    wanted = [*options.rows, *([PEER] if options.peer else [])]
    for seed in options.seeds:
        for name in wanted:
            key = f"{options.preset if name != PEER else 'published'} {name}"
            if str(seed) in results.setdefault(key, {}):
                continue
            print(f"{key}, seed {seed}: training", flush=True)
            found = _peer(options, seed, judge) if name == PEER else _ours(options, name, seed, judge)
            results[key][str(seed)] = found
            path.write_text(json.dumps(results, indent=1))
    table = _table(results, options, judge)
    (options.out / "table.md").write_text(table)
    print(table)


def _judge(options: argparse.Namespace) -> Judge:
    path = options.fcn or options.out / f"fcn-{options.size}.safetensors"
    device = choose_device(options.device)
    if not path.exists():
        print(f"Training the judge of photos for {options.fcn_minutes:g} minutes", flush=True)
        judge, _ = train_fcn(
            options.data / "trainB", options.data / "trainA", side=options.size, minutes=options.fcn_minutes,
            device=options.device,
        )  # fmt: skip
        judge.save(path)
    return Judge.load(path, device)


def _ours(options: argparse.Namespace, name: str, seed: int, judge: Judge) -> dict[str, Any]:
    base = at_scale(options.preset, options.size)
    share = 0.5 if is_one_way(name) else 1.0
    training = replace(
        base.training, seed=seed, device=options.device, held_out=0, preview_minutes=1e6,
        minutes=options.minutes and options.minutes * share,
        images=options.images and max(1, round(options.images * share)),
    )  # fmt: skip
    config = configured(name, replace(base, training=training))
    parts: list[dict[str, Any]] = []
    for swapped in (False, True) if is_one_way(name) else (False,):
        run = options.out / "runs" / f"{options.preset}-{name}-{seed}{'-swapped' if swapped else ''}"
        parts.append(_trained(options, config, run, judge, swapped=swapped))
    found = {key: value for part in parts for key, value in part.items()}
    return found | {cost: sum(part[cost] for part in parts) for cost in ("images", "minutes")}


def _trained(options: argparse.Namespace, config: Config, run: Path, judge: Judge, *, swapped: bool) -> dict[str, Any]:
    """Train one run and judge it."""
    shutil.rmtree(run, ignore_errors=True)  # of a benchmark that was stopped
    sides = ("B", "A") if swapped else ("A", "B")
    unpaired.train(
        *(options.data / f"train{s}" for s in sides), out=run, config=config,
        test_a=options.data / f"test{sides[0]}", test_b=options.data / f"test{sides[1]}",
    )  # fmt: skip
    newest = checkpoints.latest(run)
    assert newest is not None
    reached = checkpoint.read(newest).manifest
    scores = judge_run(run, options.data, judge, swapped=swapped, limit=options.limit)
    return scores | {"images": reached.images, "minutes": reached.seconds / 60}


def _peer(options: argparse.Namespace, seed: int, judge: Judge) -> dict[str, Any]:
    if options.minutes is None:
        sys.exit("The published code is trained for a time on the clock: give --minutes.")
    out = options.out / "runs" / f"published-{seed}"
    words = [
        *(options.peer, options.data, out, "--size", options.size, "--minutes", options.minutes, "--seed", seed),
        *(["--limit", options.limit] if options.limit else []),
        *([] if options.device == "auto" else ["--device", options.device]),
    ]
    subprocess.run([sys.executable, str(Path(__file__).with_name("peer.py")), *map(str, words)], check=True)
    scores = judge_folders({"a2b": out / "a2b", "b2a": out / "b2a"}, options.data, judge, options.size, options.limit)
    return scores | json.loads((out / "facts.json").read_text())


def _table(results: dict[str, dict[str, Any]], options: argparse.Namespace, judge: Judge) -> str:
    budget = f"{options.minutes:g} minutes" if options.minutes is not None else f"{options.images:,} images"
    lines = [
        f"{options.size} px, {budget} a row; per-pixel accuracy / per-class accuracy / class IoU. Labels → photo is "
        f"judged by {judge.name} (held-out pairs: {' / '.join(f'{v:.2f}' for v in judge.facts.held_out)}).",
        "",
        "| | labels → photo | the paper's | photo → labels | the paper's | KID photos | KID labels | images | minutes "
        "| seeds |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    known = [run for runs in results.values() for run in runs.values()]
    for word, title in (("nothing", "do nothing"), ("truth", "ground truth")):
        whole = next((run for run in known if f"photos KID, {word}" in run and f"labels KID, {word}" in run), None)
        if whole:
            cells = [_three([whole], into, f", {word}") for into in ("photos", "labels")]
            kid = [_mean([whole], f"{into} KID, {word}") for into in ("photos", "labels")]
            paper = ".80 / .26 / .21" if word == "truth" else ""
            lines.append(f"| {title} | {cells[0]} | {paper} | {cells[1]} | | {kid[0]} | {kid[1]} | | | |")
    for key, runs in results.items():
        found = list(runs.values())
        if not found:
            continue
        row = ROWS.get(key.partition(" ")[2])
        cells = [
            key, _three(found, "photos"), _printed(row.photos if row else None), _three(found, "labels"),
            _printed(row.labels if row else None), _mean(found, "photos KID"), _mean(found, "labels KID"),
            _mean(found, "images", 0), _mean(found, "minutes", 1), str(len(found)),
        ]  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _three(found: list[dict[str, Any]], into: str, word: str = "") -> str:
    return " / ".join(_mean(found, f"{into} {name}{word}", 3) for name in THREE)


def _mean(found: list[dict[str, Any]], name: str, digits: int = 3) -> str:
    """The mean over seeds, ± the standard deviation where there are several."""
    values = [run[name] for run in found if run.get(name) is not None]
    if not values:
        return "–"
    said = f"{statistics.fmean(values):,.{digits}f}"
    return said if len(values) == 1 else f"{said} ± {statistics.stdev(values):,.{digits}f}"


def _printed(three: Three | None) -> str:
    return " / ".join(f"{v:.2f}"[1:] for v in three) if three else ""


if __name__ == "__main__":
    main()
