"""`unpaired export`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar, cast

import tyro

from unpaired.cli.options import parsed
from unpaired.config import Direction
from unpaired.errors import UserError
from unpaired.translation.translator import Translator

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a run's generator for other programs: ONNX, torch.export, safetensors, or pytorch-CycleGAN-and-pix2pix.

    unpaired export runs/zebra --onnx zebra.onnx --direction a2b
    """

    run: Annotated[Path, tyro.conf.Positional]
    """A run, one of its checkpoints, or a translator in one file."""
    onnx: Path | None = None
    """ONNX file for onnxruntime, in any language and in browsers; any batch and size. Checked in onnxruntime."""
    pt2: Path | None = None
    """Program of torch.export, which torch runs without this package; any batch and size. Checked when read back."""
    safetensors: Path | None = None
    """A translator in one file, which translate, evaluate and Translator.load take; all directions if none is named."""
    pth: Path | None = None
    """Weights under the names of pytorch-CycleGAN-and-pix2pix or CUT."""
    folder: Path | None = None
    """Folder for what --hub publishes, to be looked at and completed: a translator in one file, and its model card."""
    hub: str | None = None
    """Publish on the Hugging Face Hub as OWNER/NAME, with a model card."""
    licence: str = ""
    """Licence in the model card, such as cc-by-4.0; without it the card asks for one."""
    direction: Direction | None = None
    """a2b or b2a; need not be named where the run translates in one direction only."""
    checkpoint: Literal["best", "latest"] | None = None
    """Which checkpoint of a run: the best where one was marked, else the latest."""
    half: bool = False
    """Half the bytes: numbers of --safetensors, --folder and --hub in float16."""


def main(arguments: list[str]) -> None:
    told = parsed(arguments, Arguments, "export")
    programs = [path for path in (told.onnx, told.pt2, told.pth) if path is not None]
    weights = [path for path in (told.safetensors, told.folder) if path is not None]
    targets = [*programs, *weights]
    if not targets and told.hub is None:
        raise UserError("Say what to write: --onnx, --pt2, --safetensors or --pth, with a file's name; or --hub.")
    if told.half and not weights and told.hub is None:
        raise UserError("--half is for --safetensors, --folder and --hub: the others are written in float32.")
    for path in targets:
        if path.exists():
            raise UserError(f"{path} exists: name another file.")
    translator = Translator.load(
        told.run, direction=told.direction, checkpoint=told.checkpoint, device="cpu", precision="float32"
    )
    if programs:
        translator.direction()  # has to be clear before anything is written
    if told.safetensors is not None:
        _safetensors(translator, told.safetensors, told.half)
    if told.pth is not None:
        _pth(translator, told.pth)
    if told.onnx is not None:
        _onnx(translator, told.onnx)
    if told.pt2 is not None:
        _pt2(translator, told.pt2)
    if told.folder is not None:
        folder, name = told.folder, told.hub or told.folder.name
        _written(folder, lambda: translator.save_pretrained(folder, name, half=told.half, licence=told.licence))
        print(f"Wrote {folder}: translator.safetensors and README.md, the model card.")
    if told.hub is not None:
        address = translator.push_to_hub(told.hub, half=told.half, licence=told.licence)
        print(f"Published at {address}. Get it with Translator.from_pretrained({told.hub!r}).")


def _safetensors(translator: Translator, path: Path, half: bool) -> None:
    from unpaired.translation.weights import write_safetensors

    apart = _written(path, lambda: write_safetensors(translator, path, half=half))
    ways = " and ".join(translator.directions)
    rounded = f"float16: translations of noise differ by {apart:.1e} at most" if half else "float32"
    print(f"Wrote {path}: {ways}, {rounded}.")


def _onnx(translator: Translator, path: Path) -> None:
    from unpaired.interop.onnx import OPSET, write_onnx

    way = translator.direction()
    apart = _written(path, lambda: write_onnx(translator, way, path))
    print(
        f"Wrote {path}: {way}, opset {OPSET}, any batch and any size in multiples of "
        f"{translator.generator(way).multiple}. Checked in onnxruntime: translations differ by {apart:.1e} at most."
    )


def _pt2(translator: Translator, path: Path) -> None:
    from unpaired.interop.program import write_pt2

    way = translator.direction()
    apart = _written(path, lambda: write_pt2(translator, way, path))
    print(f"Wrote {path}: {way}. Checked when read back: translations differ by {apart:.1e} at most.")


def _pth(translator: Translator, path: Path) -> None:
    from unpaired.interop.peer import write_pth
    from unpaired.networks.generator import Generator

    way = translator.direction()
    network = cast(Generator, translator.generator(way))
    options = _written(path, lambda: write_pth(network, translator.config.generator, path))
    print(f"Wrote {path}: {way}. There it is built with {options}.")


def _written(path: Path, write: Callable[[], T]) -> T:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return write()
    except OSError as e:
        raise UserError(f"{path} can't be written ({e.strerror}): name another file.") from e
