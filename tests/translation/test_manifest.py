"""The manifest: whole lines or none, whoever dies; and nothing is done twice or lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small import SMALL, Same, write_checkpoint

from unpaired.errors import DiskFull, Interrupted, UserError
from unpaired.translation import pipeline
from unpaired.translation.batch import translate_files
from unpaired.translation.history import History
from unpaired.translation.manifest import Manifest
from unpaired.translation.outcome import MANIFEST, Outcome, digest, outcomes
from unpaired.translation.translator import Translator

Make = Callable[..., Translator]
Disk = Callable[[str], Path]
NAMES = [f"{n:02}.png" for n in range(12)]


def fill(folder: Path, side: int = 12) -> Path:
    for n, name in enumerate(NAMES):
        path = folder / ("deep" if n % 2 else "") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (side, side, 3), np.uint8)).save(path)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def lines(out: Path) -> list[Outcome]:
    return list(outcomes(out / MANIFEST))


def test_every_file_has_one_line_that_is_true(make_translator: Make, tmp_path: Path) -> None:
    source, out = fill(tmp_path / "in"), tmp_path / "out"
    (source / "00.png").write_bytes(b"no picture")
    (source / "notes.txt").write_text("nor this")
    report = translate_files(make_translator(), source, out)
    assert (report.translated, report.kept, report.passed_over, report.failures) == (11, 0, 1, 1)
    told = {Path(o.input).relative_to(source): o for o in lines(out)}
    assert len(told) == len(lines(out)) == 13
    for path, outcome in told.items():
        if outcome.status == "translated":
            assert outcome.output == str(path)
            made = out / path
            assert (outcome.bytes, outcome.sha256) == (made.stat().st_size, digest(made))
        else:
            assert (outcome.output, bool(outcome.reason)) == (None, True)
    header = json.loads((out / MANIFEST).read_text().splitlines()[0])
    assert (header["direction"], header["job"]) == ("a2b", lines(out)[0].job)
    assert not [p for p in out.iterdir() if p.name.startswith(".")]


def test_the_same_again_does_nothing_again(make_translator: Make, tmp_path: Path) -> None:
    source, out, translator = fill(tmp_path / "in"), tmp_path / "out", make_translator()
    translate_files(translator, source, out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*.png")}
    report = translate_files(translator, source, out)
    assert (report.translated, report.kept, report.written) == (0, 12, [])
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*.png")} == before


def test_what_changed_or_is_missing_is_done_again(make_translator: Make, tmp_path: Path) -> None:
    source, out, translator = fill(tmp_path / "in"), tmp_path / "out", make_translator()
    translate_files(translator, source, out)
    before = tree(out)
    (out / "02.png").unlink()
    shutil.copy(source / "04.png", source / "06.png")
    report = translate_files(translator, source, out)
    assert {p.name for p in report.written} == {"02.png", "06.png"}
    assert tree(out) == before | {"06.png": before["04.png"]}


def test_a_translation_that_was_changed_is_never_replaced_unasked(make_translator: Make, tmp_path: Path) -> None:
    source, out, translator = fill(tmp_path / "in"), tmp_path / "out", make_translator()
    translate_files(translator, source, out)
    before = tree(out)
    (out / "02.png").write_bytes(b"retouched by hand")
    report = translate_files(translator, source, out)
    ((path, why),) = report.failed
    assert (path, report.kept) == (source / "02.png", 11)
    assert "changed or damaged since" in why
    assert (out / "02.png").read_bytes() == b"retouched by hand"
    (out / "02.png").unlink()
    assert translate_files(translator, source, out).translated == 1
    assert tree(out) == before


def test_to_overwrite_makes_all_anew_and_goes_on_when_it_was_stopped(
    make_translator: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out, translator = fill(tmp_path / "in"), tmp_path / "out", make_translator()
    assert translate_files(translator, source, out, overwrite=True).translated == 12
    before = tree(out)
    (out / "02.png").write_bytes(b"retouched by hand")
    assert translate_files(translator, source, out, overwrite=True).translated == 12
    assert tree(out) == before
    stop_while_writing(5, monkeypatch)
    with pytest.raises(Interrupted):
        translate_files(translator, source, out, batch=1, overwrite=True)
    monkeypatch.undo()
    report = translate_files(translator, source, out, batch=1, overwrite=True)
    assert (report.translated + report.kept, report.failures) == (12, 0)
    assert 4 <= report.kept < 12
    assert translate_files(translator, source, out, batch=1).kept == 12
    assert translate_files(translator, source, out, batch=1, overwrite=True).kept == 0


def stop_while_writing(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C, once, while that file is written."""
    original, written = pipeline.write_picture, 0

    def write(*args: object) -> None:
        nonlocal written
        written += 1
        if written == number:
            raise KeyboardInterrupt
        original(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(pipeline, "write_picture", write)


def test_another_checkpoint_or_direction_is_another_job(make_translator: Make, tmp_path: Path) -> None:
    source, out, both = fill(tmp_path / "in"), tmp_path / "out", make_translator(direction=None)
    translate_files(both, source, out, "a2b")
    before = tree(out)
    with pytest.raises(UserError, match="made by another checkpoint, direction or option"):
        translate_files(both, source, out, "b2a")
    write_checkpoint(tmp_path / "run", images=200, seed=5)
    newer = Translator.load(tmp_path / "run", direction="a2b", device="cpu", precision="float32")
    with pytest.raises(UserError, match="made by another checkpoint"):
        translate_files(newer, source, out)
    assert tree(out) == before
    assert translate_files(newer, source, out, overwrite=True).translated == 12
    assert translate_files(newer, source, out).kept == 12


def test_stopped_anywhere_the_same_call_ends_with_the_same(
    make_translator: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while the fifth file is written."""
    source, translator = fill(tmp_path / "in"), make_translator()
    translate_files(translator, source, tmp_path / "whole", batch=1)
    stop_while_writing(5, monkeypatch)
    with pytest.raises(Interrupted, match="The same command goes on"):
        translate_files(translator, source, tmp_path / "out", batch=1)
    assert 4 <= len(tree(tmp_path / "out")) < 12
    report = translate_files(translator, source, tmp_path / "out", batch=1)
    assert report.kept == 12 - report.translated > 0
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


@given(cut=st.integers(1, 3000))
@settings(max_examples=8, deadline=None)
def test_a_manifest_cut_anywhere_loses_no_file(cut: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """As after a power cut: what has no line any more is refused unasked, and done again when asked."""
    home = tmp_path_factory.mktemp("cut")
    source, out = fill(home / "in", 8), home / "out"
    same = Translator(SMALL, {"a2b": Same}, device="cpu", precision="float32")
    translate_files(same, source, out)
    before, text = tree(out), (out / MANIFEST).read_bytes()
    (out / MANIFEST).write_bytes(text[:cut])
    if cut < text.index(b"\n"):
        with pytest.raises(UserError, match="no manifest of translations"):
            translate_files(same, source, out, overwrite=True)
        return
    report = translate_files(same, source, out, overwrite=True)
    whole = text[:cut].count(b"\n") + (text[:cut].endswith(b"}") and text[cut : cut + 1] == b"\n")
    assert report.kept == max(0, whole - 1)
    assert report.kept + report.translated == 12
    assert tree(out) == before
    assert translate_files(same, source, out).kept == 12


def test_a_file_that_took_its_name_always_has_its_line(tmp_path: Path) -> None:
    """Killed between the line and the name: the file is not there, and is work to do."""
    source, out = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(b"picture")
    manifest = Manifest(out, "job", {})
    temporary = manifest.temporary(out / "a.png")
    temporary.write_bytes(b"made")
    manifest.finish(source, out / "a.png", temporary)
    assert History(out, "job").is_done(source, out / "a.png")
    (out / "a.png").unlink()
    assert not History(out, "job").is_done(source, out / "a.png")
    assert History(out, "other").of(source) is not None
    assert not History(out, "other").is_done(source, out / "a.png")
    manifest.close()


def test_many_threads_write_whole_lines(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path, "job", {})

    def tell(thread: int) -> None:
        for n in range(50):
            manifest.tell(Path(f"/{thread}-{n}-{'x' * 50 * thread}"), "failed", "why")

    threads = [threading.Thread(target=tell, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert manifest.close() == []
    assert len(lines(tmp_path)) == 400


def test_one_process_at_a_time(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "out", "job", {})
    with pytest.raises(UserError, match="Another process is translating into"):
        Manifest(tmp_path / "out", "job", {})
    manifest.close()
    Manifest(tmp_path / "out", "job", {}).close()


def test_what_killed_processes_left_is_cleared_away_and_their_parts_count(tmp_path: Path) -> None:
    source, out = tmp_path / "a.png", tmp_path / "out"
    source.write_bytes(b"picture")
    part = Manifest(out, "job", {}, "1")
    temporary = part.temporary(out / "a.png")
    temporary.write_bytes(b"made")
    part.finish(source, out / "a.png", temporary)
    part.temporary(out / "b.png").write_bytes(b"half")  # and is killed
    assert History(out, "job").is_done(source, out / "a.png")
    manifest = Manifest(out, "job", {})
    manifest.join()
    manifest.close()
    assert sorted(p.name for p in out.iterdir()) == ["a.png", MANIFEST]
    assert History(out, "job").is_done(source, out / "a.png")


def test_a_manifest_of_something_else_is_left_alone(make_translator: Make, tmp_path: Path) -> None:
    source, out = fill(tmp_path / "in"), tmp_path / "out"
    out.mkdir()
    (out / MANIFEST).write_text('{"image": "a webdataset manifest"}\n')
    with pytest.raises(UserError, match="no manifest of translations"):
        translate_files(make_translator(), source, out, overwrite=True)
    assert [p.name for p in out.iterdir()] == [MANIFEST]


def test_names_that_are_no_text(make_translator: Make, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    fill(source)
    name = os.fsdecode(b"caf\xe9 \xff.png")
    try:
        (source / "00.png").rename(source / name)
    except OSError:
        pytest.skip("this file system takes only names that are text")
    translator = make_translator()
    assert translate_files(translator, source, out).translated == 12
    assert (out / name).is_file()
    assert translate_files(translator, source, out).kept == 12


def test_names_that_are_too_long(make_translator: Make, tmp_path: Path) -> None:
    translator, longest = make_translator(), "x" * 251 + ".png"
    with pytest.raises(UserError, match="File name too long"):
        translate_files(translator, tmp_path / ("x" + longest), tmp_path / "out")
    fill(tmp_path / "in")
    (tmp_path / "in/00.png").rename(tmp_path / "in" / longest)
    assert translate_files(translator, tmp_path / "in" / longest, tmp_path / "out").translated == 1
    with pytest.raises(UserError, match=r"File name too long\. Name another --out"):
        translate_files(translator, tmp_path / "in", tmp_path / ("y" * 256))


def test_a_target_deeper_than_the_system_allows_fails_alone(make_translator: Make, tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    deep = source / "/".join(["d" * 250] * 2)
    deep.mkdir(parents=True)
    (source / "02.png").rename(deep / "02.png")
    out = tmp_path
    while len(str(out)) < 4096 - 400:
        out /= "o" * min(200, 4096 - 300 - len(str(out)))
    ((path, why),) = translate_files(make_translator(), source, out).failed
    assert path == deep / "02.png"
    assert "too long" in why


def test_a_full_disk_stops_at_once_and_room_lets_it_go_on(
    make_translator: Make, tmp_path: Path, small_disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """12 pictures of 14 kB on a disk of 100 kB: what fits is whole, no more is translated, nothing is half there."""
    source, translator, disk = fill(tmp_path / "in", 68), make_translator(), small_disk("100k")
    original, through = pipeline.values.translated, 0

    def translated(*args: Any) -> Any:
        nonlocal through
        through += 1
        return original(*args)

    monkeypatch.setattr(pipeline.values, "translated", translated)
    monkeypatch.setattr(pipeline, "WAITING", 1)
    with pytest.raises(DiskFull, match=r"out is full: \d of 12 files are done\. Make room there") as told:
        translate_files(translator, source, disk / "out", batch=1)
    assert through < 12
    assert f"{len(tree(disk / 'out'))} of 12" in str(told.value)
    assert not list((disk / "out").rglob(".*"))
    translate_files(translator, source, tmp_path / "whole", batch=1)
    whole = tree(tmp_path / "whole")
    made = tree(disk / "out")
    assert len(made) >= 4
    assert made.items() <= whole.items()
    subprocess.run(["mount", "-o", "remount,size=1m", str(disk)], check=True)
    report = translate_files(translator, source, disk / "out", batch=1)
    assert (report.kept, report.failures) == (len(made), 0)
    assert tree(disk / "out") == whole


def test_files_that_may_not_grow_fail_alone_and_so_may_the_manifest(make_translator: Make, tmp_path: Path) -> None:
    """A limit of 3 kB a file: large translations fail, then the manifest is full; nothing is half-written."""
    source = fill(tmp_path / "in")
    for name in ("02.png", "04.png"):
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (99, 99, 3), np.uint8)).save(source / name)
    translator, before = make_translator(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        report = translate_files(translator, source, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert report.translated + report.failures == 12
    assert len(report.failed) == report.failures
    assert 0 < len(report.unrecorded) <= report.failures
    assert {"File too large"} == {why.split(": ")[-1].rstrip(".") for _, why in report.failed}
    assert not list((tmp_path / "out").rglob(".*"))
    made = tree(tmp_path / "out")
    assert len(made) == report.translated
    assert 0 < len(made) < 10
    assert not {"02.png", "04.png"} & made.keys()
    for name in made:
        with Image.open(tmp_path / "out" / name) as image:
            image.load()
