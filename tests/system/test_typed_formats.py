"""Formats as a person meets them: bands and colours, volumes, other endings, and files that can't be used."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from terminal import TINY, Command, fill, shell

tifffile = pytest.importorskip("tifffile")


def bands(folder: Path, count: int = 6) -> Path:
    folder.mkdir()
    for i in range(count):
        values = np.random.default_rng(i).integers(0, 4000, (40, 44, 5), np.uint16)
        tifffile.imwrite(folder / f"{i}.tif", values, photometric="minisblack", planarconfig="contig", metadata=None)
    return folder


def test_bands_and_colours_from_training_to_files(unpaired: Command, tmp_path: Path) -> None:
    a, b, run = bands(tmp_path / "a"), fill(tmp_path / "b", 6), tmp_path / "run"
    told = unpaired("train", a, b, "--out", run, *TINY)
    assert told.status == 0, told
    assert "5 bands of uint16; values from 0 to 4095 become -1 to 1" in told.out + told.err
    options = ("--device", "cpu", "--no-trust")
    assert unpaired("translate", run, a, "--out", tmp_path / "to-b", "--direction", "a2b", *options).status == 0
    with Image.open(tmp_path / "to-b/0.tif") as made:
        assert (made.mode, made.size) == ("RGB", (44, 40))
    told = unpaired("translate", run, b, "--out", tmp_path / "no", "--direction", "b2a", *options)
    assert told.status == 1
    assert "5 × uint16; choose another format, such as .tif" in told.out + told.err
    to_a = ("translate", run, b, "--out", tmp_path / "to-a", "--direction", "b2a", *options)
    assert unpaired(*to_a, "--format", "tif").status == 0
    made = tifffile.imread(tmp_path / "to-a/00.tif")
    assert (made.shape, made.dtype) == ((40, 40, 5), np.uint16)
    assert "'tiv' is unknown" in unpaired(*to_a, "--format", "tiv").err
    told = unpaired("train", a, b, "--out", tmp_path / "no-run", *TINY, "--discriminator.kind", "projected")
    assert told.status == 1
    assert "take --discriminator.kind patchgan" in told.err


def test_what_can_not_be_used_is_named_and_the_rest_goes_on(run: Path, tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 1)
    holes = np.ones((40, 40), np.float32)
    holes[3, 4] = np.nan
    tifffile.imwrite(folder / "holes.tif", holes)
    tifffile.imwrite(folder / "bands.tif", np.zeros((40, 40, 5), np.uint8), photometric="minisblack",
                     planarconfig="contig", metadata=None)  # fmt: skip
    np.save(folder / "greedy.npy", np.zeros((4, 4), np.uint8))
    head = (folder / "greedy.npy").read_bytes()
    (folder / "greedy.npy").write_bytes(head.replace(b"(4, 4), ", b"(100000, 100000), ").ljust(300))
    Image.new("RGB", (40, 40), "red").save(folder / "really.bmp")
    (folder / "really.bmp").rename(folder / "really.png")
    (folder / "circle").symlink_to(folder)
    (folder / "self.png").symlink_to("self.png")
    (folder / os.fsdecode(b"caf\xe9.png")).write_bytes((folder / "00.png").read_bytes())
    (folder / "00_mask.png").write_bytes((folder / "00.png").read_bytes())
    (folder / "report.dcm").write_bytes(b"")
    told = shell("translate", run, folder, "--out", tmp_path / "out", "--direction", "a2b", "--device", "cpu",
                 "--no-trust", limit=120)  # fmt: skip
    assert told.status == 1
    assert "Traceback" not in told.out + told.err
    for sentence in (
        "holes.tif: holds 1 values that are no numbers (NaN or infinite)",
        "bands.tif: has 5 bands of uint8, and domain A of the run 3",
        "GiB of values (100000×100000)",
        "self.png: cannot be read (Too many levels of symbolic links)",
        "report.dcm: empty (0 bytes)",
        "00_mask.png: a mask of 00.png, by its name",
    ):
        assert sentence in told.err, (sentence, told.err)
    names = {os.fsencode(p.name) for p in (tmp_path / "out").iterdir()} - {b"manifest.jsonl"}
    assert names == {b"00.png", b"really.png", b"caf\xe9.png"}
    with Image.open(tmp_path / "out/really.png") as made:
        assert made.format == "PNG"


def test_resizing_by_the_names_of_the_authors(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    wide = "a width of 36 px"
    for name, said in (
        ("scale-width", wide), ("scale-width-and-crop", wide), ("crop", "as they are"), ("resize-and-crop", "36×36 px"),
    ):  # fmt: skip
        told = unpaired("train", *domains, "--out", tmp_path / name, *TINY, "--resize", name, "--images", "2")
        assert told.status == 0, told
        assert said in told.out + told.err


def test_sidecars_are_counted_in_one_line_and_places_on_earth_go_along(
    unpaired: Command, run: Path, tmp_path: Path
) -> None:
    folder = fill(tmp_path / "in", 2)
    for name in ("00.json", "00.png.aux.xml", "00.txt", "01.xml", "Thumbs.db", ".DS_Store"):
        (folder / name).write_text("{}")
    place = "10\n0\n0\n-10\n500000\n5000000\n"
    (folder / "00.pgw").write_text(place)
    (folder / "00.prj").write_text("PROJCS[]")
    words = ("translate", run, folder, "--direction", "a2b", "--device", "cpu", "--no-trust")
    told = unpaired(*words, "--out", tmp_path / "out")
    assert (told.status, told.err) == (0, "Passed over 8 sidecars, hidden files and such.\n")
    assert told.out.endswith("2 translated into " + str(tmp_path / "out") + ", 8 skipped, 0 failed.\n")
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "00.pgw", "00.png", "00.prj", "01.png", "manifest.jsonl",
    ]  # fmt: skip
    assert unpaired(*words, "--out", tmp_path / "tif", "--format", "tif").status == 0
    assert (tmp_path / "tif/00.tfw").read_text() == place
    assert (
        "Passed over 8 sidecars" in unpaired("train", folder, fill(tmp_path / "b"), "--out", tmp_path / "t", *TINY).out
    )
