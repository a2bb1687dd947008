"""The commands and the Python of the documentation run: as they are written, on tiny pictures, for a second each."""

from __future__ import annotations

import re
import shutil
import sys
import tomllib
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from documented import (
    LANGUAGES,
    NOT_RUN,
    PAGES,
    PYTHON_NOT_RUN,
    ROOT,
    blocks,
    lines,
    name_of,
    not_run,
    shrunk,
    smaller,
    split,
)
from PIL import Image
from terminal import Command, fill, paint

import unpaired as python
from unpaired import presets
from unpaired.cli import main
from unpaired.evaluation.labels import CITYSCAPES

for folder in ("interop", "data"):
    sys.path.append(str(ROOT / "tests" / folder))

DONE: set[str] = set()
"""What ran on an earlier page need not run again, unless the page goes on with what it leaves."""


def _maps(folder: Path) -> None:
    """12 label maps of two classes of Cityscapes."""
    folder.mkdir(parents=True)
    colours = np.array(list(CITYSCAPES.values())[:2], np.uint8)
    for i in range(12):
        classes = np.random.default_rng(i).integers(0, 2, (5, 5)).repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(colours[classes]).save(folder / f"{i:02}.png")


def _film(path: Path) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, width=48, height=32, pix_fmt="yuv420p")
        for n in range(3):
            frame = np.random.default_rng(n).integers(0, 256, (32, 48, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))


def _typed(place: Path) -> None:
    """What needs packages: scans and satellite pictures."""
    import tifffile
    from test_medical import dicom

    random = np.random.default_rng(0)
    for name in ("ct", "mr", "ct-others", "mr-others"):
        (place / name).mkdir()
        for i in range(12):
            values = random.integers(0, 2000, (40, 40), np.uint16)
            dicom(place / name / f"{i}.dcm", values, WindowCenter=1000, WindowWidth=800)
    (place / "sentinel").mkdir()
    for file in (*(place / "sentinel" / f"{i}.tif" for i in range(12)), place / "scene.tif"):
        values = random.integers(0, 4000, (40, 44, 12), np.uint16)
        tifffile.imwrite(file, values, photometric="minisblack", planarconfig="contig", metadata=None)


def _theirs(place: Path) -> None:
    """What a training of pytorch-CycleGAN-and-pix2pix leaves."""
    from peers import PatchGAN, ResnetGenerator, strong

    folder = place / "checkpoints" / "horse2zebra"
    folder.mkdir(parents=True)
    for seed, (name, other) in enumerate({"G_A": "G", "G_B": "F", "D_B": "DX", "D_A": "DY"}.items()):
        network = ResnetGenerator(w=4, blocks=1) if name.startswith("G") else PatchGAN(w=4, layers=1)
        torch.save(strong(network, seed).state_dict(), folder / f"latest_net_{name}.pth")
        shutil.copy(folder / f"latest_net_{name}.pth", place / f"{other}.pth")
    shutil.copy(folder / "latest_net_G_A.pth", place)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that the documentation speaks of, tiny: pictures, films, scans, and one run."""
    place = tmp_path_factory.mktemp("prepared")
    for seed, name in enumerate(("horses", "zebras", "my-pictures", "archive", "photos", "test/horses", "test/zebras")):
        fill(place / name, 24 if name in ("horses", "zebras") else 12, seed=seed)
    for part in ("train", "test"):
        _maps(place / "data" / f"{part}A")
        fill(place / "data" / f"{part}B", seed=9)
        for i in range(12):
            paint(place / "facades" / part / f"{i:02}.png", 80, 40, seed=i)
    shutil.copytree(place / "data", place / "datasets" / "horse2zebra")
    for name in ("horse", "holiday", "photo", "painting", "one", "other"):
        paint(place / f"{name}.jpg", 48, 40, seed=len(name))
    paint(place / "scan.png", 90, 70)
    for name, pictures in (("horse-masks", "horses"), ("zebra-masks", "zebras"), ("my-masks", "my-pictures")):
        (place / name).mkdir()
        for picture in (place / pictures).iterdir():
            mask = np.zeros((40, 40), np.uint8)
            mask[8:32, 8:32] = 255
            Image.fromarray(mask).save(place / name / picture.name)
    _film(place / "horses.mp4")
    _typed(place)
    _theirs(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setitem(presets.PRESETS, "fast", shrunk(presets.fast))
        main(["train", "horses", "zebras", "--out", "runs/zebra", "--images", "8", "--device", "cpu"])
    for name in ("zebra-2", "city", "facades"):
        shutil.copytree(place / "runs" / "zebra", place / "runs" / name)
    return place


@pytest.fixture
def place(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it to work in, and presets of small networks."""
    copy = Path(shutil.copytree(prepared, tmp_path / "place"))
    monkeypatch.chdir(copy)
    for name, preset in list(presets.PRESETS.items()):
        monkeypatch.setitem(presets.PRESETS, name, shrunk(preset))
    monkeypatch.setattr("unpaired.training.run.fast", presets.PRESETS["fast"])
    monkeypatch.setattr(python, "evaluate", partial(python.evaluate, measures=["kid"]), raising=False)
    return copy


def _clear(out: str) -> None:
    """What an earlier example left where this one writes."""
    if Path(out).is_dir():
        shutil.rmtree(out)
    else:
        Path(out).unlink(missing_ok=True)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_written_runs(page: Path, unpaired: Command) -> None:
    resumed = 0
    for line in lines(page):
        if not_run(line) or (line in DONE and not line.startswith("unpaired train ")):
            continue
        assert line.startswith("unpaired "), f"{name_of(page)}: {line}: neither run nor listed in NOT_RUN"
        words = split(line)
        resumed += "--resume" in words
        if "--out" in words:
            _clear(words[words.index("--out") + 1])
        answer = unpaired(*smaller(words, resumed))
        finds = words[:2] == ["datasets", "check"]  # says with 1 that it found something in these pictures
        assert answer.status == 0 or (finds and answer.status == 1), (
            f"{name_of(page)}: {line}\n{answer.err}{answer.out}"
        )
        DONE.add(line)

    names: dict[str, Any] = {}
    exec("import numpy, unpaired; array = numpy.zeros((40, 40, 3), numpy.uint8)", names)
    for language, text in blocks(page):
        if language == "python":
            for out in re.findall(r'out="([^"]+)"', text):
                _clear(out)
            code = compile(text.replace("minutes=60", "images=8"), name_of(page), "exec")
            if not any(re.search(pattern, text) for pattern in PYTHON_NOT_RUN):
                exec(code, names)


def test_what_is_not_run_is_there() -> None:
    """No reason outlives the line that it was for; blocks are of languages that are looked into; extras exist."""
    typed = [line for page in PAGES for line in lines(page)]
    python = [text for page in PAGES for language, text in blocks(page) if language == "python"]
    assert {pattern for line in typed for pattern in not_run(line)} == set(NOT_RUN)
    assert all(any(re.search(pattern, text) for text in python) for pattern in PYTHON_NOT_RUN)
    assert {language for page in PAGES for language, _ in blocks(page)} <= LANGUAGES
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = {
        extra
        for line in typed
        for found in re.findall(r"(?:\.|unpaired)\[([\w,]+)\]", line)
        for extra in found.split(",")
    }
    assert named
    assert named <= set(extras)
