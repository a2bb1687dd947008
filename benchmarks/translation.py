"""How fast a folder is translated, decoding and encoding included.

    python benchmarks/translation.py [--size 256] [--pictures 16] [--repeat 3] [--save]

ResNet-9 generator of width 64 on JPEG files: `unpaired.translation` beside a loop that takes one picture at
a time in eager float32. Each has its own process; they work in turn.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from reference import generator, reference_translate
from timing import Contestant, everyone, interleaved, table, write_result


def write_pictures(folder: Path, count: int, size: int) -> None:
    """JPEG files of smooth colours, about as large as photographs of that size."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        coarse = random.integers(0, 256, (max(1, size // 8), max(1, size // 8), 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((size, size), Image.Resampling.BICUBIC)
        picture.save(folder / f"{i:05d}.jpg", quality=90)


def reference(folder: str, out: str, size: int) -> Callable[[], object]:
    torch.manual_seed(0)
    network = generator().eval()
    return lambda: reference_translate(Path(folder), Path(out), network, size)


def ours(folder: str, out: str) -> Callable[[], object]:
    from unpaired.compute.device import keep_freed_memory
    from unpaired.config import Config
    from unpaired.networks import build_generator
    from unpaired.networks.layers import initialise
    from unpaired.translation.batch import translate_files
    from unpaired.translation.translator import Translator

    keep_freed_memory()
    config = Config()
    torch.manual_seed(0)
    network = build_generator(3, 3, config.generator).eval()
    initialise(network, config.optimizer.init_gain)
    translator = Translator(config, {"a2b": lambda: network}, device="cpu")

    def run() -> object:
        shutil.rmtree(out, ignore_errors=True)  # what is done and whole would not be done again
        report = translate_files(translator, [Path(folder)], Path(out), "a2b")
        assert not report.failed, report.failed
        return report

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--pictures", type=int, default=16)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        home = Path(temporary)
        write_pictures(home / "in", options.pictures, options.size)
        made = [
            Contestant("reference", reference, str(home / "in"), str(home / "reference"), options.size),
            Contestant("ours", ours, str(home / "in"), str(home / "ours")),
        ]
        with everyone(made):
            timing = interleaved(made, options.repeat)
            peaks = {c.name: c.peak_bytes() / 2**30 for c in made}
        for c in made:
            found = len(list((home / c.name).glob("*.jpg")))
            assert found == options.pictures, f"{c.name} wrote {found} of {options.pictures} pictures"
    rows = {
        c.name: {
            "pictures_per_second": options.pictures / timing.median(c.name),
            "speedup": timing.ratio("reference", c.name),
            "peak_gib": peaks[c.name],
        }
        for c in made
    }
    print(f"{options.pictures} pictures of {options.size} px, {options.repeat} rounds")
    print(table([
        {"": name, "pictures/s": f"{r['pictures_per_second']:.2f}", "× reference": f"{r['speedup']:.2f}",
         "GiB": f"{r['peak_gib']:.2f}"}
        for name, r in rows.items()
    ]))  # fmt: skip
    if options.save:
        values = {"size": options.size, "pictures": options.pictures, "repeat": options.repeat}
        print(write_result(f"translation-{options.size}", {**values, "contestants": rows}))


if __name__ == "__main__":
    main()
