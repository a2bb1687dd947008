"""Every format comes back as it went in: values, depth, bands, pages and what stands beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from unpaired.data.decode import decode, encoded, picture_bytes, read_picture, write_picture
from unpaired.data.formats import deep
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
