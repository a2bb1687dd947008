"""`unpaired evaluate` as people type it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from terminal import TINY, Command, fill, paint


def test_measures_are_chosen_by_name(unpaired: Command, run: Path, domains: tuple[Path, Path]) -> None:
    answer = unpaired("evaluate", run, *domains, "--measures", "colour", "spectrum", "swd", "--json")
    assert answer.status == 0, answer
    names = set(json.loads(answer.out)["directions"]["b2a"]["measures"])
    assert names == {"colour distance (Lab)", "spectrum distance (dB)", "sliced Wasserstein ×1000"}
    wrong = unpaired("evaluate", run, *domains, "--measures", "colour", "spektrum")
    assert "'spektrum' is no measure: perhaps you meant 'spectrum'" in wrong.sentence


def test_a_damaged_picture_is_named_and_the_others_are_measured(
    unpaired: Command, run: Path, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    a = Path(shutil.copytree(domains[0], tmp_path / "a"))
    whole = (a / "03.png").read_bytes()
    (a / "03.png").write_bytes(whole[: len(whole) // 2])
    (a / "letter.jpg").write_text("Dear reader, I am no picture at all.")
    answer = unpaired("evaluate", run, a, domains[1], "--paired", "--measures", "pairs", "swd", "--json")
    assert answer.status == 1
    assert "03.png" in answer.err
    assert "cut off" in answer.err
    assert "letter.jpg" in answer.err
    assert "2 pictures could not be measured" in answer.err
    result = json.loads(answer.out)
    assert result["directions"]["a2b"]["inputs"] == 11
    assert result["directions"]["a2b"]["pairs"] == 11
    assert len(result["unreadable"]) == 2


def test_label_maps_are_scored_class_by_class(unpaired: Command, run: Path, tmp_path: Path) -> None:
    colours = np.array([(0, 0, 0), (250, 250, 250), (250, 0, 0), (0, 0, 250)], np.uint8)
    (tmp_path / "a").mkdir()
    for i in range(3):  # the last class never occurs
        blocks = np.random.default_rng(i).integers(0, 3, (5, 5)).repeat(8, axis=0).repeat(8, axis=1)
        Image.fromarray(colours[blocks]).save(tmp_path / "a" / f"{i:02}.png")
    photos = fill(tmp_path / "b", 3)
    palette = tmp_path / "palette.json"
    palette.write_text(
        json.dumps({"void": [0, 0, 0], "paper": [250, 250, 250], "brick": [250, 0, 0], "sea": [0, 0, 250]})
    )
    words = ("evaluate", run, tmp_path / "a", photos, "--measures", "labels", "cycle", "--labels", "a")
    answer = unpaired(*words, "--paired", "--palette", palette)
    assert answer.status == 0, answer
    assert "class IoU" in answer.out
    assert "brick" in answer.out
    assert "never shows sea" in " ".join(answer.out.split())
    assert "nan" not in answer.out
    assert "--paired" in unpaired(*words).sentence
    assert "in no class" in unpaired(*words[:2], photos, photos, *words[4:], "--paired", "--palette", palette).sentence
    palette.write_text('{"paper": [250, 250]}')
    assert "is no palette" in unpaired(*words, "--paired", "--palette", palette).sentence
    assert "cannot be read" in unpaired(*words, "--paired", "--palette", tmp_path / "none.json").sentence
    assert "--labels" in unpaired("evaluate", run, photos, photos, "--palette", palette).sentence


def test_a_limit_and_too_few_pictures(unpaired: Command, run: Path, domains: tuple[Path, Path]) -> None:
    words = ("evaluate", run, *domains, "--measures", "swd", "--limit")
    assert "at least 10 pictures" in unpaired(*words, 4).sentence
    assert "not at least 1" in unpaired(*words, 0).sentence


def test_an_fcn_is_trained_and_judges_a_run(unpaired: Command, run: Path, tmp_path: Path) -> None:
    colours = np.array([(250, 250, 250), (250, 0, 0)], np.uint8)
    for i in range(12):
        classes = np.random.default_rng(i).integers(0, 2, (4, 4)).repeat(8, axis=0).repeat(8, axis=1)
        for folder, picture in (("maps", colours[classes]), ("photos", colours[classes] // 2)):
            (tmp_path / folder).mkdir(exist_ok=True)
            Image.fromarray(picture).save(tmp_path / folder / f"{i:02}.png")
    palette, file = tmp_path / "palette.json", tmp_path / "fcn.safetensors"
    palette.write_text(json.dumps({"paper": [250, 250, 250], "brick": [250, 0, 0]}))
    train = ("evaluate", "fcn", "train", tmp_path / "photos", tmp_path / "maps", "--out", file, "--palette", palette)
    answer = unpaired(*train, "--size", 32, "--images", 16, "--device", "cpu")
    assert answer.status == 0, answer
    assert "16 photos seen" in answer.out
    assert "exists already" in unpaired(*train).sentence
    assert "end in .safetensors" in unpaired(*train[:6], tmp_path / "fcn").sentence
    judge = ("evaluate", run, tmp_path / "maps", tmp_path / "photos", "--measures", "fcn", "swd", "--fcn", file)
    answer = unpaired(*judge, "--labels", "a", "--palette", palette, "--paired", "--json")
    assert answer.status == 0, answer
    scores = json.loads(answer.out)["directions"]["a2b"]["measures"]
    assert scores["class IoU (FCN-8s)"]["floor"] is not None
    assert "--labels" in unpaired(*judge).sentence
    assert "other classes" in unpaired(*judge, "--labels", "a", "--paired").sentence
    assert "comes train" in unpaired("evaluate", "fcn", "trian").sentence
    assert "cannot be read" in unpaired(*judge[:-1], palette, "--labels", "a", "--palette", palette).sentence


def test_inception_from_a_file_that_is_not_there_or_another(
    unpaired: Command, run: Path, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    words = ("evaluate", run, *domains, "--inception", tmp_path / "weights.pth")
    assert "pt_inception-2015-12-05-6726825d.pth" in unpaired(*words).sentence
    (tmp_path / "weights.pth").write_bytes(b"something else")
    assert "not the published Inception network" in unpaired(*words).sentence


def test_unusual_pictures_are_named_and_changes_are_mapped(unpaired: Command, tmp_path: Path) -> None:
    a, b, inputs = fill(tmp_path / "a", 55, seed=1), fill(tmp_path / "b", 12, seed=2), tmp_path / "inputs"
    assert unpaired("train", a, b, "--out", tmp_path / "run", *TINY).status == 0
    paint(inputs / "usual.png", seed=103)
    stripes = np.where(np.arange(40) // 2 % 2, 255, 0).astype(np.uint8)
    Image.fromarray(np.broadcast_to(stripes[:, None, None], (40, 40, 3)).copy()).save(inputs / "stripes.png")
    words = ("translate", tmp_path / "run", inputs, "--direction", "a2b", "--out")
    answer = unpaired(*words, tmp_path / "one", "--changes", tmp_path / "maps")
    assert answer.status == 0, answer
    assert f"Unusual: {inputs / 'stripes.png'} is farther" in answer.err
    assert "usual.png is" not in answer.err.replace("stripes.png is", "")
    assert "2 maps of what was changed" in answer.err
    with Image.open(tmp_path / "maps" / "stripes.png") as made:
        assert made.size == (40, 40)
    assert (tmp_path / "run" / "trust-a.safetensors").exists()
    quiet = unpaired(*words, tmp_path / "two", "--no-trust")
    assert "Unusual" not in quiet.err
    shutil.rmtree(a)
    (tmp_path / "run" / "trust-a.safetensors").unlink()
    lost = unpaired(*words, tmp_path / "three")
    assert lost.status == 0
    assert "can't be said" in lost.err
    assert "does not exist" in lost.err
