"""Every format comes back as it went in: values, depth, bands, pages and what stands beside them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unpaired.data.decode import decode, encoded, picture_bytes, read_picture, write_picture
from unpaired.data.formats import deep, tiff
from unpaired.data.picture import Picture
from unpaired.errors import UserError


def noise(*shape: int, dtype: str = "uint8", seed: int = 0) -> np.ndarray:
    info = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(info.min, info.max, shape, dtype, endpoint=True)


def same(before: Picture, after: Picture) -> None:
    assert before.pages.dtype == after.pages.dtype
    assert before.pages.shape == after.pages.shape
    assert (before.pages == after.pages).all()
    assert (before.alpha is None) == (after.alpha is None)
    if before.alpha is not None and after.alpha is not None:
        assert (before.alpha == after.alpha).all()


# 16 bits


@settings(deadline=None, max_examples=40)
@given(
    kind=st.sampled_from(["PNG", "PPM"]), bands=st.sampled_from([1, 3]), alpha=st.booleans(),
    height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0, 99),
)  # fmt: skip
def test_sixteen_bits_survive(kind: str, bands: int, alpha: bool, height: int, width: int, seed: int) -> None:
    pages = noise(1, height, width, bands, dtype="uint16", seed=seed)
    clear = noise(1, height, width, dtype="uint16", seed=seed + 1) if alpha and kind == "PNG" else None
    before = Picture(pages, clear, kind)
    data = encoded(pages, before, kind)
    assert deep.is_deep(data)
    same(before, picture_bytes(data, Path("p")))


def test_sixteen_bit_grey_is_what_pillow_reads_and_writes(tmp_path: Path) -> None:
    values = noise(8, 8, dtype="uint16")
    Image.fromarray(values).save(tmp_path / "p.png", dpi=(300, 300))
    picture = read_picture(tmp_path / "p.png")
    assert (picture.pages[0, ..., 0] == values).all()
    write_picture(picture.pages, picture, tmp_path / "again.png")
    with Image.open(tmp_path / "again.png") as again:
        assert (np.asarray(again) == values).all()
        assert np.allclose(again.info["dpi"], 300, atol=0.1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sixteen_bits_stand_upright_like_eight(tmp_path: Path, orientation: int) -> None:
    shallow = noise(4, 6, 3)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    Image.fromarray(shallow).save(tmp_path / "8.png", exif=exif)
    pages = shallow[None].astype(np.uint16) * 257
    (tmp_path / "16.png").write_bytes(encoded(pages, Picture(pages, exif=exif.tobytes()), "PNG"))
    picture = read_picture(tmp_path / "16.png")
    assert (picture.pages[0] == decode(tmp_path / "8.png").astype(np.uint16) * 257).all()
    write_picture(picture.pages, picture, tmp_path / "again.png")
    with Image.open(tmp_path / "again.png") as again:
        assert again.getexif()[0x010F] == "Maker"
        assert 0x0112 not in again.getexif()


def test_a_deep_picture_named_for_a_shallow_format_is_refused_and_nothing_written(tmp_path: Path) -> None:
    pages = noise(1, 4, 4, 3, dtype="uint16")
    for name in ("p.jpg", "p.webp", "p.bmp", "p.gif"):
        with pytest.raises(UserError, match=r"holds 8 bits .* 3 of uint16; choose another format"):
            write_picture(pages, Picture(pages), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_training_sees_sixteen_bits(tmp_path: Path) -> None:
    pages = noise(1, 4, 4, 3, dtype="uint16")
    write_picture(pages, Picture(pages), tmp_path / "p.png")
    assert (decode(tmp_path / "p.png") == pages[0]).all()
    grey = decode(tmp_path / "p.png", channels=1)
    assert grey.dtype == np.uint16
    assert np.abs(grey[..., 0] - pages[0] @ np.array([0.299, 0.587, 0.114])).max() <= 0.5


# Frames


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
@pytest.mark.parametrize("alpha", [False, True])
def test_frames_keep_their_pixels_times_and_repeats(tmp_path: Path, kind: str, alpha: bool) -> None:
    pages = np.stack([np.full((12, 12, 3), (40 * i, 200, 90), np.uint8) for i in range(4)])
    clear = None
    if alpha:
        clear = np.full((4, 12, 12), 255, np.uint8)
        for i in range(4):
            clear[i, :, 3 * i :] = 0
        pages[clear == 0] = 0
    frames = [
        Image.fromarray(p) if clear is None else Image.fromarray(np.dstack([p, a]))
        for p, a in zip(pages, pages[..., 0] if clear is None else clear, strict=True)
    ]
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {"disposal": 2} if kind == "GIF" else {}
    source = tmp_path / f"p.{kind.lower()}"
    frames[0].save(source, save_all=True, append_images=frames[1:], duration=[50, 60, 70, 80], loop=2, **options)
    picture = read_picture(source)
    assert picture.pages.shape == (4, 12, 12, 3)
    write_picture(picture.pages, picture, tmp_path / f"again.{kind.lower()}")
    again = read_picture(tmp_path / f"again.{kind.lower()}")
    same(picture, again)
    assert again.own == picture.own
    assert again.own.durations == (50, 60, 70, 80)
    if clear is None:
        assert (again.pages == pages).all()
    else:
        assert again.alpha is not None
        assert (again.alpha == clear).all()


def test_frames_in_a_format_of_single_pictures_are_refused(tmp_path: Path) -> None:
    pages = noise(2, 4, 4, 3)
    with pytest.raises(UserError, match="JPEG holds one picture, and there are 2"):
        write_picture(pages, Picture(pages), tmp_path / "p.jpg")


def test_too_many_frames_are_refused_before_they_are_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unpaired.data.pixels.MAX_PIXELS", 10_000)
    frames = [Image.new("1", (100, 90), i % 2) for i in range(2)]
    frames[0].save(tmp_path / "p.png", save_all=True, append_images=frames[1:])
    with pytest.raises(UserError, match="make it smaller"):
        read_picture(tmp_path / "p.png")


def test_a_lossless_webp_stays_lossless(tmp_path: Path) -> None:
    pixels = noise(16, 16, 3)
    Image.fromarray(pixels).save(tmp_path / "p.webp", lossless=True)
    picture = read_picture(tmp_path / "p.webp")
    write_picture(picture.pages, picture, tmp_path / "again.webp")
    assert (read_picture(tmp_path / "again.webp").rgb == pixels).all()


# TIFF and NumPy


LAYOUTS = ["YX", "YXS", "SYX", "QYX", "QYXS", "CYX"]


@settings(deadline=None, max_examples=60)
@given(
    dtype=st.sampled_from(["uint8", "uint16", "int16", "float32"]), layout=st.sampled_from(LAYOUTS),
    big=st.booleans(), tiled=st.booleans(), compression=st.sampled_from([None, "zlib", "lzw", "zstd", "packbits"]),
    predictor=st.booleans(), order=st.sampled_from("<>"), seed=st.integers(0, 99),
)  # fmt: skip
def test_tiffs_of_every_kind(
    dtype: str, layout: str, big: bool, tiled: bool, compression: str | None, predictor: bool, order: str, seed: int
) -> None:
    tifffile = pytest.importorskip("tifffile")
    lengths = {"Y": 20, "X": 33, "S": 5, "Q": 3, "C": 4}
    shape = [lengths[axis] for axis in layout]
    random = np.random.default_rng(seed)
    values = random.normal(0, 1000, shape).astype(dtype) if dtype == "float32" else noise(*shape, dtype=dtype)
    options: dict[str, object] = {"metadata": None, "photometric": "minisblack", "bigtiff": big, "byteorder": order}
    if "S" in layout:
        options["planarconfig"] = "separate" if layout == "SYX" else "contig"
    if layout == "CYX":
        options["imagej"], options["metadata"] = True, {"axes": "CYX"}
        big = compression = None
        options |= {"bigtiff": False, "byteorder": ">"}
        if dtype == "int16":
            return
    if tiled and compression != "packbits" and layout != "CYX":
        options["tile"] = (16, 16)
    if compression:
        options |= {"compression": compression, "predictor": predictor and compression != "packbits"}
    content = io.BytesIO()
    tifffile.imwrite(content, values, **options)
    picture = picture_bytes(content.getvalue(), Path("p.tif"))
    bands = {"S": 5, "C": 4}.get(next((a for a in layout if a in "SC"), ""), 1)
    assert picture.pages.shape == (3 if "Q" in layout else 1, 20, 33, bands)
    order_of = [a for a in "QYXSC" if a in layout]
    moved = values.transpose([layout.index(a) for a in order_of]).reshape(picture.pages.shape)
    assert (picture.pages == moved).all()
    again = encoded(picture.pages, picture, "TIFF")
    same(picture, picture_bytes(again, Path("again.tif")))
    if not isinstance(picture.own, tiff.Tiff):  # plain 8-bit grey, which is Pillow's
        return
    with tifffile.TiffFile(io.BytesIO(content.getvalue())) as a, tifffile.TiffFile(io.BytesIO(again)) as b:
        for name in ("is_bigtiff", "byteorder", "is_imagej"):
            assert getattr(a, name) == getattr(b, name)
        for name in ("compression", "predictor", "photometric", "planarconfig", "tile", "is_tiled", "dtype"):
            if name != "planarconfig" or "S" in layout:
                assert getattr(a.pages[0], name) == getattr(b.pages[0], name), name
        assert a.series[0].axes.replace("I", "Q") == b.series[0].axes.replace("I", "Q")
        assert (a.asarray() == b.asarray()).all()


def test_a_place_on_earth_is_kept_by_eight_and_by_sixteen_bits(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
    tags = [
        (33550, "d", 3, (10.0, 10.0, 0.0), True), (33922, "d", 6, (0.0, 0.0, 0.0, 500000.0, 5e6, 0.0), True),
        (34735, "H", len(keys), keys, True), (42113, "s", 6, "-9999", True),
    ]  # fmt: skip
    for dtype, bands in (("uint8", 3), ("uint16", 12)):
        path = tmp_path / f"{dtype}.tif"
        values = noise(16, 16, bands, dtype=dtype)
        tifffile.imwrite(path, values, photometric="rgb" if bands == 3 else "minisblack", planarconfig="contig",
                         metadata=None, extratags=tags, resolution=(300, 300), resolutionunit=2)  # fmt: skip
        picture = read_picture(path)
        write_picture(picture.pages, picture, tmp_path / "again.tif")
        with tifffile.TiffFile(path) as a, tifffile.TiffFile(tmp_path / "again.tif") as b:
            for code in (33550, 33922, 34735, 42113, 282, 283, 296):
                assert a.pages[0].tags[code].value == b.pages[0].tags[code].value
            assert (a.asarray() == b.asarray()).all()
            assert b.pages[0].tags["GeoKeyDirectoryTag"].value == keys
        assert (decode(path) == values).all()


def test_inks_of_sixteen_bits_are_four_bands_and_stay_inks(tmp_path: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    inks = noise(16, 16, 4, dtype="uint16")
    tifffile.imwrite(tmp_path / "cmyk.tif", inks, photometric="separated", metadata=None)
    picture = read_picture(tmp_path / "cmyk.tif")
    assert (picture.pages[0] == inks).all()
    write_picture(picture.pages, picture, tmp_path / "again.tif")
    with tifffile.TiffFile(tmp_path / "again.tif") as file:
        assert file.pages[0].photometric.name == "SEPARATED"
        assert (file.asarray() == inks).all()


def test_other_bands_and_types_than_were_read(tmp_path: Path) -> None:
    """What a translation between domains writes: 12 bands become colours, and the reverse."""
    tifffile = pytest.importorskip("tifffile")
    tifffile.imwrite(tmp_path / "12.tif", noise(16, 16, 12, dtype="uint16"), photometric="minisblack",
                     planarconfig="contig", metadata=None, compression="lzw")  # fmt: skip
    twelve = read_picture(tmp_path / "12.tif")
    colours = noise(1, 16, 16, 3)
    write_picture(colours, twelve, tmp_path / "rgb.tif")
    with Image.open(tmp_path / "rgb.tif") as image:
        assert image.mode == "RGB"
        assert (np.asarray(image) == colours[0]).all()
    photo = Picture(colours, format="PNG")
    write_picture(twelve.pages, photo, tmp_path / "again.tif")
    assert (read_picture(tmp_path / "again.tif").pages == twelve.pages).all()
    floats = np.random.default_rng(0).normal(size=(2, 16, 16, 1)).astype(np.float32)
    write_picture(floats, twelve, tmp_path / "f.tif")
    assert (read_picture(tmp_path / "f.tif").pages == floats).all()


@settings(deadline=None, max_examples=40)
@given(
    dtype=st.sampled_from(["uint8", "int16", "uint16", "int32", "float32", "float64", ">u2"]),
    kind=st.sampled_from(["NPY", "NPZ"]),
    shape=st.sampled_from(
        [(20, 33), (20, 33, 4), (4, 20, 33), (40, 35, 33), (3, 20, 33, 4), (3, 4, 20, 33), (20, 33, 1)]
    ),
)  # fmt: skip
def test_numpy_arrays_keep_their_shape(dtype: str, kind: str, shape: tuple[int, ...]) -> None:
    values = np.random.default_rng(0).integers(0, 100, shape).astype(dtype)
    content = io.BytesIO()
    if kind == "NPY":
        np.save(content, values)
    else:
        np.savez(content, image=values)
    picture = picture_bytes(content.getvalue(), Path("p"))
    again = encoded(picture.pages, picture, kind)
    same(picture, picture_bytes(again, Path("again")))
    loaded = np.load(io.BytesIO(again))
    loaded = loaded["image"] if kind == "NPZ" else loaded
    assert loaded.shape == shape
    assert (loaded == values).all()
    assert (picture.bands == 4) == (4 in shape)


def test_arrays_of_several_kinds_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "p.npz", image=np.zeros((8, 8)), mask=np.zeros((8, 8), np.uint8))
    with pytest.raises(UserError, match=r"several kinds \(image \(8, 8\) float64, mask \(8, 8\) uint8\)"):
        read_picture(tmp_path / "p.npz")
    np.savez(tmp_path / "p.npz", a=np.zeros((8, 8)), b=np.ones((8, 8)))
    picture = read_picture(tmp_path / "p.npz")
    assert picture.pages.shape == (2, 8, 8, 1)
    write_picture(picture.pages, picture, tmp_path / "again.npz")
    with np.load(tmp_path / "again.npz") as again:
        assert again["b"].shape == (8, 8)
        assert (again["b"] == 1).all()
