"""How fast pictures come from disk, beside how fast a training step eats them.

    python benchmarks/loader.py [--size 256] [--pictures 200] [--repeat 5] [--save]

`unpaired.data` (decode once into a mapped cache, crop and flip from it) beside decoding, resizing, cropping
and flipping every picture with Pillow each time, on one thread; and the step of the preset `paper` at that size.
The files are JPEG of twice the size, as photographs come.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from timing import Contestant, everyone, interleaved, table, write_result
from training_step import Work
from training_step import ours as training_step
from translation import write_pictures


def every_time(folder: str, size: int, count: int) -> Callable[[], object]:
    """Pillow's way for `count` pictures: the paper's preparation, from the file each time."""
    files = sorted(Path(folder).iterdir())
    random = np.random.default_rng(0)
    large = round(size * 286 / 256)

    def run() -> object:
        for i in range(count):
            with Image.open(files[i % len(files)]) as opened:
                picture = opened.convert("RGB").resize((large, large), Image.Resampling.BICUBIC)
            left, top = (int(n) for n in random.integers(0, large - size + 1, 2))
            picture = picture.crop((left, top, left + size, top + size))
            if random.random() < 0.5:
                picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            x = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None].contiguous()
        return x

    return run


def from_cache(folder: str, size: int, count: int, cache_dir: str) -> Callable[[], object]:
    """`count` pictures (of both domains together) as the training loop gets them."""
    from unpaired.config import DataConfig
    from unpaired.data.cache import open_cache
    from unpaired.data.discover import discover
    from unpaired.data.sampler import Batches

    data = dataclasses.replace(DataConfig(), size=round(size * 286 / 256), crop=size)
    found = discover(Path(folder))
    cache = open_cache(found.files, found.folder, size=data.size, resize=data.resize, cache_dir=Path(cache_dir))
    batches = Batches(cache, cache, data, seed=0)
    seen = 0

    def run() -> object:
        nonlocal seen
        for _ in range(count // 2):
            batch = batches.at(seen)
            seen += 1
        return batch

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    options = parser.parse_args()
    counts = {"Pillow each time": 50, "ours": 1000, "eaten by a step": 2}
    with tempfile.TemporaryDirectory() as temporary:
        folder, cache = f"{temporary}/in", f"{temporary}/cache"
        write_pictures(Path(folder), options.pictures, 2 * options.size)
        start = time.perf_counter()
        from_cache(folder, options.size, 0, cache)
        building = options.pictures / (time.perf_counter() - start)
        made = [
            Contestant("Pillow each time", every_time, folder, options.size, counts["Pillow each time"]),
            Contestant("ours", from_cache, folder, options.size, counts["ours"], cache),
            Contestant("eaten by a step", training_step, "paper", Work(size=options.size)),
        ]
        with everyone(made):
            timing = interleaved(made, options.repeat)
    rates = {name: count / timing.median(name) for name, count in counts.items()}
    print(f"{options.pictures} JPEG files of {2 * options.size} px, crops of {options.size} px")
    print(table([
        {"": name, "pictures/s": f"{rate:.1f}", "ours is ×": f"{rates['ours'] / rate:.1f}"}
        for name, rate in rates.items()
    ]))  # fmt: skip
    print(f"building the cache: {building:.0f} pictures/s, once")
    if options.save:
        values = {"size": options.size, "pictures": options.pictures, "repeat": options.repeat}
        values |= {"pictures_per_second": rates, "building_pictures_per_second": building}
        print(write_result(f"loader-{options.size}", values))


if __name__ == "__main__":
    main()
