"""The demo's course: what is done once, what is done again, what is refused. (The whole of it: test_wheel.py.)"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from terminal import Command

from unpaired.cli import demo
from unpaired.config import Config
from unpaired.presets import demo as preset
from unpaired.run import checkpoints


def small() -> Config:
    """The demo's preset with networks that a test can wait for; a minute of training is long."""
    config = preset()
    return replace(
        config,
        data=replace(config.data, size=36, crop=32),
        generator=replace(config.generator, width=4, blocks=1),
        discriminator=replace(config.discriminator, kind="patchgan", width=4, layers=1),
        training=replace(config.training, held_out=0, device="cpu", precision="float32"),
    )


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A demo of few test pictures and small networks."""
    unpack = demo.pictures.unpack
    place = tmp_path_factory.getbasetemp() / "few"

    def unpacked(to: Path) -> Path:
        if not place.exists():
            unpack(place)
            for folder in ("testA", "testB"):
                for path in sorted((place / folder).iterdir())[12:]:
                    path.unlink()
        return place

    monkeypatch.setattr(demo.pictures, "unpack", unpacked)
    monkeypatch.setattr(demo, "preset", small)


@pytest.mark.usefixtures("few")
def test_a_demo_that_was_stopped_while_measuring_is_measured_the_next_time(
    unpaired: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    words = ("demo", "--out", run, "--minutes", 0.005)

    def stopped(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo, "evaluate", stopped)
        assert unpaired(*words).status == 130
    trained = checkpoints.latest(run)
    assert trained is not None
    assert not (run / "preview.png").exists()

    answer = unpaired(*words)
    assert answer.status == 0, answer
    assert "KID" in answer.out
    assert checkpoints.latest(run) == trained, "no need to train again"
    kinds = [json.loads(line)["kind"] for line in (run / "events.jsonl").read_text().splitlines()]
    assert kinds.count("evaluation") == 1
    assert "How good it is" in (run / "report.html").read_text()
    assert len(list((run / "translations" / "a2b").glob("*.webp"))) == 12

    answer = unpaired(*words)
    assert f"{run} holds a demo" in answer.out
    assert f"--out {run}" in answer.out, "the command that it names is this demo's"
    (run / "report.html").unlink()
    assert "KID" in unpaired(*words).out, "a report that is gone is written again"


@pytest.mark.usefixtures("few")
def test_a_demo_that_can_not_be(unpaired: Command, trained: Path, tmp_path: Path) -> None:
    assert "minutes 0 is not above 0" in unpaired("demo", "--out", tmp_path / "run", "--minutes", 0).sentence
    assert not (tmp_path / "run").exists()
    assert "another training" in unpaired("demo", "--out", trained).sentence
    assert unpaired("demo", "--out", tmp_path / "run", "--minutes", 0.002, "--seed", 3).status == 0
    assert "--seed 3" in unpaired("demo", "--out", tmp_path / "run", "--seed", 4).sentence
