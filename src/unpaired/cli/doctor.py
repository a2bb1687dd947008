"""`unpaired doctor`: what this machine can do."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console

from unpaired.cli.options import parsed
from unpaired.compute.device import (
    choose_device,
    choose_precision,
    has_bfloat16,
    keep_freed_memory,
)
from unpaired.compute.ranks import Ranks
from unpaired.config import Config
from unpaired.data.files import default_cache_dir
from unpaired.methods import METHODS
from unpaired.presets import demo, fast
from unpaired.training.engine import Engine, seed_all


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Say what this machine can do: device, precision, memory, versions, and the speed of a training step."""

    device: str = "auto"
    """auto, cpu, cuda, cuda:N or mps."""


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "doctor")
    console = Console(highlight=False)
    device = choose_device(told.device)
    keep_freed_memory()
    console.print(f"unpaired {version('unpaired')}, torch {torch.__version__}")
    name = (
        torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else f"{os.cpu_count()} cores, {torch.get_num_threads()} threads"
    )
    console.print(f"device     {device} ({name})")
    fits = "the hardware multiplies bfloat16" if has_bfloat16(device) else "no bfloat16 in this hardware"
    console.print(f"precision  {str(choose_precision('auto', device)).removeprefix('torch.')} ({fits})")
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        console.print(f"memory     {free / 2**30:.1f} of {total / 2**30:.1f} GiB free on the device")
    elif (memory := available_memory()) is not None:
        console.print(f"memory     {memory / 2**30:.1f} GiB available")
    cache = default_cache_dir()
    size = sum(p.stat().st_size for p in cache.rglob("*") if p.is_file()) if cache.exists() else 0
    home = next(p for p in (cache, *cache.parents) if p.exists())
    console.print(
        f"cache      {size / 2**20:.0f} MiB in {cache} (safe to delete), "
        f"{shutil.disk_usage(home).free / 2**30:.0f} GiB of disk free"
    )
    for label, config in (("demo", demo()), ("fast", fast())):
        config = replace(config, training=replace(config.training, device=told.device))
        seconds = _seconds_per_step(config, device)
        batch, crop = config.training.batch, config.data.crop
        console.print(
            f"speed      {label}: {seconds:.2f} s a step of {batch} + {batch} pictures of {crop} px, "
            f"{batch / seconds:.1f} images/s"
        )


def available_memory() -> int | None:
    """Bytes that a program may still take, where the system tells."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable")), None)


def _seconds_per_step(config: Config, device: torch.device) -> float:
    seed_all(0, 0, 0)
    engine = Engine(METHODS[config.method](config), config, device, Ranks())
    shape = (config.training.batch, 3, config.data.crop, config.data.crop)
    pictures = torch.randint(256, shape, dtype=torch.uint8)
    times: list[float] = []
    for step in range(4):
        began = time.perf_counter()
        engine.step(pictures, pictures, images=step * len(pictures), rate=1.0)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        times.append(time.perf_counter() - began)
    return min(times[1:])
