"""How fast a picture too large for memory is translated, and in how much memory.

    python benchmarks/tiles.py [--megapixels 24] [--small 1] [--memory 3GB] [--run RUN] [--threads N] [--save]
    python benchmarks/tiles.py --tiff 1.5 --memory 1GB [--threads N] [--save]

Pixels a second of a picture in bands beside one that goes through the network whole, each in a process of its own,
with the peak of its memory (VmHWM: all that the process ever held at once, the pictures with it). Both are uint8 arrays
in memory. The generator is the demo's (width 24, 4 blocks) with fresh weights, or that of a RUN. Wall time and the
processes' own CPU time are both told: on a machine that others use, only the second can be compared.

With --tiff: `unpaired translate` of a tiled BigTIFF of so many GB of noise, larger than the memory that it may take,
from file to file through a small generator (width 4, 1 block).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from amount import LOOK, high_water, make_translator
from timing import write_result


def measure(megapixels: float, run: str | None, memory: str | None, threads: int) -> dict[str, float]:
    """One picture in this process."""
    import numpy as np
    import torch

    from unpaired.compute.device import keep_freed_memory
    from unpaired.networks import build_generator
    from unpaired.networks.layers import initialise
    from unpaired.presets import demo
    from unpaired.translation.translator import Translator

    torch.set_num_threads(threads)
    keep_freed_memory()  # as the command does
    if run:
        translator = Translator.load(run, direction="a2b", device="cpu", max_memory=memory)
    else:
        torch.manual_seed(0)
        config = demo()
        network = build_generator(3, 3, config.generator).eval().requires_grad_(False)
        initialise(network, config.optimizer.init_gain)
        translator = Translator(config, {"a2b": lambda: network}, device="cpu", max_memory=memory)
    height = round((megapixels * 1e6) ** 0.5)
    picture = np.random.default_rng(0).integers(0, 256, (height, height, 3), np.uint8)
    whole = translator.fits(height, height, "a2b")
    repeat = max(1, round(8 / megapixels))  # the first touch of memory is dear, and a large picture touches it again
    translator.translate_arrays([picture if repeat > 1 else picture[:256, :256]], "a2b")
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(repeat):
        translator.translate_arrays([picture], "a2b")
    wall, cpu = (time.perf_counter() - wall) / repeat, (time.process_time() - cpu) / repeat
    status = Path("/proc/self/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) * 1024
    pixels = height * height / 1e6
    return {"whole": whole, "wall": pixels / wall, "cpu": pixels / cpu, "seconds": wall, "peak": peak / 1e9}


def streamed(gigabytes: float, memory: str, threads: int) -> dict[str, Any]:
    """A TIFF from file to file by the command, and the most memory that it held."""
    import numpy as np
    import tifffile

    side, edge = round((gigabytes * 1e9 / 3) ** 0.5), 256
    random, tiles = np.random.default_rng(0), (-(-side // edge)) ** 2
    with tempfile.TemporaryDirectory(prefix="unpaired-tiff-") as folder:
        home = Path(folder)
        noise = (random.integers(0, 256, (edge, edge, 3), np.uint8) for _ in range(tiles))
        tifffile.imwrite(home / "scan.tif", noise, shape=(side, side, 3), dtype=np.uint8, tile=(edge, edge),
                         photometric="rgb", bigtiff=True, metadata=None)  # fmt: skip
        make_translator(home / "small.safetensors", 4)
        words = [sys.executable, "-m", "unpaired", "translate", "small.safetensors", "scan.tif", "--out", "out",
                 "--device", "cpu", "--no-trust", "--max-memory", memory]  # fmt: skip
        environment = os.environ | {"OMP_NUM_THREADS": str(threads), "TMPDIR": folder}
        wall, peak = time.perf_counter(), 0.0
        process = subprocess.Popen(words, cwd=home, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None:  # what the system says of children at their end counts this process's memory, too
            time.sleep(LOOK)
            peak = high_water(process.pid) or peak
        wall = time.perf_counter() - wall
        assert process.returncode == 0, "the command failed"
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        with tifffile.TiffFile(home / "out/scan.tif") as made:
            page: Any = made.pages[0]
            assert page.shape == (side, side, 3), page.shape
        return {"file": (home / "scan.tif").stat().st_size / 1e9, "megapixels": side * side / 1e6, "seconds": wall,
                "cpu_seconds": used.ru_utime + used.ru_stime, "peak": peak * 2**20 / 1e9}  # fmt: skip


def child(*arguments: Any) -> dict[str, Any]:
    line = [sys.executable, __file__, "--child", json.dumps(arguments)]
    return json.loads(subprocess.run(line, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--tiff", type=float, help="GB of a TIFF to stream")
    parser.add_argument("--small", type=float, default=1, help="megapixels of the picture that goes whole")
    parser.add_argument("--memory", default="3GB", help="--max-memory of the large one")
    parser.add_argument("--run", help="a run whose a2b generator is taken")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(*json.loads(options.child))))
        return
    if options.tiff:
        told = streamed(options.tiff, options.memory, options.threads)
        print(f"{told['file']:.2f} GB, {told['megapixels']:.0f} megapixels: {told['seconds']:.0f} s, "
              f"{told['cpu_seconds']:.0f} CPU seconds, peak {told['peak']:.2f} GB of {options.memory}")  # fmt: skip
        if options.save:
            write_result("streamed-tiff", {"options": vars(options), **told})
        return
    before = child(options.small, options.run, None, options.threads)
    large = child(options.megapixels, options.run, options.memory, options.threads)
    after = child(options.small, options.run, None, options.threads)
    for name, told in (("whole", before), ("large", large), ("whole again", after)):
        kind = "whole" if told["whole"] else "in bands"
        print(
            f"{name:12} {kind:9} {told['wall']:.3f} MP/s, {told['cpu']:.3f} MP per CPU second, "
            f"{told['seconds']:.1f} s, peak {told['peak']:.2f} GB"
        )
    ratio = {key: 2 * large[key] / (before[key] + after[key]) for key in ("wall", "cpu")}
    print(f"bands / whole: {ratio['wall']:.2f} by the clock, {ratio['cpu']:.2f} by CPU time")
    if options.save:
        values = {"whole": before, "large": large, "whole again": after, "ratio": ratio}
        write_result(f"tiles-{options.megapixels:g}mp", {"options": vars(options), **values})


if __name__ == "__main__":
    main()
