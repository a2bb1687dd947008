"""Many pictures, a command that is killed twice on its way, and how much memory it takes.

    python benchmarks/amount.py [--pictures 100000] [--width 4] [--folder DIR] [--save]

Makes that many PNGs of 64 px, has `unpaired translate` translate them with a small generator of random weights, kills
it with SIGKILL after a third and after two thirds, and repeats the command. Then: is there one line and one whole
output for each input, no more and no less, and is each what the generator makes of it? Peak memory is the system's
high-water mark of the process, when a tenth of all files were done and at the end.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from timing import table, write_result
from unpaired.config import Config, GeneratorConfig
from unpaired.data.decode import read_picture
from unpaired.networks import build_generator
from unpaired.translation import single
from unpaired.translation.outcome import MANIFEST, Outcome, digest, outcomes
from unpaired.translation.translator import Translator

SIDE = 64
LOOK = 0.1
"""Seconds between looks at the manifest and at the process's memory."""
SAMPLE = 100
"""Outputs that are compared with what the generator makes of their inputs by itself."""


def make_pictures(folder: Path, count: int) -> None:
    """Each another one, 1,000 in a folder; those that are there already are left."""
    for number in range(count):
        path = folder / f"{number // 1000:04}" / f"{number:07}.png"
        if number % 1000 == 0:
            path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            rough = np.random.default_rng(number).integers(0, 256, (8, 8, 3), np.uint8)
            Image.fromarray(rough).resize((SIDE, SIDE), Image.Resampling.NEAREST).save(path)


def make_translator(path: Path, width: int) -> None:
    config = Config(generator=GeneratorConfig(kind="resnet", width=width, blocks=1))
    torch.manual_seed(0)
    network = build_generator(3, 3, config.generator)
    single.write(path, config, {"a2b": network.state_dict()}, images=0, provenance={})


@dataclasses.dataclass
class Look:
    """A process that was watched until it ended, or was killed."""

    seconds: float
    done: int
    """Lines of translations in the manifest at its end, its own and those before."""
    peaks: dict[int, float]
    """Files done → MiB that it had held at most by then."""


def watch(words: list[str], manifest: Path, marks: list[int], kill_at: int | None) -> Look:
    """Start a command, and look at it until it ends or has done `kill_at` files, when it is killed."""
    start, peaks, lines, offset = time.monotonic(), dict[int, float](), 0, 0
    before = manifest.read_bytes().count(b'"translated"') if manifest.exists() else 0
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        time.sleep(LOOK)
        if manifest.exists():
            with manifest.open("rb") as file:
                file.seek(offset)
                new = file.read()
            offset, lines = offset + len(new), lines + new.count(b'"translated"')
        peak = high_water(process.pid)
        for mark in marks:
            if before < mark <= lines and peak:
                peaks.setdefault(mark, peak)
        if peak:
            peaks[lines] = peak
        if kill_at is not None and lines >= kill_at:
            process.kill()
    if process.wait() != (0 if kill_at is None else -9):
        raise SystemExit(f"the command ended with {process.returncode}, which was not meant")
    return Look(time.monotonic() - start, lines, {m: peaks[m] for m in marks if m in peaks} | dict([peaks.popitem()]))


def high_water(pid: int) -> float | None:
    """MiB that a process of this system has held at most, or None where it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), None)


def check(pictures: Path, out: Path, model: Path, count: int) -> dict[str, Any]:
    """Counts of what is there and of what is wrong."""
    lines = Counter[str]()
    with (out / MANIFEST).open("rb") as file:
        for line in file:
            if (outcome := Outcome.parse(line)) is not None and outcome.status == "translated":
                lines[outcome.input] += 1
    told = {o.input: o for o in outcomes(out / MANIFEST)}
    made = {path.relative_to(out) for path in out.rglob("*") if path.is_file() and path.name != MANIFEST}
    inputs = {path.relative_to(pictures) for path in pictures.rglob("*.png")}
    damaged = sum(o.output is None or digest(out / o.output) != o.sha256 for o in told.values())
    translator, differ = Translator.load(model, device="cpu"), 0
    for path in sorted(inputs)[:: max(1, count // SAMPLE)]:
        alone = np.asarray(translator(pictures / path)).astype(int)
        differ += bool(np.abs(alone - read_picture(out / path).pages[0]).max() > 1)
    return {
        "inputs": len(inputs), "outputs": len(made), "missing": len(inputs - made), "not asked for": len(made - inputs),
        "lines": sum(lines.values()), "translated once more after a kill": sum(n - 1 for n in lines.values()),
        "without a line": len(inputs) - len(told), "damaged": damaged, "differ": differ,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    parser.add_argument("--width", type=int, default=4, help="channels of the generator's first layer")
    parser.add_argument("--folder", type=Path, help="where to work; pictures that are there are used again")
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    options = parser.parse_args()
    count, folder = options.pictures, options.folder or Path(tempfile.mkdtemp(prefix="unpaired-amount-"))
    pictures, out, model = folder / "in", folder / "out", folder / "translator.safetensors"
    shutil.rmtree(out, ignore_errors=True)
    make_pictures(pictures, count)
    make_translator(model, options.width)
    command = [sys.executable, "-m", "unpaired", "translate", str(model), str(pictures), "--out", str(out)]
    command += ["--device", "cpu", "--no-trust"]
    looks = [
        watch(command, out / MANIFEST, [count // 10, count], kill)
        for kill in (count // 3, 2 * count // 3, None)
    ]  # fmt: skip
    found = check(pictures, out, model, count)
    print(table([
        {"process": str(n), "seconds": f"{look.seconds:.0f}", "done": f"{look.done:,}",
         "peak MiB": ", ".join(f"{mib:.0f} at {done:,}" for done, mib in look.peaks.items())}
        for n, look in enumerate(looks, 1)
    ]))  # fmt: skip
    print(json.dumps(found, indent=1), flush=True)
    if options.save:
        values = [dataclasses.asdict(look) for look in looks]
        print(write_result("amount", {"pictures": count, "side": SIDE, "width": options.width, "processes": values,
                                      "found": found}))  # fmt: skip
    if options.folder is None:
        shutil.rmtree(folder)
    wrong = [name for name in ("missing", "not asked for", "without a line", "damaged", "differ") if found[name]]
    if wrong:
        raise SystemExit(f"Wrong: {', '.join(wrong)}.")


if __name__ == "__main__":
    main()
