"""How a server bears many clients, beside the batch translator on the same pictures.

    python benchmarks/serving.py [--clients 64] [--seconds 120] [--run RUN] [--save]

`unpaired serve` in a process of its own on this machine's loopback, and clients in another: each sends a JPEG, waits
for its translation and sends the next. Before and after, `translate_files` works on the same pictures for a quarter of
the time. Reported are the ratio of the throughputs in megapixels, the times that clients wait, what was refused, how
the server's memory moved after the first quarter, and the processor time of server and clients: they share the machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from timing import table, write_result

SIZES = [(64, 64), (96, 96), (128, 128), (160, 120), (192, 192), (256, 256), (320, 240)]
EACH = 6


def write_pictures(folder: Path) -> None:
    rng = np.random.default_rng(0)
    folder.mkdir()
    for width, height in SIZES:
        for i in range(EACH):
            rough = Image.fromarray(rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8))
            picture = rough.resize((width, height), Image.Resampling.BICUBIC)
            picture.save(folder / f"{width}x{height}-{i}.jpg", quality=90)


def write_run(run: Path) -> None:
    """A run of the preset `fast` with fresh weights: how fast it is does not depend on them."""
    import torch

    from unpaired.networks import build_generator
    from unpaired.presets import fast
    from unpaired.run import checkpoint
    from unpaired.run.record import Folders, RunRecord

    config = fast()
    run.mkdir()
    counts = {"a": 1, "b": 1}
    RunRecord(config=config, folders=Folders(a=run, b=run), counts=counts, preset="fast", provenance={}).write(run)
    torch.manual_seed(0)
    weights = {n: build_generator(3, 3, config.generator).state_dict() for n in ("generator_ab", "generator_ba")}
    checkpoint.write(
        run, checkpoint.Manifest(images=1, seconds=1.0, world=1, config=config, provenance={}), weights, {}
    )


def batch(run: Path, pictures: Path, seconds: float) -> dict[str, float]:
    """Megapixels a second of the batch translator, and processor seconds for each; with decoding and encoding."""
    from unpaired.translation.batch import translate_files
    from unpaired.translation.translator import Translator

    translator = Translator.load(run, direction="a2b", device="cpu")
    megapixels = EACH * sum(w * h for w, h in SIZES) / 1e6
    with tempfile.TemporaryDirectory() as out:
        translate_files(translator, pictures, out, overwrite=True)
        began, worked, rounds = time.perf_counter(), time.process_time(), 0
        while rounds == 0 or time.perf_counter() - began < seconds:
            translate_files(translator, pictures, Path(out) / str(rounds))
            rounds += 1
        done = rounds * megapixels
        return {
            "megapixels_per_second": done / (time.perf_counter() - began),
            "processor_seconds_per_megapixel": (time.process_time() - worked) / done,
        }


def load(port: int, pictures: Path, clients: int, seconds: float) -> dict[str, Any]:
    """What `clients` see in so many seconds."""
    files = [(p.read_bytes(), np.prod(Image.open(p).size) / 1e6) for p in sorted(pictures.iterdir())]
    end = time.monotonic() + seconds
    waits: list[float] = []
    statuses: Counter[int] = Counter()
    done = [0.0]
    lock = threading.Lock()

    def client(number: int) -> None:
        rng = random.Random(number)
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        while time.monotonic() < end:
            content, megapixels = rng.choice(files)
            began = time.monotonic()
            line.request("POST", "/v1/translate?direction=a2b", content)
            answer = line.getresponse()
            answer.read()
            with lock:
                statuses[answer.status] += 1
                if answer.status == 200:
                    waits.append(time.monotonic() - began)
                    done[0] += megapixels
            if answer.status == 429:
                time.sleep(float(answer.headers["retry-after"]))

    began, worked = time.monotonic(), time.process_time()
    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    p50, p99 = np.percentile(waits, [50, 99])
    return {
        "megapixels_per_second": done[0] / took, "pictures_per_second": len(waits) / took, "p50": p50, "p99": p99,
        "statuses": {str(k): v for k, v in statuses.items()},
        "clients_processor_seconds": time.process_time() - worked, "megapixels": done[0],
    }  # fmt: skip


def resident(pid: int) -> float:
    """MiB of memory that a process holds."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.findall(r"VmRSS:\s+(\d+)", text)[0]) / 1024


def processor_seconds(pid: int) -> float:
    """What a process has computed so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def elsewhere(*words: object) -> Any:
    """What a part of this benchmark prints, in a process of its own."""
    command = [sys.executable, __file__, *map(str, words)]
    # As the command line sets it: without it a busy machine's OpenMP spins its time away, here and not in the server.
    spin = {"GOMP_SPINCOUNT": "10000", **os.environ}
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, env=spin)
    return json.loads(done.stdout.splitlines()[-1])


def served(run: Path, pictures: Path, clients: int, seconds: float) -> tuple[dict[str, Any], list[float]]:
    command = [sys.executable, "-m", "unpaired", "serve", str(run), "--port", "0", "--device", "cpu", "--rate", "1e6"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout
            port = int(re.findall(r":(\d+)/", server.stdout.readline())[0])
            memory: list[float] = []
            over = threading.Event()

            def watch() -> None:
                while not over.wait(0.5):
                    memory.append(resident(server.pid))

            watcher = threading.Thread(target=watch)
            elsewhere("--part", "load", "--port", port, "--pictures", pictures, "--clients", clients, "--seconds", 5)
            watcher.start()
            words = "--part", "load", "--port", port, "--pictures", pictures, "--clients", clients, "--seconds", seconds
            before = processor_seconds(server.pid)
            result = elsewhere(*words)
            result["server_processor_seconds"] = processor_seconds(server.pid) - before
            over.set()
            watcher.join()
        finally:
            server.terminate()
    return result, memory


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--run", type=Path, help="one of your own, in place of a new one of the preset fast")
    parser.add_argument("--save", action="store_true", help="write to benchmarks/results")
    for hidden in ("--part", "--port", "--pictures"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part == "batch":
        print(json.dumps(batch(options.run, Path(options.pictures), options.seconds)))
        return
    if options.part == "load":
        print(json.dumps(load(int(options.port), Path(options.pictures), options.clients, options.seconds)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        pictures, run = Path(temporary) / "pictures", options.run or Path(temporary) / "run"
        write_pictures(pictures)
        if options.run is None:
            write_run(run)
        plain = ["--part", "batch", "--run", run, "--pictures", pictures, "--seconds", options.seconds / 4]
        before = elsewhere(*plain)
        result, memory = served(run, pictures, options.clients, options.seconds)
        after = elsewhere(*plain)
    quarter = len(memory) // 4
    early, late = np.mean(memory[quarter : 2 * quarter]), np.mean(memory[-quarter:])
    speeds = [part["megapixels_per_second"] for part in (before, after)]
    costs = [part["processor_seconds_per_megapixel"] for part in (before, after)]
    server, clients = (result[f"{who}_processor_seconds"] / result["megapixels"] for who in ("server", "clients"))
    values = {
        "clients": options.clients, "seconds": options.seconds, **result, "batch_before": before, "batch_after": after,
        "ratio": result["megapixels_per_second"] / np.mean(speeds),
        "processor_ratio": np.mean(costs) / server,
        "memory_mib_second_quarter": early, "memory_mib_last_quarter": late, "memory_change": late / early - 1,
    }  # fmt: skip
    print(f"{options.clients} clients, {options.seconds:g} s, pictures of {len(SIZES)} sizes")
    rows = zip(
        ("batch translator, before", "batch translator, after", "server", "clients"),
        (*speeds, result["megapixels_per_second"], None), (*costs, server, clients), strict=True,
    )  # fmt: skip
    print(table([
        {"": name, "megapixels/s": "" if speed is None else f"{speed:.3f}", "processor s/megapixel": f"{cost:.3f}"}
        for name, speed, cost in rows
    ]))  # fmt: skip
    print(f"ratio {values['ratio']:.2f}, of processor time {values['processor_ratio']:.2f}; ", end="")
    print(f"{result['pictures_per_second']:.1f} pictures/s")
    print(f"waits: median {result['p50']:.2f} s, 99 % below {result['p99']:.2f} s; answers {result['statuses']}")
    print(f"memory {early:.0f} → {late:.0f} MiB ({values['memory_change']:+.1%})")
    if options.save:
        print(write_result("serving", values))


if __name__ == "__main__":
    main()
