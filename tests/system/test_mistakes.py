"""What a person may get wrong, and what may be wrong with files: one sentence, a status, and nothing lost."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import struct
import subprocess
import sys
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from terminal import TINY, Command, fill, paint

from unpaired.cli import SUMMARIES, main
from unpaired.presets import PRESETS
from unpaired.run import checkpoint, checkpoints


def deep(path: Path) -> Path:
    """A picture of 16 bits."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.arange(40 * 40, dtype=np.uint16).reshape(40, 40)).save(path)
    return path


def bomb(path: Path) -> Path:
    """A PNG of a few bytes that says it has 100,000 × 100,000 pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")
    )
    return path


def spoil(folder: Path) -> dict[str, str]:
    """Put one bad file of each kind into a folder. Gives a word of the reason by name."""
    whole = paint(folder / "whole.png", seed=99).read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "nothing.png").write_bytes(b"")
    (folder / "letter.jpg").write_text("Dear reader, I am no picture at all.")
    (folder / "noise.png").write_bytes(whole[:8] + np.random.default_rng(0).bytes(500))
    bomb(folder / "bomb.png")
    return {
        "cut.png": "cut off", "nothing.png": "empty", "letter.jpg": "is none", "noise.png": "damaged",
        "bomb.png": "million pixels",
    }  # fmt: skip


def rewrite(path: Path, **values: Any) -> None:
    """Change a run's or a checkpoint's record as somebody who means it would: with a checksum that is right."""
    record = json.loads(path.read_text()) | values
    if "checksum" in record:
        del record["checksum"]
        record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    path.write_text(json.dumps(record))


def joined(text: str) -> str:
    """Text as it was before the terminal broke its lines."""
    return re.sub(r"\s+", " ", text)


# Folders to train on


def test_bad_pictures_among_good_ones_are_named_and_the_rest_goes_on(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    a = fill(tmp_path / "a", 4)
    reasons = spoil(a) | {"deep.png": "1 band of uint16"}
    deep(a / "deep.png")  # good by itself, but not beside others of 8 bits
    answer = unpaired("train", a, domains[1], "--out", tmp_path / "run", *TINY)
    assert answer.status == 0, answer
    told = joined(answer.out)
    assert "A: 5 pictures" in told
    for name, reason in reasons.items():
        assert re.search(rf"left out \S*{name}: [^:/]*{reason}", told), (name, reason, answer.out)


def test_an_option_that_the_method_does_not_read_is_named(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    options = ("--method", "cut", "--nce.layers", "0", "1", "2", "--colours-a", "8")
    answer = unpaired("train", *domains, "--out", tmp_path / "run", *TINY, *options)
    assert answer.status == 0, answer
    assert "--colours-a changes nothing: cut does not read it (cyclegan, dclgan would)." in joined(answer.out)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--method", "fastcut"], "fastcut is no method but a recipe: give --preset fastcut"),
        (["--method", "paper"], "give --preset paper"),
        (["--preset", "cyclegan"], "cyclegan is no recipe but a method: give --method cyclegan"),
    ],
)
def test_a_recipe_where_a_method_is_asked_for(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, words: list[str], told: str
) -> None:
    assert told in unpaired("train", *domains, "--out", tmp_path / "run", *TINY, *words).sentence


def test_one_folder_without_train_a_may_be_of_pairs_side_by_side(unpaired: Command, tmp_path: Path) -> None:
    paint(tmp_path / "facades" / "train" / "1.png", 80, 40)
    answer = unpaired("train", tmp_path / "facades", "--out", tmp_path / "run", "--preset", "pix2pix")
    assert "or, where each file shows A beside B, --layout side-by-side" in answer.sentence


def test_the_same_picture_under_another_ending_is_read_by_what_it_is(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    paint(tmp_path / "a" / "one.png").rename(tmp_path / "a" / "one.jpg")
    answer = unpaired("train", tmp_path / "a", domains[1], "--out", tmp_path / "run", *TINY)
    assert answer.status == 0, answer
    assert "A: 1 picture of" in answer.out


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("missing", "does not exist"),
        ("empty", "is empty"),
        ("no picture", "holds no picture"),
        ("a file", "not a picture"),
        ("only damaged", "damaged"),
        ("twice", "two different folders"),
        ("one picture twice", "two different pictures"),
        ("inside", "lies inside"),
    ],
)
def test_a_folder_that_cannot_be_trained_on(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, case: str, words: str
) -> None:
    a, b = tmp_path / "a", domains[1]
    if case in ("empty", "no picture", "only damaged"):
        a.mkdir()
    if case == "no picture":
        (a / "notes.txt").write_text("nothing to see")
    elif case == "a file":
        a.write_text("nothing to see")
    elif case == "only damaged":
        whole = paint(a / "1.png").read_bytes()
        (a / "1.png").write_bytes(whole[: len(whole) // 2])
    elif case == "twice":
        a = b
    elif case == "one picture twice":
        a = b = paint(tmp_path / "1.png")
    elif case == "inside":
        fill(a, 2)
        b = fill(a / "deeper", 2)
    sentence = unpaired("train", a, b, "--out", tmp_path / "run", *TINY).sentence
    assert words in sentence
    assert str(a) in sentence or str(b) in sentence
    assert not (tmp_path / "run").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_folder_that_may_not_be_read(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    a = fill(tmp_path / "a", 2)
    a.chmod(0)
    try:
        assert "cannot be read" in unpaired("train", a, domains[1], "--out", tmp_path / "run", *TINY).sentence
    finally:
        a.chmod(0o755)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--crop", "40"], "lower --crop"),
        (["--crop", "30"], "multiple of 4"),
        (["--batch", "0"], "batch 0"),
        (["--images", "0"], "images 0"),
        (["--minutes", "-1"], "minutes -1"),
        (["--minutes", "0"], "minutes 0"),
        (["--learning-rate", "0"], "learning-rate"),
        (["--identity", "0.5", "--channels-a", "1"], "--identity 0"),
        (["--warm-up-images", "8"], "A warm-up of 8 images takes the whole training, 8 images"),
        (["--warm-up-images", "7"], "takes the whole training"),  # the last step begins at 6
        (["--device", "cuda:99"], "cuda:99"),
        (["--device", "toaster"], "toaster"),
    ],
)
def test_a_configuration_that_no_training_can_have(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, words: list[str], told: str
) -> None:
    run = tmp_path / "run"
    assert told in unpaired("train", *domains, "--out", run, *TINY, *words).sentence
    assert not run.exists()


def test_too_few_or_too_many_folders(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert "two folders" in unpaired("train", "--out", run, *TINY).sentence
    assert "two folders" in unpaired("train", *domains, domains[0], "--out", run, *TINY).sentence
    assert "--out" in unpaired("train", *domains, *TINY).sentence
    assert "trainA" in unpaired("train", domains[0], "--out", run, *TINY).sentence
    assert not run.exists()


# Runs


def test_a_run_that_exists_is_left_alone(unpaired: Command, domains: tuple[Path, Path], run: Path) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    assert f"--resume {run}" in unpaired("train", *domains, "--out", run, *TINY).sentence
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_a_folder_of_something_else_is_left_alone(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.txt").write_text("precious")
    assert "not an empty folder" in unpaired("train", *domains, "--out", tmp_path / "home", *TINY).sentence
    assert [p.name for p in (tmp_path / "home").iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("command", ["train", "translate", "evaluate", "report", "inspect"])
def test_a_run_that_is_not_there(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, command: str) -> None:
    run = tmp_path / "runs" / "none"
    sentence = unpaired(*_about(command, run, domains, tmp_path)).sentence
    assert str(run) in sentence
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["train", "translate", "evaluate", "report", "inspect"])
def test_a_folder_that_is_no_run(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, command: str) -> None:
    fill(tmp_path / "pictures", 1)
    sentence = unpaired(*_about(command, tmp_path / "pictures", domains, tmp_path)).sentence
    assert str(tmp_path / "pictures") in sentence


@pytest.mark.parametrize("command", ["train", "translate", "evaluate", "inspect"])
@pytest.mark.parametrize("damage", ["flipped bit", "cut off", "missing", "manifest"])
def test_a_damaged_checkpoint_is_never_replaced_by_random_weights(
    unpaired: Command, domains: tuple[Path, Path], run: Path, tmp_path: Path, command: str, damage: str
) -> None:
    folder = checkpoints.latest(run)
    assert folder is not None
    for path in sorted(folder.glob("generator_*")) if damage != "manifest" else [folder / "manifest.json"]:
        content = bytearray(path.read_bytes())
        if damage == "missing":
            path.unlink()
            continue
        if damage == "flipped bit":
            content[len(content) // 2] ^= 1
        else:
            del content[len(content) // 2 :]
        path.write_bytes(content)
    before = sorted(p.name for p in (run / "checkpoints").iterdir())
    sentence = unpaired(*_about(command, run, domains, tmp_path)).sentence
    assert "damaged" in sentence
    assert folder.name in sentence
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == before
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["train", "translate", "evaluate", "report", "inspect"])
def test_a_run_of_a_newer_version(
    unpaired: Command, domains: tuple[Path, Path], run: Path, tmp_path: Path, command: str
) -> None:
    folder = checkpoints.latest(run)
    assert folder is not None
    for path in (run / "run.json", folder / "manifest.json"):
        rewrite(path, format=99)
    assert "newer version" in unpaired(*_about(command, run, domains, tmp_path)).sentence


@pytest.mark.parametrize("command", ["train", "translate", "evaluate"])
def test_a_checkpoint_of_another_network(
    unpaired: Command, domains: tuple[Path, Path], run: Path, tmp_path: Path, command: str
) -> None:
    """A manifest that promises another network than the weights are of, checksums and all."""
    folder = checkpoints.latest(run)
    assert folder is not None
    for path in (run / "run.json", folder / "manifest.json"):
        config = json.loads(path.read_text())["config"]
        config["generator"]["width"] = 8
        rewrite(path, config=config)
    sentence = unpaired(*_about(command, run, domains, tmp_path)).sentence
    assert str(folder) in sentence


def test_a_pickle_is_never_opened(unpaired: Command, run: Path, tmp_path: Path) -> None:
    """A foreign file in a state's place would run code if it were unpickled."""
    folder = checkpoints.latest(run)
    assert folder is not None
    proof = tmp_path / "proof"
    evil = f"cposix\nsystem\n(S'touch {proof}'\ntR.".encode()
    (folder / "state.pt").write_bytes(evil)
    files = json.loads((folder / "manifest.json").read_text())["files"]
    rewrite(folder / "manifest.json", files=files | {"state.pt": hashlib.sha256(evil).hexdigest()})
    assert "state.pt" in unpaired("train", "--resume", run, "--images", 16).sentence
    assert not proof.exists()


def test_folders_that_changed_are_named_on_resuming(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    a, run = fill(tmp_path / "a", 3), tmp_path / "run"
    assert unpaired("train", a, domains[1], "--out", run, *TINY).status == 0
    (a / "00.png").unlink()
    assert "pictures" in unpaired("train", "--resume", run, "--images", 16).sentence
    newest = checkpoints.latest(run)
    assert newest is not None
    assert newest.name == "images-000000008"


def test_what_shapes_the_networks_cannot_change_on_resuming(unpaired: Command, run: Path) -> None:
    assert str(run) in unpaired("train", "--resume", run, "--generator.width", 8, "--images", 16).sentence
    assert "--resume" in unpaired("train", run, "--resume", run).sentence


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--seed", "1"], "--seed"),
        (["--batch", "1"], "--batch"),
        (["--generator.width", "8"], "--generator.width"),
        (["--no-flip"], "--flip"),
        (["--preset", "fast"], "--preset"),
        (["--images", "4"], "8 images already"),
        (["--passes", "0.5"], "8 images already"),
        (["--images", "0"], "images 0"),
        (["--minutes", "0"], "minutes 0"),
        (["--out", "other"], "--out"),
    ],
)
def test_what_resuming_cannot_do_is_refused_by_name(unpaired: Command, run: Path, words: list[str], told: str) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    sentence = unpaired("train", "--resume", run, *words).sentence
    assert told in sentence
    assert "{" not in sentence, "words, not Python"
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before


def test_passes_lengthen_a_plan(unpaired: Command, run: Path) -> None:
    answer = unpaired("train", "--resume", run, "--passes", 1)
    assert answer.status == 0, answer
    assert checkpoints.of(run)[-1].name == "images-000000012"


def test_a_damaged_checkpoint_is_named_and_gone_around(unpaired: Command, run: Path) -> None:
    """What inspecting shows beside the damage, and the two commands that go on."""
    assert unpaired("train", "--resume", run, "--images", 16).status == 0
    older, newest = checkpoints.of(run)
    (newest / "generator_ab.safetensors").write_bytes(b"")
    answer = unpaired("inspect", run)
    assert answer.status == 1
    assert f"{older.name}: whole" in answer.out
    assert f"{newest.name}: damaged" in answer.out
    assert "--generator.width" in answer.out
    assert str(newest / "generator_ab.safetensors") in answer.err
    one = unpaired("inspect", newest)
    assert one.status == 1
    assert "generator_ab.safetensors: damaged" in one.out
    assert "generator_ba.safetensors: whole" in one.out
    assert str(older) in unpaired("train", "--resume", run).sentence
    answer = unpaired("train", "--resume", older)
    assert answer.status == 0, answer
    assert "Set aside what is newer: images-000000016" in joined(answer.out)
    assert unpaired("inspect", run).status == 0
    assert (run / "set-aside" / "1" / newest.name).is_dir()


@pytest.mark.parametrize("inside", ["a", "run"])
def test_a_run_in_the_wrong_place(
    unpaired: Command, domains: tuple[Path, Path], run: Path, tmp_path: Path, inside: str
) -> None:
    a = fill(tmp_path / "a", 2)
    assert "lies inside" in unpaired("train", a, domains[1], "--out", tmp_path / inside / "new", *TINY).sentence
    assert not (tmp_path / inside / "new").exists()


def test_a_loss_that_explodes_stops_and_spoils_nothing(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    sentence = unpaired("train", *domains, "--out", run, *TINY, "--learning-rate", "1e30", "--images", 64).sentence
    assert "not a finite number" in sentence
    assert re.search(r"at image \d+ \(step \d+\)", sentence)
    assert f"there is no checkpoint yet: go on with --resume {run} and a lower --learning-rate" in sentence
    assert checkpoints.of(run) == []


def test_a_full_disk_loses_no_checkpoint(run: Path) -> None:
    """The system itself refuses files beyond 10,000 bytes, so that the second checkpoint can't be written."""
    words = [sys.executable, "-m", "unpaired", "train", "--resume", str(run), "--images", "16"]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1])),
    )  # fmt: skip
    assert done.returncode == 1, done
    assert len(done.stderr.splitlines()) == 1, done
    assert "could not be written" in done.stderr
    assert "--resume" in done.stderr
    assert [c.name for c in checkpoints.of(run)] == ["images-000000008"]
    assert checkpoint.read(checkpoints.of(run)[0]).verify() > 0


# Translating and measuring


def test_bad_pictures_to_translate_are_named_and_the_rest_is_translated(
    unpaired: Command, run: Path, tmp_path: Path
) -> None:
    inputs, out = fill(tmp_path / "in", 3), tmp_path / "out"
    reasons = spoil(inputs)
    answer = unpaired("translate", run, inputs, "--out", out, "--direction", "a2b")
    assert answer.status == 1
    assert "Traceback" not in answer.err
    for name, reason in reasons.items():
        (line,) = (line for line in answer.err.splitlines() if name in line)
        assert f"{name}:" in line
        assert reason in line
        assert line.count(name) == 1, "once is enough"
    assert sorted(p.name for p in out.iterdir()) == ["00.png", "01.png", "02.png", "manifest.jsonl", "whole.png"]
    assert "4 translated" in answer.out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["missing.png"], "no file or folder"),
        (["empty"], "is empty"),
        (["good"], "direction"),
    ],
)
def test_nothing_to_translate(unpaired: Command, run: Path, tmp_path: Path, words: list[str], told: str) -> None:
    fill(tmp_path / "good", 1)
    (tmp_path / "empty").mkdir()
    inputs = [tmp_path / word for word in words]
    direction = [] if told == "direction" else ["--direction", "a2b"]
    assert told in unpaired("translate", run, *inputs, "--out", tmp_path / "out", *direction).sentence
    assert not (tmp_path / "out").exists()


def test_two_inputs_of_one_name(unpaired: Command, run: Path, tmp_path: Path) -> None:
    one, two = fill(tmp_path / "one", 1), fill(tmp_path / "two", 1)
    sentence = unpaired("translate", run, one, two, "--out", tmp_path / "out", "--direction", "a2b").sentence
    assert "would both become" in sentence
    assert not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file(unpaired: Command, run: Path, tmp_path: Path) -> None:
    picture = paint(tmp_path / "picture.png")
    sentence = unpaired("translate", run, picture, "--out", picture, "--direction", "a2b").sentence
    assert "is a file" in sentence


def test_measuring_without_pictures(unpaired: Command, run: Path, domains: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "is empty" in unpaired("evaluate", run, tmp_path / "empty", domains[1]).sentence
    assert "does not exist" in unpaired("evaluate", run, domains[0], tmp_path / "none").sentence


def test_pairs_whose_names_do_not_match(
    unpaired: Command, run: Path, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    paint(tmp_path / "b" / "other.png")
    assert "--paired" in unpaired("evaluate", run, domains[0], tmp_path / "b", "--paired").sentence


def test_inspecting_what_is_no_part_of_a_run(unpaired: Command, tmp_path: Path) -> None:
    assert "neither" in unpaired("inspect", paint(tmp_path / "picture.png")).sentence
    (tmp_path / "weights.safetensors").write_bytes(b"not weights")
    assert "not a whole safetensors file" in unpaired("inspect", tmp_path / "weights.safetensors").sentence


def test_an_interrupt_before_training_is_one_word(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str, arguments: list[str]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("unpaired.cli._run", interrupted)
    with pytest.raises(SystemExit) as ending:
        main(["report", "run"])
    assert ending.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"


def _about(command: str, run: Path, domains: tuple[Path, Path], scratch: Path) -> list[object]:
    """Words that ask `command` to do something with a run."""
    return {
        "train": ["train", "--resume", run, "--images", 16],
        "translate": ["translate", run, domains[0], "--out", scratch / "out", "--direction", "a2b"],
        "evaluate": ["evaluate", run, *domains],
        "report": ["report", run],
        "inspect": ["inspect", run],
    }[command]


def test_help_names_what_is_missing(unpaired: Command) -> None:
    said = unpaired("evaluate", "--help").out
    assert "unpaired evaluate [-h] [OPTIONS] RUN DIR_A [DIR_B]" in said


@pytest.mark.parametrize("command", [*SUMMARIES, "datasets get"])
def test_help_does_not_say_that_nothing_is_the_default(unpaired: Command, command: str) -> None:
    said = joined(re.sub("[│╭╰─╮╯]", "", unpaired(*command.split(), "--help").out))
    assert "(default: )" not in said
    assert "(default: '')" not in said
    assert said.count("(default: none)") == (1 if command == "train" else 0), "of --structure, which is a word"


@pytest.mark.parametrize("columns", ["80", "130", "400"])
def test_help_has_one_column(unpaired: Command, monkeypatch: pytest.MonkeyPatch, columns: str) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    answer = unpaired("train", "--help")
    lines = answer.out.splitlines()
    assert max(map(len, lines)) <= 120
    assert sum("DIR_A" in line and "--out" in line for line in lines) == 0
    assert all(line.count("╭") <= 1 for line in lines)
    texts = [line for line in lines if line.startswith("│       ")]
    width = max(map(len, lines)) - 3  # without the frame, and with the blank before its right side
    for line, after in pairwise(texts):
        written, word = line[1:-1].rstrip(), after[1:-1].split()[0]
        follows = lines[lines.index(line) + 1] == after and word not in PRESETS  # each of these begins a line
        assert not follows or len(f"{written} {word}") > width - 1, f"breaks off in the middle: {line}"
