"""Files and folders: nothing lost, nothing overwritten, every failure told."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from small import SMALL, Same

from unpaired.cli.doubts import write_changes
from unpaired.data.decode import read_picture
from unpaired.errors import DiskFull, UserError
from unpaired.translation import pipeline
from unpaired.translation.batch import translate_files
from unpaired.translation.outcome import MANIFEST
from unpaired.translation.translator import Translator

Make = Callable[..., Translator]


def save(path: Path, seed: int = 0, size: tuple[int, int] = (16, 20), mode: str = "RGB", **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)
    Image.fromarray(array).convert(mode).save(path, **options)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_keeps_its_structure_formats_and_sizes(make_translator: Make, tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    names = ["a.png", "b.jpg", "deep/er/c.webp", "deep/d.bmp", "deep/e.tiff"]
    for n, name in enumerate(names):
        save(source / name, n, (16 + n, 20))
    before = tree(source)
    seen: list[tuple[int, int]] = []
    report = translate_files(make_translator(), [source], out, progress=lambda *p: seen.append(p))
    assert sorted(str(p.relative_to(out)) for p in report.written) == sorted(names)
    assert (report.skipped, report.failed) == ([], [])
    assert seen == [(n, 5) for n in range(1, 6)]
    for name in names:
        with Image.open(source / name) as a, Image.open(out / name) as b:
            assert (a.format, a.size, a.mode) == (b.format, b.size, b.mode)
    assert tree(source) == before


def test_files_equal_what_the_translator_gives_one_by_one(make_translator: Make, tmp_path: Path) -> None:
    translator = make_translator()
    files = [save(tmp_path / "in" / f"{n:02}.png", n, (16, 20 if n % 3 else 31)) for n in range(20)]
    translate_files(translator, files, tmp_path / "out", batch=4)
    for file in files:
        with Image.open(tmp_path / "out" / file.name) as made:
            difference = np.asarray(made).astype(int) - np.asarray(translator(file)).astype(int)
        assert np.abs(difference).max() <= 1


def test_alpha_and_grey_are_kept(make_translator: Make, tmp_path: Path) -> None:
    files = [
        save(tmp_path / "grey.png", mode="L"),
        save(tmp_path / "clear.png", mode="RGBA"),
        save(tmp_path / "grey.jpg", mode="L"),
    ]
    translate_files(make_translator(), files, tmp_path / "out")
    for file, mode in zip(files, ("L", "RGBA", "L"), strict=True):
        with Image.open(tmp_path / "out" / file.name) as made:
            assert made.mode == mode


def test_a_generator_of_colours_writes_colours(make_translator: Make, tmp_path: Path) -> None:
    file = save(tmp_path / "grey.png", mode="L")
    translate_files(make_translator(channels_a=1), [file], tmp_path / "out")
    assert not read_picture(tmp_path / "out/grey.png").grey


def test_corrupt_files_are_told_and_the_rest_goes_on(make_translator: Make, tmp_path: Path) -> None:
    source = tmp_path / "in"
    good = [save(source / f"good{n}.png", n) for n in range(3)]
    cut = save(source / "cut.png", 7)
    cut.write_bytes(cut.read_bytes()[:200])
    (source / "empty.jpg").touch()
    (source / "text.png").write_text("this is no picture")
    (source / "notes.txt").write_text("nor is this meant to be one")
    report = translate_files(make_translator(), [source], tmp_path / "out")
    assert sorted(p.name for p in report.written) == [p.name for p in good]
    assert sorted(p.name for p, _ in report.failed) == ["cut.png", "empty.jpg", "text.png"]
    assert [p.name for p, _ in report.skipped] == ["notes.txt"]
    assert all(reason for _, reason in report.failed)
    assert sorted(tree(tmp_path / "out")) == [*(p.name for p in good), MANIFEST]


def test_an_input_is_never_overwritten(make_translator: Make, tmp_path: Path) -> None:
    source = tmp_path / "in"
    file = save(source / "a.png")
    (tmp_path / "link").symlink_to(source)
    before = tree(source)
    for inputs, out in (([source], source), ([file], source), ([source], tmp_path / "link")):
        with pytest.raises(UserError, match="overwritten"):
            translate_files(make_translator(), inputs, out, overwrite=True)
    assert tree(source) == before


def test_out_below_the_input_is_no_input_the_next_time(make_translator: Make, tmp_path: Path) -> None:
    save(tmp_path / "a.png")
    translator = make_translator()
    source, out = tmp_path, tmp_path / "out"
    first = translate_files(translator, [source], out)
    assert [p.name for p in first.written] == ["a.png"]
    again = translate_files(translator, [source], out)
    assert (again.written, again.kept) == ([], 1)
    assert translate_files(translator, [source], out, overwrite=True).written == first.written
    assert list(tree(out)) == ["a.png", MANIFEST]


def test_existing_translations_stay_unless_overwriting_is_asked_for(make_translator: Make, tmp_path: Path) -> None:
    files = [save(tmp_path / "in/a.png"), save(tmp_path / "in/b.png")]
    save(tmp_path / "out/b.png", 9)
    before = tree(tmp_path / "out")
    with pytest.raises(UserError, match=r"b\.png exists already"):
        translate_files(make_translator(), files, tmp_path / "out")
    assert tree(tmp_path / "out") == before  # not even a.png was written
    assert len(translate_files(make_translator(), files, tmp_path / "out", overwrite=True).written) == 2
    assert tree(tmp_path / "out")["b.png"] != before["b.png"]


def test_two_inputs_of_one_output_are_refused_before_anything_is_written(make_translator: Make, tmp_path: Path) -> None:
    files = [save(tmp_path / "x/a.png"), save(tmp_path / "y/a.png", 1)]
    with pytest.raises(UserError, match="would both become"):
        translate_files(make_translator(), files, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_missing_inputs_and_a_file_as_out(make_translator: Make, tmp_path: Path) -> None:
    file = save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"no file or folder .*b\.png"):
        translate_files(make_translator(), [file, tmp_path / "b.png"], tmp_path / "out")
    with pytest.raises(UserError, match="is a file"):
        translate_files(make_translator(), [file], file)
    (tmp_path / "out/a.png").mkdir(parents=True)
    with pytest.raises(UserError, match="is a folder"):
        translate_files(make_translator(), [file], tmp_path / "out")


def test_few_pictures_are_in_memory_at_a_time(
    same: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files there are, the pictures between reader and writer stay within the bounds."""
    monkeypatch.setattr(pipeline, "WAITING", 6)
    alive, most, lock = 0, 0, threading.Lock()

    def read(path: Path, axis: int = 2) -> pipeline.Picture:
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return read_picture(path)

    def write(array: np.ndarray, like: object, path: Path) -> None:
        nonlocal alive
        with lock:
            alive -= 1
        path.touch()

    monkeypatch.setattr(pipeline, "read_picture", read)
    monkeypatch.setattr(pipeline, "write_picture", write)
    for n in range(120):
        save(tmp_path / f"in/{n:03}.png", n, (8, 8 + n % 5))
    report = translate_files(same, [tmp_path / "in"], tmp_path / "out", batch=3)
    assert len(report.written) == 120
    assert most <= 3 * 6 + 3  # decoded ahead, waiting for their like, waiting for the writer; and a batch


def test_a_failing_write_is_told(make_translator: Make, tmp_path: Path) -> None:
    files = [save(tmp_path / "in/a.png"), save(tmp_path / "in/sub/b.png")]
    out = tmp_path / "out"
    out.mkdir()
    (out / "sub").write_text("a file where a folder is needed")
    report = translate_files(make_translator(), [tmp_path / "in"], out)
    assert report.written == [out / "a.png"]
    assert [p for p, _ in report.failed] == [files[1]]


def test_one_path_is_enough_and_may_be_text(make_translator: Make, tmp_path: Path) -> None:
    file = save(tmp_path / "in/a.png")
    translator = make_translator()
    assert translate_files(translator, str(file), str(tmp_path / "one")).written == [tmp_path / "one/a.png"]
    assert translate_files(translator, tmp_path / "in", tmp_path / "two").written == [tmp_path / "two/a.png"]
    assert translate_files(translator, [str(file)], tmp_path / "three").written == [tmp_path / "three/a.png"]
    with pytest.raises(UserError, match="batch 0"):
        translate_files(translator, file, tmp_path / "four", batch=0)
    assert not (tmp_path / "four").exists()


def test_a_failure_names_its_file_once(make_translator: Make, tmp_path: Path) -> None:
    file = save(tmp_path / "cut.png")
    file.write_bytes(file.read_bytes()[:200])
    ((path, why),) = translate_files(make_translator(), file, tmp_path / "out").failed
    assert path == file
    assert why.startswith("is damaged")


def test_waiting_pictures_count_with_their_transparency(tmp_path: Path) -> None:
    plain, clear = (read_picture(save(tmp_path / f"{mode}.png", mode=mode)) for mode in ("RGB", "RGBA"))
    assert plain.nbytes == 16 * 20 * 3
    assert clear.nbytes == 16 * 20 * 4


def test_a_name_of_a_picture_is_no_folder(make_translator: Make, tmp_path: Path) -> None:
    file = save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"painted\.PNG is named like a picture: give a folder"):
        translate_files(make_translator(), file, tmp_path / "painted.PNG")
    assert not (tmp_path / "painted.PNG").exists()
    (tmp_path / "painted.PNG").mkdir()
    assert translate_files(make_translator(), file, tmp_path / "painted.PNG").translated == 1


def test_maps_are_of_all_that_was_asked_for_and_stop_where_nothing_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also of what an earlier call translated, which was stopped before its maps, or asked for none."""
    for name in ("in/one.png", "in/two.png", "others/three.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (16, 16), (9, 99, 200)).save(tmp_path / name)
    translator, out = Translator(SMALL, {"a2b": Same}, device="cpu", precision="float32"), tmp_path / "out"
    for given in ("in/one.png", "others"):
        translate_files(translator, tmp_path / given, out)
    report = translate_files(translator, tmp_path / "in", out)
    assert (report.translated, report.kept) == (1, 1)
    told = StringIO()
    write_changes(report, [str(tmp_path / "in")], tmp_path / "maps", Console(file=told))
    assert sorted(path.name for path in (tmp_path / "maps").iterdir()) == ["one.png", "two.png"]
    assert told.getvalue().startswith("2 maps of what was changed in")

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("unpaired.evaluation.changes.replacing", full)
    with pytest.raises(DiskFull, match=r"one\.png cannot be written, since its disk is full"):
        write_changes(report, [str(tmp_path / "in")], tmp_path / "maps", Console(file=told))
