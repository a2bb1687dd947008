"""Every command: its help, what it does, and what it leaves behind."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from terminal import TINY, Command, fill, paint, shell

from unpaired.cli import SUMMARIES
from unpaired.config import (
    BridgeConfig,
    Config,
    DiscriminatorConfig,
    GeneratorConfig,
    NceConfig,
    PerceptualConfig,
    Pix2PixConfig,
)
from unpaired.run import checkpoint, checkpoints

COMMANDS = list(SUMMARIES)


def test_the_overview_names_every_command(unpaired: Command) -> None:
    for words in ([], ["--help"], ["-h"]):
        answer = unpaired(*words)
        assert answer.status == 0
        assert all(f"  {name} " in answer.out for name in COMMANDS)


def test_a_process_of_its_own_says_its_version() -> None:
    assert shell("--version").out.strip() == version("unpaired")


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_who_reads_may_stop_reading(option: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "unpaired", option], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()  # before Python has started
    said = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), said) == (0, "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(unpaired: Command, name: str) -> None:
    answer = unpaired(name, "--help")
    assert answer.status == 0
    assert f"usage: unpaired {name}" in answer.out


@pytest.mark.parametrize("name", ["demo", "train", "translate", "report", "inspect", "doctor"])
def test_help_speaks_of_no_insides(unpaired: Command, name: str) -> None:
    text = unpaired(name, "--help").out
    for cosmetic in ("None", "(default: )", "PATH [PATH", "tests need"):
        assert cosmetic not in text


def test_an_option_can_be_given_back(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    """What the help shows as the default can be typed."""
    words = [*TINY, "--preset", "demo", "--minutes", "none", "--channels-last", "none", "--checkpoint-images", 4]
    answer = unpaired("train", *domains, "--out", tmp_path / "run", *words)
    assert answer.status == 0, answer
    training = json.loads((tmp_path / "run" / "run.json").read_text())["config"]["training"]
    assert training["minutes"] is None
    assert training["channels_last"] is None
    assert training["checkpoint_images"] == 4


def test_every_field_of_the_configuration_is_an_option(unpaired: Command) -> None:
    text = unpaired("train", "--help").out
    groups = [f.type for f in fields(Config)]
    assert len(groups) == 11
    for group in (c.default_factory() for c in fields(Config) if callable(c.default_factory)):
        prefix = {
            GeneratorConfig: "generator.",
            DiscriminatorConfig: "discriminator.",
            NceConfig: "nce.",
            Pix2PixConfig: "pix2pix.",
            PerceptualConfig: "perceptual.",
            BridgeConfig: "bridge.",
        }.get(type(group), "")
        for field in fields(group):
            assert f"--{prefix}{field.name.replace('_', '-')}" in text


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["trian", "a", "b"], "'train'"),
        (["translte"], "'translate'"),
        (["train", "a", "b", "--out", "r", "--bacth", "4"], "--batch"),
        (["translate", "r", "a", "--out", "o", "--dirction", "a2b"], "--direction"),
        (["evaluate", "r", "a", "b", "--piared"], "--paired"),
        (["train", "a", "b", "--preset", "fsat"], "'fast'"),
        (["train", "a", "b", "--resize", "sqare"], "'square'"),
        (["train", "a", "b", "--generator.kind", "unett"], "'unet'"),
        (["translate", "r", "a", "--out", "o", "--direction", "a2bb"], "'a2b'"),
        (["translate", "r", "a", "--out", "o", "--checkpoint", "bset"], "'best'"),
    ],
)
def test_a_typo_gets_a_suggestion(unpaired: Command, words: list[str], meant: str) -> None:
    answer = unpaired(*words)
    assert answer.status == 2
    assert meant in answer.err + answer.out


@pytest.mark.parametrize(
    "words",
    [
        ["train", "a", "b", "--out", "r", "--batch", "many"],
        ["train", "a", "b", "--out", "r", "--resize", "skew"],
        ["train", "a", "b", "--out", "r", "--preset", "slow"],
        ["translate", "r", "a", "--out", "o", "--direction", "up"],
        ["evaluate", "r"],
    ],
)
def test_a_wrong_value_or_a_missing_one_ends_with_status_2(
    unpaired: Command, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert unpaired(*words).status == 2
    assert list(tmp_path.iterdir()) == []


# train


def test_training_says_what_it_found_and_leaves_a_run(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    answer = unpaired("train", *domains, "--out", run, *TINY)
    assert answer.status == 0, answer
    assert "A: 12 pictures" in answer.out
    assert "Trained on 8 images of each domain" in answer.out
    assert f"unpaired translate {run} PICTURES --out OUT --direction a2b" in answer.out
    assert f"unpaired train --resume {run} --images 16" in answer.out
    assert [c.name for c in checkpoints.of(run)] == ["images-000000008"]
    assert "<svg" in (run / "report.html").read_text()
    assert {p.name for p in (run / "previews").iterdir()} == {"000000008-a2b.png", "000000008-b2a.png"}
    assert [json.loads(line)["kind"] for line in (run / "events.jsonl").read_text().splitlines()][-1] == "end"


def test_one_folder_that_holds_train_a_and_train_b(unpaired: Command, tmp_path: Path) -> None:
    fill(tmp_path / "data" / "trainA", 3)
    fill(tmp_path / "data" / "trainB", 4)
    answer = unpaired("train", tmp_path / "data", "--out", tmp_path / "run", *TINY)
    assert answer.status == 0, answer
    assert "A: 3 pictures" in answer.out
    assert "B: 4 pictures" in answer.out


def test_resuming_goes_on_to_a_longer_plan(unpaired: Command, run: Path) -> None:
    answer = unpaired("train", "--resume", run, "--images", 16)
    assert answer.status == 0, answer
    assert "Going on at 8 images" in answer.out
    newest = checkpoints.latest(run)
    assert newest is not None
    assert newest.name == "images-000000016"


def test_resuming_what_is_finished_says_so(unpaired: Command, run: Path) -> None:
    answer = unpaired("train", "--resume", run)
    assert answer.status == 0, answer
    assert "as long as it was planned" in answer.out
    assert "Training cyclegan" not in answer.out
    assert f"Go on with: unpaired train --resume {run} --images 16" in answer.out
    assert f"unpaired train --resume {run} --images 16" in (run / "report.html").read_text()


def test_the_sentence_how_to_go_on_can_be_typed_and_names_the_limit_that_was_reached(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    run = tmp_path / "a run"
    answer = unpaired("train", *domains, "--out", run, *TINY, "--minutes", 60)
    assert answer.status == 0, answer
    assert f"Go on with: unpaired train --resume '{run}' --images 16" in answer.out
    assert f"unpaired translate '{run}' PICTURES" in answer.out
    assert "--images 16" in (run / "report.html").read_text()


def test_a_preset_can_be_named_and_changed(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    assert unpaired("train", *domains, "--out", run, "--preset", "paper", *TINY).status == 0
    config = json.loads((run / "run.json").read_text())["config"]
    assert config["loss"]["adversarial"] == "lsgan"
    assert config["loss"]["pool"] == 50
    assert config["generator"]["width"] == 4


def _wait_for_checkpoint(process: subprocess.Popen[str], run: Path) -> None:
    deadline = time.monotonic() + 60
    while not checkpoints.of(run):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "no checkpoint was written"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda s: s.name)
def test_a_stopped_training_goes_on(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, number: signal.Signals
) -> None:
    run = tmp_path / "run"
    endless = [*TINY, "--images", "1000000", "--checkpoint-images", "4"]
    words = [sys.executable, "-m", "unpaired", "train", *map(str, domains), "--out", str(run), *endless]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        _wait_for_checkpoint(process, run)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert "Traceback" not in out + err
    if number != signal.SIGKILL:
        told = re.sub(r"\s+", " ", err)
        assert f"Go on with: unpaired train --resume {run}" in told, out + err
        assert process.returncode == 130
    newest = checkpoints.latest(run)
    assert newest is not None
    seen = checkpoint.read(newest).manifest.images
    answer = unpaired("train", "--resume", run, "--images", seen + 2)
    assert answer.status == 0, answer
    assert f"Going on at {seen:,} images" in answer.out


def test_two_processes_train_one_run(domains: tuple[Path, Path], tmp_path: Path) -> None:
    run = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    words = [*torchrun, "-m", "unpaired", "train", *map(str, domains), "--out", str(run), *TINY]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    newest = checkpoints.latest(run)
    assert newest is not None
    manifest = checkpoint.read(newest).manifest
    assert (manifest.images, manifest.world) == (8, 2)
    assert done.stdout.count("Trained on 8 images") == 1


# translate


def test_files_and_folders_keep_their_names_formats_and_sizes(unpaired: Command, run: Path, tmp_path: Path) -> None:
    inputs = tmp_path / "in"
    wanted = {
        "wide.jpg": (50, 30, "RGB", "JPEG"),
        "deep/er/odd.png": (37, 41, "RGB", "PNG"),
        "grey.png": (40, 40, "L", "PNG"),
        "clear.png": (33, 64, "RGBA", "PNG"),
        "soft.webp": (18, 45, "RGB", "WEBP"),
    }
    for name, (width, height, mode, _) in wanted.items():
        paint(inputs / name, width, height, mode)
    alone = paint(tmp_path / "alone.bmp", 9, 70)
    (inputs / "notes.txt").write_text("not a picture")
    out = tmp_path / "out"
    before = {p: p.read_bytes() for p in inputs.rglob("*") if p.is_file()}
    answer = unpaired("translate", run, inputs, alone, "--out", out, "--direction", "a2b")
    assert answer.status == 0, answer
    assert "6 translated" in answer.out
    assert "notes.txt: not a picture" in answer.err
    for name, (width, height, mode, kind) in {**wanted, "alone.bmp": (9, 70, "RGB", "BMP")}.items():
        with Image.open(out / name) as image:
            assert (image.size, image.mode, image.format) == ((width, height), mode, kind)
    with Image.open(inputs / "clear.png") as old, Image.open(out / "clear.png") as new:
        assert np.array_equal(np.asarray(old.getchannel("A")), np.asarray(new.getchannel("A")))
    assert before == {p: p.read_bytes() for p in inputs.rglob("*") if p.is_file()}


def test_both_directions_differ_and_the_same_twice_is_the_same(unpaired: Command, run: Path, tmp_path: Path) -> None:
    picture = paint(tmp_path / "picture.png")

    def translated(name: str, direction: str) -> bytes:
        answer = unpaired("translate", run, picture, "--out", tmp_path / name, "--direction", direction)
        assert answer.status == 0, answer
        return (tmp_path / name / "picture.png").read_bytes()

    assert translated("one", "a2b") == translated("two", "a2b")
    assert translated("back", "b2a") != (tmp_path / "one" / "picture.png").read_bytes()


def test_what_is_there_is_replaced_only_when_asked(unpaired: Command, run: Path, tmp_path: Path) -> None:
    picture = paint(tmp_path / "in" / "picture.png")
    target = tmp_path / "out" / "picture.png"
    target.parent.mkdir()
    target.write_bytes(b"precious")
    words = ("translate", run, picture, "--out", target.parent, "--direction", "a2b")
    assert "--overwrite" in unpaired(*words).sentence
    assert target.read_bytes() == b"precious"
    assert unpaired(*words, "--overwrite").status == 0
    assert target.read_bytes() != b"precious"


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_an_input_is_never_overwritten(unpaired: Command, run: Path, tmp_path: Path, more: list[str]) -> None:
    picture = paint(tmp_path / "in" / "picture.png")
    before = picture.read_bytes()
    for inputs in (picture, picture.parent):
        answer = unpaired("translate", run, inputs, "--out", picture.parent, "--direction", "a2b", *more)
        assert "would be overwritten" in answer.sentence
    assert picture.read_bytes() == before


def test_one_checkpoint_of_a_run_translates_too(unpaired: Command, run: Path, tmp_path: Path) -> None:
    picture, folder = paint(tmp_path / "picture.png"), checkpoints.latest(run)
    answer = unpaired("translate", folder, picture, "--out", tmp_path / "out", "--direction", "b2a")
    assert answer.status == 0, answer


# evaluate, report, inspect


def test_numbers_stand_beside_their_yardsticks(unpaired: Command, run: Path, domains: tuple[Path, Path]) -> None:
    answer = unpaired("evaluate", run, *domains, "--paired", "--json")
    assert answer.status == 0, answer
    result = json.loads(answer.out)
    assert set(result["directions"]) == {"a2b", "b2a"}
    measures = result["directions"]["a2b"]["measures"]
    kid = measures["KID (EfficientNet-Lite0)"]
    assert kid["translator"] != kid["do_nothing"]
    assert {"PSNR", "SSIM", "L1"} <= {name.split()[0] for name in measures}


def test_evaluation_prints_a_table(unpaired: Command, run: Path, domains: tuple[Path, Path]) -> None:
    answer = unpaired("evaluate", run, *domains)
    assert answer.status == 0, answer
    assert "KID" in answer.out
    assert "do nothing" in answer.out


def test_a_report_is_written_again(unpaired: Command, run: Path) -> None:
    page = run / "report.html"
    page.unlink()
    answer = unpaired("report", run)
    assert answer.status == 0, answer
    assert answer.out.strip() == str(page)
    text = page.read_text()
    assert "data:image/" in text
    assert not re.findall(r'(?:src|href)="https?://[^"]+\.(?:js|css|png|jpg)"', text), "the page is one file"


def test_inspecting_a_run_a_checkpoint_and_a_file(unpaired: Command, run: Path) -> None:
    folder = checkpoints.latest(run)
    assert folder is not None
    whole = unpaired("inspect", run)
    assert "images-000000008: whole" in whole.out
    assert "generator.width" in whole.out
    one = unpaired("inspect", folder)
    assert "8 images" in one.out
    assert "torch" in one.out
    assert "state.pt: whole" in one.out
    weights = unpaired("inspect", folder / "generator_ab.safetensors")
    assert "numbers" in weights.out
    state = unpaired("inspect", folder / "state.pt")
    assert "optimizers.0.state.0.exp_avg" in state.out
    assert "optimizers.0.param_groups.0.lr" in state.out
    assert unpaired("inspect", run / "run.json").out.splitlines()[1:] == whole.out.splitlines()[1:]
    assert (whole.status, one.status, weights.status, state.status) == (0, 0, 0, 0)


def test_inspecting_compares_with_the_preset(unpaired: Command, run: Path) -> None:
    text = unpaired("inspect", run).out
    assert "preset fast" in text
    row = next(line for line in text.splitlines() if "--generator.width" in line)
    assert "4" in row
    assert "32" in row, "the default of fast, not of the paper"
    row = next(line for line in text.splitlines() if "--adversarial" in line)
    assert "lsgan" not in row


def test_inspecting_names_options_as_they_are_typed(unpaired: Command, run: Path) -> None:
    rows = [line.split("│")[1:3] for line in unpaired("inspect", run).out.splitlines() if line.startswith("│")]
    told = {name.strip(): value.strip() for name, value in rows}
    assert len(told) == len(rows)
    assert told["--background"] == "255 255 255"
    assert told["--minutes"] == "none"
    assert "--discriminator-learning-rate" in told, "no name is cut off"
    assert list(told).index("--generator.width") < list(told).index("--generator.kind"), "what differs comes first"


def test_inspecting_leaves_out_what_the_method_does_not_read(unpaired: Command, run: Path) -> None:
    text = unpaired("inspect", run).out
    unread = ("--nce.layers", "--pix2pix.l1", "--bridge.steps", "--generator.depth", "--discriminator.stages")
    assert not [name for name in unread if name in text]
    assert "--lambda-a" in text
    assert "options that cyclegan with these networks does not read" in " ".join(text.split())


def test_a_closed_pipe_is_no_error(run: Path) -> None:
    words = f'"{sys.executable}" -m unpaired inspect "{run}" | head -n 1'
    done = subprocess.run(["bash", "-c", words], capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("Run ")
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_translate_within_a_memory(unpaired: Command, run: Path, tmp_path: Path) -> None:
    """A picture too large for the memory given comes out as it would with more, and nothing stays behind."""
    paint(tmp_path / "large.png", 300, 260)
    for name, memory in (("whole", "100GB"), ("bands", "1MB")):
        words = ["--direction", "a2b", "--max-memory", memory]
        answer = unpaired("translate", run, tmp_path / "large.png", "--out", tmp_path / name, *words)
        assert answer.status == 0, answer
    whole, bands = (np.asarray(Image.open(tmp_path / name / "large.png")).astype(int) for name in ("whole", "bands"))
    assert np.abs(whole - bands).mean() < 1  # bfloat16 rounds at other places
    answer = unpaired("translate", run, tmp_path / "large.png", "--out", tmp_path / "no", "--max-memory", "plenty")
    assert answer.status == 1
    assert "'plenty' is no amount of memory" in answer.err
    assert not (tmp_path / "no").exists()


def test_translate_a_film(unpaired: Command, run: Path, tmp_path: Path) -> None:
    """As a film, as numbered pictures, back from them, and what there is of one that is cut off."""
    av = pytest.importorskip("av", reason="the extra [video] is not installed")
    film = tmp_path / "film.mp4"
    with av.open(str(film), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=10, width=48, height=32, pix_fmt="yuv420p")
        for n in range(12):
            frame = np.random.default_rng(n).integers(0, 256, (32, 48, 3), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode(None))
    words = ["--direction", "a2b", "--smooth", "0.8"]
    answer = unpaired("translate", run, film, "--out", tmp_path / "out.mp4", *words)
    assert answer.status == 0, answer
    assert answer.out == f"12 frames translated into {tmp_path / 'out.mp4'}.\n"
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert sum(1 for _ in container.decode(video=0)) == 12

    assert unpaired("translate", run, film, "--out", tmp_path / "frames/%05d.png", *words).status == 0
    assert len([*(tmp_path / "frames").iterdir()]) == 12
    again = unpaired("translate", run, tmp_path / "frames", "--out", tmp_path / "again.mkv", "--fps", "10", *words)
    assert again.status == 0
    answer = unpaired("translate", run, film, "--out", tmp_path / "part.mp4", "--seconds", "0.5", *words)
    assert (answer.status, answer.out) == (0, f"5 frames translated into {tmp_path / 'part.mp4'}.\n")

    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    answer = unpaired("translate", run, film, "--out", tmp_path / "half.mp4", *words)
    assert answer.status == 1
    assert "is cut off after" in answer.err
    assert (tmp_path / "half.mp4").exists()

    for wrong, why in (
        ([film, film, "--out", tmp_path / "x.mp4"], "one by one"),
        ([tmp_path / "frames", "--out", tmp_path / "x", "--fps", "10"], "--fps, --smooth and --seconds are for films"),
        (["tcp://127.0.0.1:1", "--out", tmp_path / "x.mp4", "--seconds", "1"], "cannot be read as a film"),
    ):
        answer = unpaired("translate", run, *wrong, "--direction", "a2b")
        assert answer.status == 1
        assert why in answer.err
        assert "Traceback" not in answer.err


def test_translate_a_tiff_from_file_to_file_and_how_many_pixels_are_let_in(
    unpaired: Command, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile = pytest.importorskip("tifffile", reason="the extra [scientific] is not installed")
    values = np.random.default_rng(0).integers(0, 256, (260, 270, 3), np.uint8)
    tifffile.imwrite(tmp_path / "scan.tif", values, photometric="rgb", tile=(64, 64))
    words = ["--direction", "a2b", "--max-memory", "1MB"]
    answer = unpaired("translate", run, tmp_path / "scan.tif", "--out", tmp_path / "out", *words)
    assert answer.status == 0, answer
    with tifffile.TiffFile(tmp_path / "out/scan.tif") as made:
        assert made.is_bigtiff
        assert made.asarray().shape == values.shape

    monkeypatch.setattr("unpaired.data.pixels.MAX_PIXELS", 0)  # and put back after the test
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", None)
    paint(tmp_path / "large.png", 300, 260)
    for megapixels, status in (("0.01", 1), ("1", 0)):
        words = ["--direction", "a2b", "--max-megapixels", megapixels]
        answer = unpaired("translate", run, tmp_path / "large.png", "--out", tmp_path / megapixels, *words)
        assert answer.status == status
        assert ("takes larger ones, with --max-megapixels" in answer.err) == bool(status)
    answer = unpaired("translate", run, tmp_path / "large.png", "--out", tmp_path / "no", "--max-megapixels", "0")
    assert answer.status == 1
    assert "max-megapixels 0 is not above 0" in answer.err
