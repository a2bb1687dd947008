"""What is measured while training, on what, when, and that the training is the same without it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tiny import TINY, bits, paint, plan

import unpaired
from unpaired.compute.ranks import Ranks
from unpaired.data.discover import discover
from unpaired.errors import UserError
from unpaired.evaluation.result import Evaluation
from unpaired.methods import METHODS
from unpaired.run import checkpoints
from unpaired.run.record import Folders
from unpaired.training import events, start
from unpaired.training.best import Judge, Verdict
from unpaired.training.course import Course
from unpaired.training.engine import Engine
from unpaired.training.session import Session

Four = tuple[Path, Path, Path, Path]


@pytest.fixture(scope="session")
def folders(pictures: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Four:
    """Two training folders, and two test folders whose files are pairs by name. Not to be changed."""
    root = tmp_path_factory.mktemp("tests")
    return *pictures, paint(root / "a", 10, seed=3), paint(root / "b", 10, seed=4)


@pytest.fixture(scope="session")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Folders large enough that a tenth of them can be measured. Not to be changed."""
    root = tmp_path_factory.mktemp("many")
    return paint(root / "a", 103, seed=5), paint(root / "b", 110, seed=6)


def _measured(run: Path) -> list[events.Event]:
    return [e for e in events.read(run) if e["kind"] == "evaluation"]


def _trained(folders: Four, run: Path, **training: Any) -> Path:
    a, b, test_a, test_b = folders
    return unpaired.train(a, b, test_a=test_a, test_b=test_b, out=run, config=plan(TINY, **training))


def _begun(a: Path, b: Path, run: Path, **training: Any) -> Session:
    return start.begin(plan(TINY, **training), Folders(a=a, b=b), run)


def test_many_pictures_are_measured_block_by_block(
    folders: Four, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = _measured(_trained(folders, tmp_path / "whole", held_out=10))
    monkeypatch.setattr("unpaired.evaluation.pictures.BLOCK", 4)
    assert [e["result"] for e in _measured(_trained(folders, tmp_path / "blocks", held_out=10))] == [
        e["result"] for e in whole
    ]


def test_measuring_changes_no_bit_and_goes_on_where_it_was(folders: Four, whole: Path, tmp_path: Path) -> None:
    run = _trained(folders, tmp_path / "run", held_out=10, evaluate_every=3, keep=9)
    assert bits(run, 8) == bits(whole, 8), "a training that measures is the one that does not"
    assert [e["images"] for e in _measured(run)] == [3, 6, 8]
    one = _measured(run)
    shutil.rmtree(run / "checkpoints" / "images-000000008")
    unpaired.resume(run)
    two = _measured(run)
    assert bits(run, 8) == bits(whole, 8)
    same = ("images", "value", "result", "best")
    assert [[e[k] for k in same] for e in two] == [[e[k] for k in same] for e in one]


def test_what_is_told_of_an_evaluation(folders: Four, tmp_path: Path) -> None:
    run = _trained(folders, tmp_path / "run", held_out=10, evaluate_every=4)
    told = _measured(run)
    assert {e["measure"] for e in told} == {"KID (EfficientNet-Lite0) of 10 pictures"}
    assert len({e["pictures"] for e in told}) == 1
    for e in told:
        kids = [e["result"]["directions"][d]["measures"]["KID (EfficientNet-Lite0)"] for d in ("a2b", "b2a")]
        assert e["value"] == pytest.approx(sum(k["translator"] for k in kids) / 2)
        assert e["spread"] == pytest.approx(sum(k["spread"] ** 2 for k in kids) ** 0.5 / 2)
        assert all(k["do_nothing"] is not None for k in kids)
        assert "PSNR to true pairs (dB)" in e["result"]["directions"]["a2b"]["measures"]
        assert e["took"] > 0
    best = min(told, key=lambda e: e["value"])
    assert best["best"]
    assert checkpoints.best(run) == run / "checkpoints" / best["checkpoint"]
    kept = {f"{e['images']:09d}-{d}.png" for e in (best, told[-1]) for d in ("a2b", "b2a")}
    assert {p.name for p in (run / "evaluations").iterdir()} == kept, "pictures of the best and of the last"
    for name in kept:
        with Image.open(run / "evaluations" / name) as sheet:
            assert sheet.size == (3 * 32, 6 * 32)
    gallery = told[-1]["gallery"]["a2b"]
    distances = [row["distance"] for row in gallery["rows"]]
    assert distances == sorted(distances)
    assert (len(distances), gallery["columns"]) == (6, 3)
    shown = {e["images"] for e in events.read(run) if e["kind"] == "preview"}
    assert shown >= {e["images"] for e in told}, "the pictures of the best and of the last are there"


def test_a_training_that_is_over_says_which_held_out_pictures_are_unusual(
    many: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unpaired.training.session.WORTH", 0.0)
    a, b = many
    run = unpaired.train(a, b, out=tmp_path / "run", config=plan(TINY, images=2, held_out=100))
    [told] = [e for e in events.read(run) if e["kind"] == "trust"]
    assert told["limit"] == 99
    for direction in ("a2b", "b2a"):
        sheet = told["gallery"][direction]
        percentiles = [row["distance"] for row in sheet["rows"]]
        assert percentiles == sorted(percentiles)
        assert 0 <= percentiles[0] <= percentiles[-1] <= 100
        with Image.open(run / sheet["file"]) as picture:
            assert picture.size == (2 * 32, 6 * 32)
    assert (run / "trust-a.safetensors").exists(), "translate asks no second time"


def test_that_too_few_pictures_tell_what_is_usual_is_said(
    folders: Four, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unpaired.training.session.WORTH", 0.0)
    run = _trained(folders, tmp_path / "run", images=2, held_out=10)
    [told] = [e for e in events.read(run) if e["kind"] == "trust"]
    assert "at least 50 are needed" in told["reason"]
    page = " ".join(unpaired.write_report(run).read_text().split())
    assert "which held-out pictures are unlike" in page.lower()
    assert "at least 50 are needed" in page


def test_a_tenth_is_held_out_where_there_are_no_test_folders(many: tuple[Path, Path], tmp_path: Path) -> None:
    session = _begun(*many, tmp_path / "run", held_out=100)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["counts"] == {"a": 93, "b": 100}
    judge = session.judge
    assert judge is not None
    assert (len(judge.a), len(judge.b), len(judge.pairs)) == (10, 10, 10), "files of one name are held out together"
    trained = {p.tobytes() for cache in session.batches._caches.values() for p in cache}  # pyright: ignore
    assert len(trained) == 193
    for picture in judge.a:
        resized = Image.fromarray(picture).resize((40, 40), Image.Resampling.BICUBIC)
        assert resized.tobytes() not in trained
    told = events.read(tmp_path / "run")[0]["sentences"]
    assert "Measured while training on 10 of A and 10 of B, held out of training." in told
    again = _begun(*many, tmp_path / "again", held_out=100)
    assert again.judge is not None
    assert again.judge.digest == judge.digest


def test_held_out_pictures_stay_held_out_on_resuming(many: tuple[Path, Path], tmp_path: Path) -> None:
    unpaired.train(*many, out=tmp_path / "run", config=plan(TINY, images=1, held_out=10))
    with pytest.raises(UserError, match="--held-out"):
        unpaired.resume(tmp_path / "run", images=2, change=lambda c: plan(c, held_out=0))
    unpaired.resume(tmp_path / "run", images=2, change=lambda c: plan(c, evaluate_every=1))
    assert [e["images"] for e in _measured(tmp_path / "run")] == [1, 2]


def test_too_few_pictures_are_said_to_be(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    session = _begun(*pictures, tmp_path / "few", held_out=100)
    assert session.judge is None
    assert session.record.counts == {"a": 12, "b": 12}
    told = " ".join(events.read(tmp_path / "few")[0]["sentences"])
    assert "there are too few pictures to hold a tenth out: 100 of each domain are needed" in told
    _begun(*pictures, tmp_path / "none", held_out=0)
    assert "Nothing is measured while training (--held-out 0)." in events.read(tmp_path / "none")[0]["sentences"]


def test_test_folders_come_in_two_and_are_not_trained_on(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    for more, sentence in (
        ({"test_a": pictures[0]}, "name both"),
        ({"test_a": pictures[0], "test_b": pictures[1]}, "is trained on"),
        ({"test_a": tmp_path, "test_b": tmp_path}, "both domains"),
    ):
        with pytest.raises(UserError, match=sentence):
            unpaired.train(*pictures, out=tmp_path / "run", config=TINY, **more)
    assert not (tmp_path / "run").exists()


def test_evaluations_take_a_twentieth_of_the_time_unless_asked_for(many: tuple[Path, Path], tmp_path: Path) -> None:
    session = _begun(*many, tmp_path / "run", held_out=10)
    session.course.evaluations.append({"seconds": 100.0, "took": 10.0})
    for seconds, due in ((150.0, False), (299.0, False), (300.0, True)):
        session.clock.seconds = seconds
        assert session._evaluation_is_due(last=False) == due  # pyright: ignore
        assert session._evaluation_is_due(last=True)  # pyright: ignore


@pytest.mark.parametrize(("channels_a", "channels_b"), [(1, 3), (3, 1)])
def test_grey_pictures_are_judged(folders: Four, channels_a: Any, channels_b: Any) -> None:
    config = replace(
        TINY,
        data=replace(TINY.data, channels_a=channels_a, channels_b=channels_b),
        loss=replace(TINY.loss, identity=0),
    )
    engine = Engine(METHODS["cyclegan"](config), config, torch.device("cpu"), Ranks())
    judge = Judge({"a": discover(folders[2]), "b": discover(folders[3])}, config, engine)
    verdict = judge()
    assert set(verdict.result.directions) == {"a2b", "b2a"}
    assert verdict.value == judge().value


# What evaluations tell together.


def _verdict(value: float, *, diversity: float = 1.0) -> Verdict:
    result = Evaluation(extractor="eyes", side=(8, 8), directions={})
    return Verdict(result, value, 0.014, {"a2b": {"diversity": diversity}}, {})


def _told(verdicts: list[Verdict]) -> list[list[str]]:
    """What is new at each evaluation; the course goes through the log each time, as on resuming."""
    evaluations: list[Any] = []
    found: list[list[str]] = []
    for i, verdict in enumerate(verdicts):
        course = Course(json.loads(json.dumps(evaluations)))
        flat, bad = course.judged(1000 * i, verdict)
        found.append(course.sentences(verdict, flat, bad, "images-000000001"))
        facts = {"value": verdict.value, "spread": verdict.spread, "signs": verdict.signs}
        evaluations.append({"images": 1000 * i, "flat": flat is not None, "warnings": bad, **facts})
    return found


def test_flat_and_bad_are_told_once() -> None:
    found = _told([_verdict(0.1) for _ in range(14)])
    assert [len(sentences) for sentences in found] == [0] * 8 + [1] + [0] * 5
    assert found[8][0].startswith("No better for 7,000 images: KID fell by ")
    assert "You can stop; the best checkpoint is images-000000001." in found[8][0]
    found = _told([_verdict(1 - i / 10, diversity=1.0 if i < 3 else 0.2) for i in range(9)])
    assert [len(sentences) for sentences in found] == [0, 0, 0, 0, 1, 0, 0, 0, 0]
    assert "become alike" in found[4][0]


def test_a_training_stops_when_it_is_flat(folders: Four, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unpaired.training.best.Judge.__call__", lambda judge, terms: _verdict(0.1))
    run = _trained(folders, tmp_path / "run", images=40, held_out=10, evaluate_every=1, stop_when_flat=True)
    told = events.read(run)
    assert told[-1]["kind"] == "end"
    assert (told[-1]["reason"], told[-1]["images"]) == ("flat", 9)
    assert sum("You can stop" in e["text"] for e in told if e["kind"] == "warning") == 1
    latest = checkpoints.latest(run)
    assert latest is not None
    assert latest.name == "images-000000009"
    run = _trained(folders, tmp_path / "on", images=12, held_out=10, evaluate_every=1)
    assert events.read(run)[-1]["reason"] == "images", "only where it was asked for"
