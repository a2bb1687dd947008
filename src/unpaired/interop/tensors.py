"""A foreign checkpoint as tensors by name, in the order of its layers. Nothing in it is ever run."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from unpaired.errors import UserError

OPTIMIZER = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg"}
"""Names under which optimisers keep tensors that have the shapes of weights."""

_LUA = re.compile(rb"V 1.{0,16}?(?:nn|cudnn|torch)\.", re.DOTALL)
"""How Lua's Torch names the class of an object, in its binary and its text files."""


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The one network in a `.pth`, `.pt` or `.safetensors` file: float32 tensors (counters as they are) on the CPU.

    Raises `UserError` where the file is missing or damaged, holds anything that would run code, holds no network or
    several, or numbers that are not finite.
    """
    if not path.is_file():
        raise UserError(f"There is no file {path}: name a file of weights.")
    found = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    networks = dict(_networks("", found))
    if not networks:
        raise UserError(f"{path} holds no network: no weights are in it.")
    if len(networks) > 1:
        raise UserError(
            f"{path} holds several networks ({', '.join(networks)}): save the one that is meant in a file of its own."
        )
    tensors = {name.removeprefix("module."): t for name, t in next(iter(networks.values())).items()}
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise UserError(f"{path} is of no use: {name} holds numbers that are not finite.")
    return {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def _pickled(path: Path) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is wrong with the file is told below
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as e:  # whatever readers of archives and pickles raise on something else, code among it
        objects = re.search(r"GLOBAL (\S+)", str(e))
        if objects:
            raise UserError(
                f"{path} is refused: it holds Python objects ({objects[1]}) beside tensors, and reading those could "
                "run any code; save the network's state_dict() where it was made, and import that."
            ) from e
        if "TorchScript" in str(e):
            raise UserError(f"{path} is a TorchScript program: save the state_dict() of its network instead.") from e
        if path.suffix == ".t7" or _LUA.search(path.read_bytes()[:256]):
            raise UserError(
                f"{path} is of Lua's Torch, which nothing kept up reads any more: get the same network as .pth (of the "
                "authors' models pytorch-CycleGAN-and-pix2pix has converted ones), and import that."
            ) from e
        raise UserError(f"{path} can't be read as weights of PyTorch: it is damaged, or something else.") from e


def _safetensors(path: Path) -> dict[str, Tensor]:
    """Sorted as people count (2 before 10), since the format keeps no order."""
    try:
        found = safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as e:
        raise UserError(f"{path} is not a whole safetensors file ({e}).") from e

    def place(name: str) -> tuple[list[tuple[int, str]], bool, str]:
        module, _, leaf = name.rpartition(".")
        parts = re.split(r"(\d+)", module)
        return [(int(part), "") if part.isdigit() else (-1, part) for part in parts], leaf != "weight", leaf

    return {name: found[name] for name in sorted(found, key=place)}


def _networks(where: str, value: Any) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """State dicts that hold weights, at any depth of nested dicts, by dotted names."""
    if not isinstance(value, dict):
        return
    entries = cast(dict[Any, Any], value)
    tensors = {k: v for k, v in entries.items() if isinstance(k, str) and isinstance(v, Tensor)}
    if any(t.ndim > 1 for t in tensors.values()) and not tensors.keys() & OPTIMIZER:
        yield where.removeprefix("."), tensors
        return
    for key, child in entries.items():
        yield from _networks(f"{where}.{key}", child)
