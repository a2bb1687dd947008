"""Pixels come out right or not at all, and go back into files as they came."""

from __future__ import annotations

import io
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, features

from unpaired.data.decode import Picture, decode, encoded, framed, picture_bytes, read_picture, write_picture
from unpaired.errors import UserError


def noise(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 127 // (width + height)], -1).astype(np.uint8)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


# Decoding


def test_lossless_rgb(tmp_path: Path) -> None:
    pixels = noise(5, 7)
    for name in ("p.png", "p.bmp", "p.tif", "p.ppm"):
        assert (decode(saved(tmp_path / name, Image.fromarray(pixels))) == pixels).all()
    assert (decode(saved(tmp_path / "p.webp", Image.fromarray(pixels), lossless=True)) == pixels).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    """Each orientation as the EXIF standard defines it, by the place of the stored row 0 and column 0."""
    pixels = noise(4, 6)
    right = {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.transpose(1, 0, 2),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).transpose(1, 0, 2),
        8: np.rot90(pixels),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "p.png", Image.fromarray(pixels), exif=exif)
    assert (decode(path) == right).all()
    picture = read_picture(path)
    assert (picture.rgb == right).all()
    write_picture(picture.pages, picture, tmp_path / "again.png")
    assert (decode(tmp_path / "again.png") == right).all(), "upright pixels must not be turned again"


def test_grey_modes(tmp_path: Path) -> None:
    grey = noise(5, 4, 1)
    path = saved(tmp_path / "l.png", Image.fromarray(grey[..., 0]))
    assert (decode(path) == np.repeat(grey, 3, -1)).all()
    assert (decode(path, channels=1) == grey).all()
    bits = saved(tmp_path / "1.png", Image.fromarray(grey[..., 0] > 127))
    assert (decode(bits, channels=1)[..., 0] == np.where(grey[..., 0] > 127, 255, 0)).all()
    assert decode(saved(tmp_path / "c.png", Image.fromarray(noise(5, 4))), channels=1).shape == (5, 4, 1)


def test_palette(tmp_path: Path) -> None:
    colours = np.array([[250, 0, 0], [0, 120, 7]], np.uint8)
    places = noise(6, 6, 1)[..., 0] % 2
    image = Image.fromarray(places, "P")
    image.putpalette(colours.tobytes())
    for name in ("p.png", "p.gif"):
        assert (decode(saved(tmp_path / name, image)) == colours[places]).all()
    shown = decode(saved(tmp_path / "t.png", image, transparency=1), background=(1, 2, 3))
    assert (shown == np.where(places[..., None] == 1, (1, 2, 3), colours[0])).all()
    shown = decode(saved(tmp_path / "b.png", image, transparency=b"\xff\x00"), background=(1, 2, 3))
    assert (shown == np.where(places[..., None] == 1, (1, 2, 3), colours[0])).all()


def test_alpha_over_background(tmp_path: Path) -> None:
    rgba = noise(8, 8, 4)
    background = np.array([10, 200, 30])
    a = rgba[..., 3:] / 255
    right = rgba[..., :3] * a + background * (1 - a)
    shown = decode(saved(tmp_path / "p.png", Image.fromarray(rgba)), background=(10, 200, 30))
    assert np.abs(shown - right).max() <= 1
    la = noise(8, 8, 2)
    right = la[..., :1] * (la[..., 1:] / 255) + 255 * (1 - la[..., 1:] / 255)
    shown = decode(saved(tmp_path / "la.png", Image.fromarray(la, "LA")), channels=1)
    assert np.abs(shown - right).max() <= 1
    assert (decode(saved(tmp_path / "clear.png", Image.new("RGBA", (2, 2)))) == 255).all()


def test_one_transparent_colour(tmp_path: Path) -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    pixels[0, 0] = 9, 8, 7
    path = saved(tmp_path / "p.png", Image.fromarray(pixels), transparency=(9, 8, 7))
    shown = decode(path)
    assert (shown[0, 0] == 255).all()
    assert (shown[1] == 0).all()


def test_cmyk(tmp_path: Path) -> None:
    cmyk = Image.fromarray(np.full((8, 8, 4), (0, 255, 255, 0), np.uint8), "CMYK")  # no cyan, no black: red
    for name in ("p.jpg", "p.tif"):
        red, green, blue = decode(saved(tmp_path / name, cmyk)).mean(axis=(0, 1))
        assert red > 250
        assert max(green, blue) < 5
        assert read_picture(tmp_path / name).notes == ("CMYK became RGB without a colour profile",)


@pytest.mark.parametrize("kind", ["png", "tif", "bmp", "gif"])
def test_a_palette_that_is_lost_is_said(tmp_path: Path, kind: str) -> None:
    """GIF alone is written with a palette again."""
    image = Image.fromarray(noise(8, 8, 3)).quantize(16)
    notes = read_picture(saved(tmp_path / f"p.{kind}", image)).notes
    assert notes == (() if kind == "gif" else ("a palette became full colours",))


@pytest.mark.parametrize(
    ("kind", "codec", "layout", "told"),
    [
        ("avif", "libsvtav1", "yuv420p", None),
        ("avif", "libsvtav1", "yuv420p10le", "has more than 8 bits a channel, of which some would be lost"),
        ("apng", "apng", "rgb24", None),
        ("apng", "apng", "rgb48be", "is an animated PNG of 16 bits, which is not supported"),
    ],
)
def test_deep_pictures_that_are_not_supported(
    tmp_path: Path, kind: str, codec: str, layout: str, told: str | None
) -> None:
    av = pytest.importorskip("av")
    if codec not in av.codecs_available or (kind == "avif" and not features.check("avif")):
        pytest.skip(f"this PyAV has no {codec}, or this Pillow no AVIF")
    path = tmp_path / "p.avif" if kind == "avif" else tmp_path / "p.png"

    def write() -> None:
        with av.open(str(path), "w", format=kind) as container:
            stream = container.add_stream(codec, rate=10)
            stream.width, stream.height, stream.pix_fmt = 64, 64, layout
            for number in range(1 if kind == "avif" else 2):
                frame = av.VideoFrame.from_ndarray(noise(64, 64, 3, seed=number), format="rgb24")
                container.mux(stream.encode(frame.reformat(format=layout)))
            container.mux(stream.encode(None))

    with ThreadPoolExecutor(1) as apart:  # for root, SVT-AV1 makes the thread that calls it a real-time one, for good
        apart.submit(write).result()
    if told is None:
        assert len(read_picture(path).pages) == (1 if kind == "avif" else 2)
    else:
        refused(path, told)


def test_embedded_profile_becomes_srgb(tmp_path: Path) -> None:
    """A picture in linear light is made lighter: 55 / 255 of the light is 128 in sRGB."""
    linear = _linear_profile()
    path = saved(tmp_path / "p.png", Image.new("RGB", (4, 4), (55, 55, 55)), icc_profile=linear)
    assert np.abs(decode(path).astype(int) - 128).max() <= 2
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(tmp_path / "s.png", Image.new("RGBA", (4, 4), (55, 66, 77, 255)), icc_profile=srgb)
    assert (decode(path) == (55, 66, 77)).all()
    path = saved(tmp_path / "d.png", Image.new("RGB", (4, 4), (55, 66, 77)), icc_profile=b"nonsense")
    assert (decode(path) == (55, 66, 77)).all(), "a damaged profile does not cost the picture"


def test_profile_leaves_alpha_alone(tmp_path: Path) -> None:
    image = Image.new("RGBA", (4, 4), (55, 55, 55, 99))
    picture = read_picture(saved(tmp_path / "p.png", image, icc_profile=_linear_profile()))
    assert picture.alpha is not None
    assert (picture.alpha == 99).all()
    assert np.abs(picture.rgb.astype(int) - 128).max() <= 2


def _linear_profile() -> bytes:
    """A matrix profile with sRGB's primaries (to D50) and no tone curve, by hand from the standard."""

    def s15(*numbers: float) -> bytes:
        return b"".join(struct.pack(">i", round(n * 65536)) for n in numbers)

    def xyz(*numbers: float) -> bytes:
        return b"XYZ \0\0\0\0" + s15(*numbers)

    text = b"desc\0\0\0\0" + struct.pack(">I", 7) + b"linear\0" + bytes(78)
    tags = {
        b"desc": text + bytes(-len(text) % 4),
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": xyz(0.4361, 0.2225, 0.0139),
        b"gXYZ": xyz(0.3851, 0.7169, 0.0971),
        b"bXYZ": xyz(0.1431, 0.0606, 0.7141),
        b"rTRC": b"curv" + bytes(8),
        b"gTRC": b"curv" + bytes(8),
        b"bTRC": b"curv" + bytes(8),
    }
    table, body = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + s15(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


def test_draft_is_faster_decoding_of_the_same(tmp_path: Path) -> None:
    pixels = smooth(256, 384)
    path = saved(tmp_path / "p.jpg", Image.fromarray(pixels), quality=95)
    assert decode(path).shape == (256, 384, 3)
    small = decode(path, draft=60)
    assert small.shape == (64, 96, 3)
    area = np.asarray(Image.fromarray(pixels).resize((96, 64), Image.Resampling.BOX), int)
    assert np.abs(small - area).mean() < 3
    for target in range(1, 300, 13):
        height, width, _ = decode(path, draft=target).shape
        assert min(height, width) >= min(target, 256)
    png = saved(tmp_path / "p.png", Image.fromarray(pixels))
    assert decode(png, draft=60).shape == (256, 384, 3)


# What is refused


def refused(path: Path, sentence: str) -> None:
    for read in (decode, read_picture):
        with pytest.raises(UserError, match=sentence) as caught:
            read(path)
        assert path.name in str(caught.value)


def test_what_would_lose_bits_is_refused(tmp_path: Path) -> None:
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 999
    (tmp_path / "p.pgm").write_bytes(b"P5 8 8 4095 " + (deep >> 4).astype(">u2").tobytes())
    refused(tmp_path / "p.pgm", "has 4095 as its greatest value, neither 255 nor 65535")
    (tmp_path / "p.ppm").write_bytes(b"P6 # three times as much\n8 8 65535 " + deep.astype(">u2").tobytes())
    refused(tmp_path / "p.ppm", "is damaged or cut off")


def _png(width: int, height: int, depth: int, colour_type: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["jpg", "png", "webp", "bmp", "gif", "tif", "avif"])
def test_cut_off(tmp_path: Path, kind: str) -> None:
    whole = io.BytesIO()
    Image.fromarray(noise(64, 64)).save(whole, {"jpg": "JPEG", "tif": "TIFF"}.get(kind, kind.upper()))
    data = whole.getvalue()
    for share in (0.5, 0.02):
        path = tmp_path / f"p{share}.{kind}"
        path.write_bytes(data[: int(len(data) * share)])
        refused(path, "damaged|cut off")


def test_corrupt_empty_missing(tmp_path: Path) -> None:
    path = saved(tmp_path / "p.png", Image.fromarray(noise(32, 32)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    refused(path, "is damaged or cut off")
    (tmp_path / "empty.png").touch()
    refused(tmp_path / "empty.png", r"is empty \(0 bytes\)")
    (tmp_path / "text.jpg").write_text("no picture")
    refused(tmp_path / "text.jpg", "is not a picture that can be read")
    refused(tmp_path / "missing.jpg", "does not exist: check the path")
    (tmp_path / "folder.jpg").mkdir()
    refused(tmp_path / "folder.jpg", "is not a file")


@settings(deadline=None, max_examples=60)
@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM"]))
def test_damage_never_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, kind: str
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(smooth(12, 10)).save(buffer, kind)
    damaged = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("damage") / "p"
    path.write_bytes(damaged)
    try:
        assert decode(path).ndim == 3
    except UserError as error:
        sentence = str(error)
    else:
        sentence = str(path)
    assert str(path) in sentence


@pytest.mark.parametrize("side", [13_400, 60_000])
def test_decompression_bomb_is_refused_unopened(tmp_path: Path, side: int) -> None:
    """179 and 3,600 million pixels, promised by a header of a few bytes."""
    path = tmp_path / "bomb.png"
    path.write_bytes(_png(side, side, 1, 0, b""))
    refused(path, "has more than 178 million pixels: make it smaller")


def test_large_but_allowed(tmp_path: Path) -> None:
    """Above Pillow's warning and below the limit: 100 million pixels of one bit, and no warning."""
    path = saved(tmp_path / "large.png", Image.new("1", (10_000, 10_000)))
    assert decode(path, channels=1).shape == (10_000, 10_000, 1)


# Writing


@settings(deadline=None, max_examples=40)
@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    grey=st.booleans(),
    alpha=st.booleans(),
    seed=st.integers(0, 99),
)
def test_png_round_trip(
    tmp_path_factory: pytest.TempPathFactory, height: int, width: int, grey: bool, alpha: bool, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("round")
    mode = {(0, 0): "RGB", (0, 1): "RGBA", (1, 0): "L", (1, 1): "LA"}[grey, alpha]
    channels = len(mode)
    pixels = noise(height, width, channels, seed)
    source = saved(folder / "p.png", Image.fromarray(pixels.squeeze(-1) if channels == 1 else pixels, mode))
    picture = read_picture(source)
    assert picture.grey == grey
    assert (picture.alpha is not None) == alpha
    write_picture(picture.pages, picture, folder / "again.png")
    with Image.open(folder / "again.png") as again:
        assert again.mode == mode
        assert (np.asarray(again).reshape(pixels.shape) == pixels).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF"])
def test_same_format_size_and_resolution(tmp_path: Path, kind: str) -> None:
    suffix = "." + kind.lower()
    source = saved(tmp_path / f"p{suffix}", Image.fromarray(smooth(30, 45)), dpi=(300, 300))
    picture = read_picture(source)
    assert picture.format == kind
    target = 255 - picture.rgb
    write_picture(target, picture, tmp_path / f"out{suffix}")
    write_picture(target, picture, tmp_path / "nameless")
    for path in (tmp_path / f"out{suffix}", tmp_path / "nameless"):
        with Image.open(path) as again:
            assert again.format == kind
            assert again.size == (45, 30)
            if kind in ("JPEG", "PNG", "BMP", "TIFF"):
                assert np.allclose(again.info["dpi"], 300, atol=0.1)
        assert np.abs(decode(path).astype(int) - target).mean() < (20 if kind == "GIF" else 2)


def test_the_name_decides_the_format(tmp_path: Path) -> None:
    jpeg = Picture(smooth(8, 8)[None], format="JPEG")
    write_picture(jpeg.pages, jpeg, tmp_path / "p.png")
    assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")


def test_jpeg_keeps_colour_at_full_resolution_and_grey_grey(tmp_path: Path) -> None:
    source = saved(tmp_path / "g.jpg", Image.fromarray(smooth(16, 16)[..., 0]))
    picture = read_picture(source)
    assert picture.grey
    write_picture(picture.pages, picture, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as again:
        assert again.mode == "L"
    write_picture(smooth(16, 16), Picture(smooth(16, 16)[None], format="JPEG"), tmp_path / "c.jpg")
    with Image.open(tmp_path / "c.jpg") as again:
        assert [layer[1:3] for layer in again.layer] == [(1, 1)] * 3  # type: ignore[attr-defined]


def test_alpha_over_white_where_the_format_has_none(tmp_path: Path) -> None:
    clear = Picture(np.zeros((1, 8, 8, 3), np.uint8), alpha=np.zeros((1, 8, 8), np.uint8))
    for name in ("p.jpg", "p.bmp", "p.ppm"):
        write_picture(clear.pages, clear, tmp_path / name)
        assert (decode(tmp_path / name) == 255).all()


@pytest.mark.parametrize("kind", ["webp", "tif", "gif", "avif"])
@pytest.mark.parametrize("grey", [False, True])
def test_alpha_in_other_formats(tmp_path: Path, kind: str, grey: bool) -> None:
    alpha = np.zeros((16, 16), np.uint8)
    alpha[:, 8:] = 255
    like = Picture(smooth(16, 16)[None, ..., :1] if grey else smooth(16, 16)[None], alpha=alpha[None])
    write_picture(like.pages, like, tmp_path / f"p.{kind}")
    again = read_picture(tmp_path / f"p.{kind}")
    assert again.alpha is not None
    assert (again.alpha == alpha).all()


def test_exif_is_kept_without_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 6
    path = saved(tmp_path / "p.jpg", Image.fromarray(smooth(8, 16)), exif=exif)
    picture = read_picture(path)
    assert picture.rgb.shape == (16, 8, 3)
    for name in ("out.jpg", "out.png", "out.webp"):
        write_picture(picture.pages, picture, tmp_path / name)
        with Image.open(tmp_path / name) as again:
            assert again.getexif()[0x010F] == "Maker"
            assert 0x0112 not in again.getexif()
            assert again.size == (8, 16)


def test_a_grey_palette_is_grey(tmp_path: Path) -> None:
    path = saved(tmp_path / "p.gif", Image.fromarray(smooth(8, 8)[..., 0]))
    assert read_picture(path).grey


def test_failed_writing_leaves_what_was_there(tmp_path: Path, full_disk: None) -> None:
    path = tmp_path / "p.png"
    path.write_bytes(b"before")
    picture = Picture(noise(100, 100)[None])
    with pytest.raises(UserError, match=r"p\.png cannot be written: File too large"):
        write_picture(picture.pages, picture, path)
    assert path.read_bytes() == b"before"
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"]


def test_unwritable_place_and_wrong_shapes(tmp_path: Path) -> None:
    picture = Picture(noise(4, 4)[None])
    with pytest.raises(UserError, match="cannot be written: No such file or directory"):
        write_picture(picture.pages, picture, tmp_path / "missing" / "p.png")
    with pytest.raises(UserError, match=r"3 × float32; choose another format, such as \.tif"):
        write_picture(picture.rgb.astype(np.float32), picture, tmp_path / "p.png")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="alpha is"):
        write_picture(noise(5, 5), Picture(noise(4, 4)[None], alpha=np.zeros((1, 4, 4), np.uint8)), tmp_path / "p.png")


def test_what_trains_unresized_is_looked_at_in_its_middle() -> None:
    array = np.random.default_rng(0).integers(0, 256, (10, 14, 3), dtype=np.uint8)
    assert (framed(array, 6, "none") == array[2:8, 4:10]).all()
    assert framed(array, 12, "none").shape == (12, 12, 3), "what is smaller is enlarged"
    assert framed(array, 6, "square").shape == framed(array, 6, "short").shape == (6, 6, 3)
    assert not (framed(array, 6, "square") == array[2:8, 4:10]).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".gif", ".tif"])
def test_in_memory_and_through_files_are_the_same(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture{suffix}"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (9, 12, 3), dtype=np.uint8)).save(path)
    picture = read_picture(path)
    again = picture_bytes(path.read_bytes(), path)
    assert np.array_equal(again.rgb, picture.rgb)
    write_picture(picture.pages, picture, tmp_path / f"out{suffix}")
    assert encoded(picture.rgb, picture, picture.format) == (tmp_path / f"out{suffix}").read_bytes()


def test_a_lower_quality_is_smaller() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    sizes = [len(encoded(rgb, Picture(rgb[None]), "JPEG", quality=quality)) for quality in (20, 95)]
    assert sizes[0] < sizes[1] / 2
