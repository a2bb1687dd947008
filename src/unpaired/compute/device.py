"""Which device, which number format, which memory layout."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Literal, get_args

import torch

from unpaired.errors import UserError

Precision = Literal["auto", "float32", "bfloat16"]


def choose_device(name: str) -> torch.device:
    """auto → the first of cuda, mps, cpu that is there; under torchrun each process takes its own GPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and "LOCAL_RANK" in os.environ:
        name = f"cuda:{os.environ['LOCAL_RANK']}"
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as e:
        raise UserError(f"Device {name!r} can't be used here: take --device cpu, or auto.") from e
    return device


def has_bfloat16(device: torch.device) -> bool:
    """Whether the hardware multiplies bfloat16. On a CPU that only emulates it a convolution takes 500 × as long."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu":
        capabilities = torch.cpu.get_capabilities() if hasattr(torch.cpu, "get_capabilities") else {}
        return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
    return False


def choose_precision(name: Precision, device: torch.device) -> torch.dtype:
    """The number format of convolutions; weights, losses and optimisers stay float32."""
    if name not in get_args(Precision):
        raise UserError(f"Precision {name!r} is unknown: take {', '.join(get_args(Precision))}.")
    if name == "auto":
        return torch.bfloat16 if has_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def choose_channels_last(wanted: bool | None, device: torch.device, dtype: torch.dtype) -> bool:
    """Memory layout (N, H, W, C): faster on a GPU and in bfloat16, slower on a CPU in float32 (measured)."""
    return wanted if wanted is not None else device.type == "cuda" or dtype == torch.bfloat16


def keep_freed_memory() -> None:
    """Ask glibc to keep what is freed: a step allocates the same large tensors again and again, and having the
    system map and clear them each time costs a CPU up to a third of its time. For threads other than the main one this
    needs `heap.one_heap`. Elsewhere this does nothing.
    """
    if sys.platform != "linux":
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # not glibc
    trim_threshold, mmap_threshold = -1, -3
    mallopt(mmap_threshold, 1 << 30)
    mallopt(trim_threshold, (1 << 31) - 1)
