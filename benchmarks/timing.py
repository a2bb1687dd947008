"""Paired timing, memory and floating-point work, and where they were measured.

Each contestant lives in a child process of its own, so that its peak memory is its own and no allocator
setting of one helps the other. The parent lets them work in turn (A B A B …), one at a time, and compares
round by round: a slow moment of a shared machine then falls on both.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import multiprocessing
import os
import platform
import re
import resource
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self

import torch
from torch.utils.flop_counter import FlopCounterMode

RESULTS = Path(__file__).parent / "results"


# --- contestants ----------------------------------------------------------------------------------


class Contestant:
    """A function in a process of its own: `make(*args)` is called there once and returns what is timed.

    `make` has to be importable (defined at the top of a module). An error in the child is raised here.
    With `threads` = 1 its processor time is measured, which other programs of a busy machine hardly touch;
    otherwise the time on the clock.
    """

    def __init__(
        self, name: str, make: Callable[..., Callable[[], object]], *args: object, threads: int | None = None
    ) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, make, args, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._answer()

    def seconds(self) -> float:
        """Time of one call."""
        return self._ask("time")

    def flops(self) -> int:
        """Floating-point operations of one call (convolutions and matrix products)."""
        return self._ask("flops")

    def peak_bytes(self) -> int:
        """Most memory that the process has had at once, interpreter and libraries included."""
        return self._ask("peak")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._pipe.send("stop")
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()

    def _ask(self, what: str) -> Any:
        self._pipe.send(what)
        return self._answer()

    def _answer(self) -> Any:
        try:
            ok, value = self._pipe.recv()
        except EOFError as e:
            raise RuntimeError(f"{self.name}: its process ended (out of memory?)") from e
        if not ok:
            raise RuntimeError(f"{self.name}: {value}")
        return value


def _serve(
    pipe: Connection,
    make: Callable[..., Callable[[], object]],
    args: tuple[object, ...],
    threads: int | None,
) -> None:
    try:
        if threads:
            torch.set_num_threads(threads)
        clock = time.process_time if threads == 1 else time.perf_counter
        work = make(*args)
        pipe.send((True, None))
        while (what := pipe.recv()) != "stop":
            if what == "time":
                pipe.send((True, _seconds(work, clock)))
            elif what == "flops":
                pipe.send((True, flops(work)))
            else:
                pipe.send((True, peak_bytes()))
    except EOFError:
        pass  # the parent has gone
    except BaseException:
        pipe.send((False, traceback.format_exc()))


def _seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    synchronize()
    start = clock()
    work()
    synchronize()
    return clock() - start


def synchronize() -> None:
    """Wait for the GPU, where there is one and it was used."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def peak_bytes() -> int:
    """Peak resident memory of this process; on a GPU, what torch had allocated there."""
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        return torch.cuda.max_memory_allocated()
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would also count the parent from which a child was forked
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status.read_text())[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def flops(step: Callable[[], object]) -> int:
    """Floating-point operations of one call: every convolution and matrix product, forward and backward."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


@dataclass(kw_only=True)
class Timing:
    """Seconds of each contestant, round by round."""

    rounds: dict[str, list[float]] = field(default_factory=dict)

    def median(self, name: str) -> float:
        return statistics.median(self.rounds[name])

    def ratio(self, slow: str, fast: str) -> float:
        """How many times as long `slow` takes as `fast`: the median of the ratios within each round."""
        return statistics.median(s / f for s, f in zip(self.rounds[slow], self.rounds[fast], strict=True))

    def spread(self, slow: str, fast: str) -> tuple[float, float]:
        """Lowest and highest ratio of any round."""
        ratios = [s / f for s, f in zip(self.rounds[slow], self.rounds[fast], strict=True)]
        return min(ratios), max(ratios)


def interleaved(contestants: Sequence[Contestant], repeat: int, warm_up: int = 1) -> Timing:
    """Let the contestants work in turn, `repeat` rounds after `warm_up` rounds that don't count.

    Every second round goes backwards, so that none always follows the same other.
    """
    timing = Timing(rounds={c.name: [] for c in contestants})
    for i in range(warm_up + repeat):
        for contestant in contestants if i % 2 == 0 else reversed(contestants):
            seconds = contestant.seconds()
            if i >= warm_up:
                timing.rounds[contestant.name].append(seconds)
    return timing


# --- the machine ----------------------------------------------------------------------------------


def convolution_peak(
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    repeat: int = 5,
    batches: tuple[int, ...] = (1, 2, 4),
) -> dict[str, float]:
    """Best measured GFLOP/s of a 3×3 convolution, 256 → 256 channels, 64×64: any batch, either layout.

    `forward` alone, and `training`: forward and backward to input and weights.
    """
    best = {"forward": 0.0, "training": 0.0}
    if dtype == torch.bfloat16 and not multiplies_bfloat16(device):
        return best  # emulated: one such convolution takes seconds
    for batch in batches:
        work = 2 * batch * 256 * 256 * 9 * 64 * 64
        for layout in (torch.contiguous_format, torch.channels_last):
            x = torch.randn(batch, 256, 66, 66, device=device, dtype=dtype).contiguous(memory_format=layout)
            w = (torch.randn(256, 256, 3, 3, device=device) * 0.02).to(dtype).contiguous(memory_format=layout)
            x.requires_grad_(), w.requires_grad_()
            g = torch.randn(batch, 256, 64, 64, device=device, dtype=dtype).contiguous(memory_format=layout)

            def forward(x: torch.Tensor = x, w: torch.Tensor = w) -> torch.Tensor:
                return torch.nn.functional.conv2d(x, w)

            def training(x: torch.Tensor = x, w: torch.Tensor = w, g: torch.Tensor = g) -> None:
                torch.autograd.grad(torch.nn.functional.conv2d(x, w), (x, w), g)

            for name, run, factor in (("forward", torch.no_grad()(forward), 1), ("training", training, 3)):
                run()
                seconds = min(_seconds(run) for _ in range(repeat))
                best[name] = max(best[name], factor * work / seconds / 1e9)
    return best


def multiplies_bfloat16(device: str = "cpu") -> bool:
    """Whether the hardware multiplies bfloat16 rather than emulating it."""
    if device != "cpu":
        return torch.cuda.is_available() and torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def machine() -> dict[str, Any]:
    """What the numbers were measured on."""
    on_gpu = torch.cuda.is_available()
    return {
        "cpu": _cpu_model(),
        "cores": os.process_cpu_count() if sys.version_info >= (3, 13) else len(os.sched_getaffinity(0)),
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": multiplies_bfloat16(),
        "gpu": torch.cuda.get_device_name() if on_gpu else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "load": round(os.getloadavg()[0], 2),
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    models = re.findall(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else []
    return models[0] if models else platform.processor() or platform.machine()


def write_result(name: str, values: dict[str, Any], folder: Path = RESULTS) -> Path:
    """Keep a measurement in `results/<name>-<machine>-<date>.json`; the last one of a day stays."""
    where = machine()
    label = f"{where['gpu'] or where['cpu']} {where['cores']}c {where['capability']}"
    slug = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")
    path = folder / f"{name}-{slug}-{where['date']}.json"
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"benchmark": name, "machine": where, **values}, indent=2) + "\n")
    return path


def table(rows: Sequence[dict[str, str]]) -> str:
    """Rows of equal keys as aligned text."""
    widths = {k: max(len(k), *(len(r[k]) for r in rows)) for k in rows[0]}
    lines = ["  ".join(k.rjust(w) for k, w in widths.items())]
    lines += ["  ".join(r[k].rjust(w) for k, w in widths.items()) for r in rows]
    return "\n".join(lines)


@contextlib.contextmanager
def everyone(contestants: Sequence[Contestant]) -> Iterator[Sequence[Contestant]]:
    """End all processes at the end, whatever happens."""
    with contextlib.ExitStack() as stack:
        for contestant in contestants:
            stack.enter_context(contestant)
        yield contestants
