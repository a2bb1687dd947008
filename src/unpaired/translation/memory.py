"""How much memory there is, and how much a picture takes."""

from __future__ import annotations

import copy
import os
import re
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from unpaired.errors import UserError

SHARE = 0.8
"""Of the memory that is free: taken where the user names no limit."""
SCRATCH = {torch.float32: 2.2, torch.bfloat16: 3.5}
"""By how much the peak of a process exceeds the results that are alive at once: convolutions' copies of their input,
and gaps between what is freed and asked for again. The largest of four networks, measured on a CPU at 1 to 9
megapixels: 1.1 to 2.0 and 1.5 to 3.4."""

UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def parsed(text: str) -> int:
    """Bytes from `3GB`, `800 MB` or a number; GiB counts as GB. Raises `UserError`."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?\s*", text, re.IGNORECASE)
    if not match or not float(match[1]):
        raise UserError(f"{text!r} is no amount of memory: write it like 3GB or 800MB.")
    return int(float(match[1]) * UNITS[match[2].lower()])


def held() -> int:
    """Bytes that this process has in memory now; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return 0


def free(device: torch.device) -> int:
    """Bytes that are free on a device, within what the system or a container allows."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    found = [_meminfo(), _cgroup()]
    known = [value for value in found if value is not None]
    if known:
        return max(0, min(known))
    pages = os.sysconf("SC_PHYS_PAGES") if hasattr(os, "sysconf") else (8 << 30) // 4096
    return pages * 4096 // 2


def _meminfo() -> int | None:
    try:
        match = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(match[1]) * 1024 if match else None


def _cgroup() -> int | None:
    """What a container's limit leaves to this process."""
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return None if limit == "max" else int(limit) - held()


def per_pixel(network: nn.Module, channels: int, side: int, dtype: torch.dtype) -> float:
    """Bytes at the peak for each pixel of a picture that goes through `network` whole, in a precision.

    Counted on torch's meta device, where tensors have shapes but no numbers, at `side` and twice `side` px; on a copy,
    since other threads may be computing with `network`.
    """
    weights = (*network.parameters(), *network.buffers())
    copied = copy.deepcopy(network, {id(w): torch.empty_like(w, device="meta") for w in weights})
    peaks = [_peak(copied, torch.empty(1, channels, s, s, device="meta")) for s in (side, 2 * side)]
    return (peaks[1] - peaks[0]) / (3 * side * side) * dtype.itemsize * SCRATCH[dtype]


def _peak(network: nn.Module, x: Tensor) -> int:
    """Numbers that are alive at once, at most."""
    with torch.inference_mode(False), torch.no_grad(), _Alive() as alive:
        network(x)
    return alive.most


class _Alive(TorchDispatchMode):
    """Counts the numbers in the storages of tensors that operations give and nobody has let go."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.known: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Callable[..., Any], types: Sequence[type], args: Any = (), kwargs: Any = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor) and (storage := value.untyped_storage()) not in self.known:
                self.known.add(storage)
                numbers = storage.nbytes() // value.element_size()
                self.now += numbers
                self.most = max(self.most, self.now)
                weakref.finalize(storage, self._freed, numbers)
        return result

    def _freed(self, numbers: int) -> None:
        self.now -= numbers
