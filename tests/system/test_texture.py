"""Texture networks, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

from terminal import TINY, Command, paint


def _weights(run: Path) -> list[Path]:
    return sorted(run.glob("checkpoints/images-000000012/generator_ab*.safetensors"))


def test_a_texture_network_learns_one_style_and_translates_it_in_several_draws(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path
) -> None:
    style, run = paint(tmp_path / "style.png", 50, 40, seed=3), tmp_path / "run"
    words = ("--preset", "ulyanov", *TINY, "--generator.depth", 2)
    answer = unpaired("train", domains[0], style, "--out", run, *words)
    assert answer.status == 0, answer
    terms = [json.loads(line).get("terms", {}) for line in (run / "events.jsonl").read_text().splitlines()]
    assert {"content_a", "style_b", "smoothness_b", "diversity_b"} <= {name for t in terms for name in t}
    answer = unpaired("train", "--resume", run, "--images", 12)
    assert answer.status == 0, answer
    assert unpaired("train", domains[0], style, "--out", tmp_path / "go", *words, "--images", 12).status == 0
    went_on, one_go = ([file.read_bytes() for file in _weights(each)] for each in (run, tmp_path / "go"))
    assert len(one_go) == 1
    assert went_on == one_go, "the noise of each step follows from the seed and the images seen"
    photo = paint(tmp_path / "photo.png", 45, 38, seed=4)

    def made(out: str, *options: object) -> bytes:
        answer = unpaired("translate", run, photo, "--out", tmp_path / out, *options)
        assert answer.status == 0, answer
        assert "1 translated" in answer.out
        return (tmp_path / out / "photo.png").read_bytes()

    plain, one = made("plain"), made("one", "--draw", 1)
    assert made("again", "--draw", 1) == one != plain
    answer = unpaired("translate", run, photo, "--out", tmp_path / "one", "--draw", 2)
    assert "photo.png was made by another checkpoint, direction" in answer.sentence
    assert (tmp_path / "one" / "photo.png").read_bytes() == one


def test_mistakes_with_noise_are_told(
    unpaired: Command, domains: tuple[Path, Path], trained: Path, tmp_path: Path
) -> None:
    photo, out = paint(tmp_path / "photo.png"), tmp_path / "out"
    answer = unpaired("translate", trained, photo, "--out", out, "--direction", "a2b", "--draw", 1)
    assert "has no noise, so all draws are the same" in answer.sentence
    answer = unpaired("translate", trained, photo, "--out", out, "--engine", "ray", "--draw", 1)
    assert "--draw is for --engine local" in answer.sentence
    words = ("--preset", "johnson", *TINY, "--perceptual.diversity", 0.1)
    answer = unpaired("train", *domains, "--out", out, *words)
    assert "needs a generator with noise" in answer.sentence
    words = ("--preset", "ulyanov", *TINY)  # whose six scales are too many for a crop of 32
    answer = unpaired("train", *domains, "--out", out, *words)
    assert "crop 32 px is not a multiple of 64, which a pyramid generator needs" in answer.sentence
    assert not out.exists()
