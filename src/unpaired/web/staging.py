"""The pictures of a study: real ones and translations, cut and written the same way: only their looks differ."""

from __future__ import annotations

import io
import random
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import Direction
from unpaired.data.decode import decode
from unpaired.data.discover import discover
from unpaired.errors import UserError
from unpaired.report.pieces import ends
from unpaired.run.folder import Record, mapping
from unpaired.translation.translator import Translator
from unpaired.web.study import Study, Trial

Array = NDArray[np.uint8]
AT_ONCE = 16  # pictures that are translated together
Progress = Callable[[int, int], None]


def real_or_fake(
    name: str, record: Record, translator: Translator, direction: Direction, *, trials: int, practice: int,
    progress: Progress,
) -> tuple[Study, dict[str, bytes]]:  # fmt: skip
    """A study of one run. Raises `UserError` where its pictures are gone or too few."""
    inputs, reals = _files(record, direction), _files(record, "b2a" if direction == "a2b" else "a2b")
    count = min(trials + practice, len(inputs), len(reals))
    practice = min(practice, count // 4)
    rng = random.Random()
    fakes = _translated(translator, direction, _read(translator, rng.sample(inputs, count)), progress)
    pictures: dict[str, bytes] = {}
    found = [
        Trial(_keep(pictures, fake), _keep(pictures, real), practice=i < practice)
        for i, (fake, real) in enumerate(zip(fakes, _read(translator, rng.sample(reals, count)), strict=True))
    ]
    return _study("real-or-fake", [name], record, direction, found), pictures


def preference(
    runs: Sequence[str], record: Record, translators: Sequence[Translator], direction: Direction, *, trials: int,
    progress: Progress,
) -> tuple[Study, dict[str, bytes]]:  # fmt: skip
    """A study of two runs on the inputs of the first. Raises `UserError`."""
    files = _files(record, direction)
    chosen = _read(translators[0], random.Random().sample(files, min(trials, len(files))))
    total = 2 * len(chosen)
    one = _translated(translators[0], direction, chosen, lambda done, _: progress(done, total))
    two = _translated(translators[1], direction, chosen, lambda done, _: progress(len(chosen) + done, total))
    pictures: dict[str, bytes] = {}
    found = [
        Trial(_keep(pictures, a), _keep(pictures, b), source=_keep(pictures, source))
        for source, a, b in zip(chosen, one, two, strict=True)
    ]
    return _study("preference", list(runs), record, direction, found), pictures


def _study(kind: str, runs: list[str], record: Record, direction: Direction, trials: list[Trial]) -> Study:
    source, target = ends(record, direction)
    assert kind in ("real-or-fake", "preference")
    return Study(
        id=secrets.token_hex(6), kind=kind, runs=runs, direction=direction, source=source, domain=target,
        created=time.time(), seed=secrets.randbits(48), trials=trials,
    )  # fmt: skip


def _files(record: Record, direction: Direction) -> list[Path]:
    """What is translated from: the test pictures, where there are some, else those of the training."""
    folders = mapping(record.facts.get("folders"))
    domain = direction[0]
    folder = Path(str(folders.get(f"test_{domain}") or folders.get(domain) or ""))
    if not folder.is_dir():
        raise UserError(f"The run's pictures in {folder} are gone, and a study needs them.")
    files = discover(folder).files
    if len(files) < 2:
        raise UserError(f"{folder} holds fewer than 2 pictures, too few for a study.")
    return list(files)


def _read(translator: Translator, files: Sequence[Path]) -> list[Array]:
    """Squares of the size that was trained with, from the middle."""
    side, background = translator.config.data.crop, translator.config.data.background
    return [_square(decode(file, background=background), side) for file in files]


def _square(picture: Array, side: int) -> Array:
    height, width = picture.shape[:2]
    cut = min(height, width)
    top, left = (height - cut) // 2, (width - cut) // 2
    image = Image.fromarray(np.ascontiguousarray(picture[top : top + cut, left : left + cut]))
    return np.array(image.resize((side, side), Image.Resampling.BICUBIC), dtype=np.uint8)


def _translated(translator: Translator, way: Direction, inputs: Sequence[Array], progress: Progress) -> list[Array]:
    made: list[Array] = []
    for start in range(0, len(inputs), AT_ONCE):
        made += translator.translate_arrays(inputs[start : start + AT_ONCE], way)
        progress(len(made), len(inputs))
    return made


def _keep(pictures: dict[str, bytes], array: Array) -> str:
    """Add a picture under a name that says nothing."""
    name, content = secrets.token_hex(8), io.BytesIO()
    Image.fromarray(array).save(content, "PNG")
    pictures[name] = content.getvalue()
    return name
