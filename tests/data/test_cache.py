"""The cache is what decoding gives, and knows what changed."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unpaired.data.cache import Cache, building, index, open_cache
from unpaired.data.decode import decode
from unpaired.data.discover import discover
from unpaired.data.files import default_cache_dir
from unpaired.data.picture import Picture
from unpaired.errors import UserError


def paint(path: Path, seed: int, height: int = 20, width: int = 30) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path, compress_level=0)  # the same size whatever the content
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i in range(6):
        paint(tmp_path / "pictures" / f"{i}.png", i, 20 + i, 30)
    return tmp_path / "pictures"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are decoded, as they are."""
    names: list[str] = []
    real = building.seen

    def noted(data: bytes, path: Path, **options: object) -> Picture:
        names.append(path.name)
        return real(data, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(building, "seen", noted)
    return names


def open_(root: Path, **options: object) -> Cache:
    options = {"size": 12, "resize": "square", "cache_dir": root.parent / "cache", **options}
    return open_cache(discover(root).files, root, **options)  # type: ignore[arg-type]


def expected(path: Path, target: tuple[int, int]) -> np.ndarray:
    return np.asarray(Image.fromarray(decode(path)).resize(target, Image.Resampling.BICUBIC))


def check(cache: Cache, size: int = 12) -> None:
    for i, path in enumerate(cache.files):
        assert (cache[i] == expected(path, (size, size))).all(), path


def leftovers(root: Path) -> list[str]:
    return [p.name for p in (root.parent / "cache").iterdir() if p.name.startswith(".")]


def test_square_is_direct_decoding(root: Path) -> None:
    cache = open_(root)
    assert len(cache) == 6
    assert cache.files == discover(root).files
    assert cache.skipped == []
    assert cache[0].shape == (12, 12, 3)
    assert not cache[0].flags.writeable
    check(cache)


def test_short_keeps_the_aspect(root: Path) -> None:
    cache = open_(root, resize="short", size=10)
    assert cache.shapes[0] == (10, 15, 3)
    assert (cache[0] == expected(cache.files[0], (15, 10))).all()
    assert cache.shapes[5] == (10, 12, 3)
    paint(root / "tall.png", 9, 90, 30)
    cache = open_(root, resize="short", size=10)
    assert cache[6].shape == (30, 10, 3)


def test_grey_and_background(root: Path) -> None:
    Image.new("RGBA", (9, 9)).save(root / "clear.png")
    cache = open_(root, channels=1, background=(90, 90, 90))
    assert cache.channels == 1
    assert cache[6].shape == (12, 12, 1)
    assert (cache[6] == 90).all()


def test_jpeg_by_draft_is_close_to_full_decoding(root: Path) -> None:
    y, x = np.mgrid[:400, :600]
    Image.fromarray(np.stack([x % 256, y % 256, (x + y) % 256], -1).astype(np.uint8)).save(root / "6.jpg", quality=95)
    cache = open_(root, size=48)
    assert np.abs(cache[6].astype(int) - expected(root / "6.jpg", (48, 48))).mean() < 2


def test_second_time_decodes_nothing(root: Path, decoded: list[str]) -> None:
    told: list[tuple[int, int]] = []
    open_(root, progress=lambda done, of: told.append((done, of)))
    assert sorted(decoded) == [f"{i}.png" for i in range(6)]
    assert told == [(i + 1, 6) for i in range(6)]
    decoded.clear()
    check(open_(root, progress=lambda done, of: told.append((done, of))))
    assert decoded == []
    assert len(told) == 6


def test_other_settings_have_another_cache(root: Path, decoded: list[str]) -> None:
    open_(root)
    for options in ({"size": 13}, {"resize": "short"}, {"channels": 1}, {"background": (0, 0, 0)}):
        decoded.clear()
        open_(root, **options)
        assert len(decoded) == 6
    decoded.clear()
    open_(root)
    assert decoded == []


def test_touched_changed_new_and_removed_files(root: Path, decoded: list[str]) -> None:
    before = open_(root)
    kept = before[5].copy()
    decoded.clear()

    os.utime(root / "0.png", (1, 1))
    check(open_(root))
    assert decoded == [], "the content is the same"

    size = (root / "1.png").stat().st_size
    paint(root / "1.png", 77, 21)
    assert (root / "1.png").stat().st_size == size
    check(open_(root))
    assert decoded == ["1.png"], "same size, other content"
    decoded.clear()

    paint(root / "2.png", 2, 50, 50)
    paint(root / "11.png", 11)
    (root / "3.png").unlink()
    cache = open_(root)
    assert [p.name for p in cache.files] == ["0.png", "1.png", "11.png", "2.png", "4.png", "5.png"]
    check(cache)
    assert sorted(decoded) == ["11.png", "2.png"]
    decoded.clear()

    (root / "0.png").unlink()
    check(open_(root))
    assert decoded == [], "removing needs no decoding"
    assert (before[5] == kept).all(), "who has the old one mapped keeps it"
    assert leftovers(root) == []


def test_touched_files_are_hashed_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_(root)
    os.utime(root / "0.png", (1, 1))
    open_(root)
    monkeypatch.setattr(index, "fingerprint", lambda data: pytest.fail("hashed again"))
    open_(root)


def test_corrupt_pictures_are_left_out_and_named(root: Path, decoded: list[str]) -> None:
    data = (root / "2.png").read_bytes()
    (root / "2.png").write_bytes(data[: len(data) // 2])
    cache = open_(root)
    assert len(cache) == 5
    [(path, reason)] = cache.skipped
    assert path == root / "2.png"
    assert "is damaged or cut off" in reason
    check(cache)
    decoded.clear()
    assert open_(root).skipped == cache.skipped
    assert decoded == [], "what is known to be damaged is not tried again"
    (root / "2.png").write_bytes(data)
    cache = open_(root)
    assert cache.skipped == []
    assert decoded == ["2.png"]
    check(cache)


def test_none_left(root: Path) -> None:
    for path in discover(root).files:
        path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"Of 6 pictures in .* none can be used; the first: .*0\.png is damaged"):
        open_(root)
    assert leftovers(root) == []


@pytest.mark.parametrize(
    "damage", ["json", "version", "fields", "short", "long", "no pixels", "no index", "offsets", "kinds"]
)
def test_damaged_cache_is_built_again(root: Path, damage: str, decoded: list[str]) -> None:
    open_(root)
    [home] = [p for p in (root.parent / "cache").iterdir() if p.is_dir()]
    index, pixels = home / "index.json", home / "pixels.u8"
    content = json.loads(index.read_text())
    if damage == "json":
        index.write_text(index.read_text()[:-5])
    elif damage == "version":
        index.write_text(json.dumps({**content, "version": 0}))
    elif damage == "fields":
        del content["files"][1]["path"]
        index.write_text(json.dumps(content))
    elif damage == "offsets":
        content["files"][1]["offset"] += 7
        index.write_text(json.dumps(content))
    elif damage == "kinds":
        content["files"][1]["mtime_ns"] = "late"
        index.write_text(json.dumps(content))
    elif damage == "short":
        os.truncate(pixels, 100)
    elif damage == "long":
        os.truncate(pixels, 10**6)
    else:
        (pixels if damage == "no pixels" else index).unlink()
    decoded.clear()
    check(open_(root))
    assert len(decoded) == 6
    assert leftovers(root) == []


def test_full_disk(root: Path, full_disk: None) -> None:
    with pytest.raises(UserError, match=r"cannot be written: File too large\. Free some space, or .*UNPAIRED_CACHE"):
        open_(root, size=60)
    assert [p for p in (root.parent / "cache").iterdir() if p.is_dir()] == []


def test_unwritable_place(root: Path) -> None:
    with pytest.raises(UserError, match="cannot be written: Not a directory"):
        open_(root, cache_dir=root / "0.png" / "cache")


def test_file_that_vanishes(root: Path) -> None:
    files = discover(root).files
    (root / "4.png").unlink()
    cache = open_cache(files, root, size=12, resize="square", cache_dir=root.parent / "cache")
    assert [path.name for path, _ in cache.skipped] == ["4.png"]
    check(cache)


def test_interrupted_build_leaves_nothing(root: Path) -> None:
    def interrupt(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_(root, progress=interrupt)
    assert [p for p in (root.parent / "cache").iterdir() if p.is_dir()] == []
    check(open_(root))


def test_leftovers_of_a_killed_build_go(root: Path) -> None:
    open_(root)
    [home] = [p for p in (root.parent / "cache").iterdir() if p.is_dir()]
    (home.parent / f".{home.name}-dead").mkdir()
    (home.parent / f".{home.name}-dead" / "pixels.u8").write_bytes(b"half")
    open_(root)
    assert leftovers(root) == []


def test_two_processes_at_once(root: Path) -> None:
    """Both build, change and open one cache for a while; neither fails, and the cache ends whole."""
    files = discover(root).files
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        jobs = [pool.apply_async(_build_often, (root, files)) for _ in range(2)]
        assert [job.get(timeout=120) for job in jobs] == [True, True]
    assert leftovers(root) == []


def _build_often(root: Path, files: tuple[Path, ...]) -> bool:
    for i in range(12):
        part = files if (i + os.getpid()) % 2 else files[:4]
        cache = open_cache(part, root, size=24, resize="square", cache_dir=root.parent / "cache")
        check(cache, 24)
    return len(cache) > 0


def test_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("UNPAIRED_CACHE", str(tmp_path / "own"))
    assert default_cache_dir() == tmp_path / "own"
    monkeypatch.delenv("UNPAIRED_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "unpaired"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / ".cache" / "unpaired"


def test_sizes_and_a_digest_of_the_contents(root: Path) -> None:
    cache = open_(root)
    assert cache.sizes == tuple((30, 20 + i) for i in range(6))
    assert open_(root).digest == open_(root, size=13).digest == cache.digest
    (root / "5.png").rename(root / "6.png")
    assert open_(root).digest == cache.digest, "names do not matter where the order stays"
    paint(root / "0.png", 77, 20)
    assert open_(root).digest != cache.digest
