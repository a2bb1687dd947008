"""Tar shards in the place of folders: the same pictures, the same training, and what WebDataset reads and writes."""

from __future__ import annotations

import io
import shutil
import tarfile
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import unpaired
from unpaired import Config, DataConfig, DiscriminatorConfig, GeneratorConfig, TrainingConfig
from unpaired.data.cache import open_cache
from unpaired.data.discover import discover
from unpaired.data.pixels import read_bytes
from unpaired.data.shards import SUFFIX, pack, within
from unpaired.errors import UserError
from unpaired.run import checkpoint

TINY = Config(
    data=DataConfig(size=40, crop=32),
    generator=GeneratorConfig(width=4, blocks=1),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    training=TrainingConfig(images=8, held_out=0, device="cpu", precision="float32", preview_minutes=60),
)


def fill(folder: Path, count: int = 12, seed: int = 0) -> Path:
    for n in range(count):
        path = folder / f"{n % 2}" / f"pic.{n:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        rough = np.random.default_rng([seed, n]).integers(0, 256, (40, 40, 3), np.uint8)
        Image.fromarray(rough).save(path)
    return folder


def packed(folder: Path, out: Path, **options: int) -> list[Path]:
    return pack(folder, list(discover(folder).files), out, **options)


def test_every_picture_is_in_a_shard_once_as_it_was(tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    shards = packed(source, tmp_path / "out", shard_bytes=20_000)
    assert [s.name for s in shards] == [f"shard-{n:06}.tar" for n in range(len(shards))]
    assert len(shards) > 2
    files = discover(tmp_path / "out").files
    assert sorted(map(read_bytes, files)) == sorted(map(read_bytes, discover(source).files))
    assert all((place := within(path)) is not None and place[0] in shards for path in files)
    assert [str(path.parent.name) for path in files] != sorted(str(path.parent.name) for path in files), "shuffled"


def test_packing_is_repeatable_and_seeded(tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    one, two, other = (
        [p.read_bytes() for p in packed(source, tmp_path / name, seed=seed)]
        for name, seed in (("1", 0), ("2", 0), ("3", 1))
    )
    assert one == two
    assert one != other
    with pytest.raises(UserError, match="exists already"):
        packed(source, tmp_path / "1")


def test_names_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("a.b.png", "a_b.png", "a.png", "a.jpg"):
        Image.new("RGB", (40, 40)).save(tmp_path / "in" / name)
    packed(tmp_path / "in", tmp_path / "out")
    keys = [path.name.split(".")[0] for path in discover(tmp_path / "out").files]
    assert len(set(keys)) == 4


def test_a_cache_of_shards_is_that_of_the_files(tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    packed(source, tmp_path / "out", shard_bytes=20_000)

    def cached(folder: Path) -> list[bytes]:
        cache = open_cache(
            discover(folder).files, folder, size=20, resize="square", cache_dir=tmp_path / "cache"
        )  # fmt: skip
        assert not cache.skipped
        return sorted(cache[i].tobytes() for i in range(len(cache)))

    assert cached(source) == cached(tmp_path / "out")
    assert cached(tmp_path / "out") == cached(tmp_path / "out"), "from the cache"


def test_training_on_shards_resumes_exactly(tmp_path: Path) -> None:
    for name in "ab":
        packed(fill(tmp_path / f"files-{name}", seed=ord(name)), tmp_path / name, shard_bytes=20_000)
    config = replace(TINY, training=replace(TINY.training, checkpoint_images=4))

    def bits(run: Path) -> dict[str, str]:
        return checkpoint.read(run / "checkpoints/images-000000008").files

    run = unpaired.train(tmp_path / "a", tmp_path / "b", out=tmp_path / "run", config=config)
    whole = bits(run)
    shutil.rmtree(run / "checkpoints/images-000000008")
    assert bits(unpaired.resume(run)) == whole


def test_shards_are_translated_like_folders(tmp_path: Path) -> None:
    from unpaired.translation.batch import translate_files

    for name in "ab":
        packed(fill(tmp_path / f"files-{name}", 4), tmp_path / name)
    run = unpaired.train(tmp_path / "a", tmp_path / "b", out=tmp_path / "run", config=TINY)
    translator = unpaired.Translator.load(run, direction="a2b", device="cpu")
    report = translate_files(translator, tmp_path / "a", tmp_path / "out")
    assert (report.translated, report.failures) == (4, 0)
    assert len(list((tmp_path / "out/shard-000000.tar").rglob("*.png"))) == 4
    assert translate_files(translator, tmp_path / "a", tmp_path / "out").kept == 4


# Of WebDataset, and of others


@pytest.fixture
def webdataset() -> object:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("webdataset", reason="the oracle of shards")


@pytest.mark.filterwarnings("ignore")
def test_webdataset_reads_what_is_packed(webdataset: object, tmp_path: Path) -> None:
    source = fill(tmp_path / "in")
    shards = packed(source, tmp_path / "out")
    samples = list(webdataset.WebDataset(str(shards[0]), shardshuffle=False))  # type: ignore[attr-defined]
    assert len({sample["__key__"] for sample in samples}) == 12
    assert sorted(s["png"] for s in samples) == sorted(map(read_bytes, discover(source).files))


@pytest.mark.filterwarnings("ignore")
def test_what_webdataset_writes_is_read(webdataset: object, tmp_path: Path) -> None:
    files = discover(fill(tmp_path / "in")).files
    (tmp_path / "out").mkdir()
    with webdataset.TarWriter(str(tmp_path / "out/x.tar")) as writer:  # type: ignore[attr-defined]
        for n, path in enumerate(files):
            writer.write({"__key__": f"{n:03}", "png": path.read_bytes(), "cls": 7})
    found = discover(tmp_path / "out")
    assert [read_bytes(path) for path in found.files] == [path.read_bytes() for path in files]
    assert len(found.skipped) == 12  # the classes, by name


def test_damaged_and_evil_shards_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    packed(fill(tmp_path / "in"), folder)
    (folder / "cut.tar").write_bytes((folder / "shard-000000.tar").read_bytes()[:3000])
    (folder / "packed.tar").write_bytes(b"\x1f\x8b" + bytes(99))
    data = (tmp_path / "in/0/pic.00.png").read_bytes()
    with tarfile.open(folder / "evil.tar", "w") as tar:
        for name in ("../../evil.png", "/evil.png", ".hidden.png"):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    found = discover(folder)
    assert len(found.files) == 12
    told = {path.name: why for path, why in found.skipped}
    assert "cut off" in told["cut.tar"] or "no whole" in told["cut.tar"]
    assert "no whole, uncompressed tar" in told["packed.tar"]
    assert "leads out of it" in told["evil.tar"]
    assert told[".hidden.png"] == "hidden"
    assert SUFFIX == ".tar"
    with pytest.raises(UserError, match=r"nothing\.png does not exist"):
        read_bytes(folder / "shard-000000.tar" / "nothing.png")
