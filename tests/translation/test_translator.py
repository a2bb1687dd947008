"""The translator: what it loads, what it takes, what it gives."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small import SMALL, Same, weights, write_checkpoint

from unpaired.config import Config, GeneratorConfig
from unpaired.errors import UserError
from unpaired.networks import build_generator
from unpaired.networks.winograd import WinogradConv2d
from unpaired.run import checkpoint, checkpoints
from unpaired.translation.fit import fitted, pad_to
from unpaired.translation.translator import Translator

Make = Callable[..., Translator]


def picture(height: int, width: int, channels: int = 3, seed: int = 0) -> np.ndarray:
    shape = (height, width) if channels == 1 else (height, width, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def directly(config: Config, state: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    network = build_generator(3, 3, config.generator).eval()
    network.load_state_dict(state)
    with torch.inference_mode():
        return network(x)


def test_it_is_the_generator_of_the_checkpoint(make_translator: Make) -> None:
    translator = make_translator(direction=None)
    x = torch.rand(2, 3, 32, 48) * 2 - 1
    assert torch.equal(translator(x, "a2b"), directly(SMALL, weights(SMALL, "a2b", 0), x))
    assert torch.equal(translator(x, "b2a"), directly(SMALL, weights(SMALL, "b2a", 0), x))
    assert translator.images_seen == 100
    assert translator.directions == ("a2b", "b2a")


def test_float32_that_was_asked_for_is_exact(tmp_path: Path) -> None:
    write_checkpoint(
        tmp_path / "run", dataclasses.replace(SMALL, generator=dataclasses.replace(SMALL.generator, width=64))
    )
    for precision, exact in (("float32", True), ("auto", False)):
        translator = Translator.load(tmp_path / "run", direction="a2b", device="cpu", precision=precision)
        found = [m for m in translator.generator("a2b").modules() if isinstance(m, WinogradConv2d)]
        assert found
        assert {m.exact for m in found} == {exact}


def test_averaged_weights_are_preferred(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, averaged=True)
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    made = Translator.load(tmp_path, direction="a2b", device="cpu", precision="float32")(x)
    assert torch.equal(made, directly(SMALL, weights(SMALL, "a2b", 100), x))
    assert not torch.equal(made, directly(SMALL, weights(SMALL, "a2b", 0), x))


def test_only_the_generator_asked_for_is_read(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path)
    (folder / "generator_ba.safetensors").unlink()
    translator = Translator.load(tmp_path, device="cpu")
    assert translator(picture(16, 16), "a2b").shape == (16, 16, 3)
    with pytest.raises(UserError, match="generator_ba"):
        translator(picture(16, 16), "b2a")


def test_each_draw_of_noise_is_another_translation_that_can_be_repeated(tmp_path: Path) -> None:
    pyramid = dataclasses.replace(SMALL, generator=GeneratorConfig(kind="pyramid", width=3, depth=2))
    write_checkpoint(tmp_path / "run", pyramid)

    def load(draw: int) -> Translator:
        return Translator.load(tmp_path / "run", direction="a2b", device="cpu", draw=draw)

    x = picture(40, 32)
    plain = Translator.load(tmp_path / "run", direction="a2b", device="cpu")
    first, second = load(1), load(2)
    assert np.array_equal(load(0)(x), plain(x))
    assert np.array_equal(load(1)(x), first(x))
    assert len({made.tobytes() for made in (plain(x), first(x), second(x))}) == 3
    assert len({each.fingerprint() for each in (plain, first, second)}) == 3, "another is another job"
    assert load(0).fingerprint() == plain.fingerprint()
    for draw in (-1, 1000):
        with pytest.raises(UserError, match=f"draw {draw} is not from 0 to 999"):
            load(draw)


def test_a_run_without_noise_has_no_draws(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "run")
    with pytest.raises(UserError, match=r"run has no noise, so all draws are the same: leave out draw"):
        Translator.load(tmp_path / "run", draw=1)


def test_best_is_taken_where_marked_else_latest(tmp_path: Path) -> None:
    first = write_checkpoint(tmp_path, images=10, seed=1)
    write_checkpoint(tmp_path, images=20, seed=2)
    assert Translator.load(tmp_path, device="cpu").images_seen == 20
    with pytest.raises(UserError, match="best"):
        Translator.load(tmp_path, checkpoint="best", device="cpu")
    checkpoints.mark_best(tmp_path, first, 0.1, "KID")
    assert Translator.load(tmp_path, device="cpu").images_seen == 10
    assert Translator.load(tmp_path, checkpoint="latest", device="cpu").images_seen == 20
    assert Translator.load(first, device="cpu").images_seen == 10


def test_a_run_without_a_checkpoint_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no checkpoint"):
        Translator.load(tmp_path, device="cpu")
    with pytest.raises(UserError, match="no run"):
        Translator.load(tmp_path / "nowhere", device="cpu")


def test_damaged_or_foreign_weights_are_an_error(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path)
    file = folder / "generator_ab.safetensors"
    file.write_bytes(file.read_bytes()[:-4] + b"oops")
    with pytest.raises(UserError, match="damaged"):
        Translator.load(tmp_path, device="cpu")(picture(16, 16), "a2b")
    other = dataclasses.replace(SMALL, generator=GeneratorConfig(width=8, blocks=1))
    manifest = checkpoint.Manifest(images=7, seconds=0, world=1, config=other, provenance={})
    checkpoint.write(tmp_path / "odd", manifest, {"generator_ab": weights(SMALL, "a2b", 0)}, {})
    with pytest.raises(UserError, match="does not fit"):
        Translator.load(tmp_path / "odd", device="cpu")(picture(16, 16), "a2b")


def test_the_direction_has_to_be_named_where_there_are_two(make_translator: Make) -> None:
    both = make_translator(direction=None)
    with pytest.raises(UserError, match="a2b and b2a"):
        both(picture(16, 16))
    one = make_translator(direction="b2a")
    assert one(picture(16, 16)).shape == (16, 16, 3)
    with pytest.raises(UserError, match="b2a"):
        one(picture(16, 16), "a2b")


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_a_translator_that_changes_nothing_changes_nothing_at_any_size(height: int, width: int) -> None:
    same = Translator(SMALL, {"a2b": Same}, device="cpu", precision="float32")
    for channels in (1, 3):
        array = picture(height, width, channels)
        assert np.array_equal(same(array), array)


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 70), (33, 47), (64, 64)])
@pytest.mark.parametrize("kind", ["resnet", "unet"])
def test_real_generators_take_any_size(make_translator: Make, size: tuple[int, int], kind: str) -> None:
    generator = GeneratorConfig(kind=kind, width=4, blocks=1, depth=4)  # pyright: ignore
    translator = make_translator(dataclasses.replace(SMALL, generator=generator))
    made = translator(picture(*size))
    assert made.shape == (*size, 3)
    assert made.dtype == np.uint8


def test_padding_is_a_reflection_on_the_right_and_below() -> None:
    x = torch.arange(30.0).view(1, 1, 5, 6)
    padded = pad_to(x, 8, 8)
    assert torch.equal(padded[..., :5, :6], x)
    assert torch.equal(padded[..., :5, 6:], x[..., [4, 3]])
    assert torch.equal(padded[..., 5:, :], padded[..., [3, 2, 1], :])
    assert torch.equal(pad_to(x, 20, 8)[..., 5:, :], padded[..., 4:5, :].expand(-1, -1, 15, -1))


def test_sizes_that_fit_are_not_padded() -> None:
    seen: list[tuple[int, ...]] = []

    class Spy(torch.nn.Module):
        multiple = 4

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(tuple(x.shape))
            return x

    fitted(Spy(), torch.zeros(1, 3, 12, 16))
    fitted(Spy(), torch.zeros(1, 3, 13, 1))
    assert seen == [(1, 3, 12, 16), (1, 3, 16, 8)]


def test_the_same_picture_gives_the_same_in_any_company(make_translator: Make) -> None:
    translator = make_translator()
    arrays = [picture(24, 40, seed=n) for n in range(7)] + [picture(32, 32, seed=9)] + [picture(24, 40, seed=8)]
    together = translator.translate_arrays(arrays, batch=5)
    alone = [translator.translate_arrays([a])[0] for a in arrays]
    for one, many, array in zip(alone, together, arrays, strict=True):
        assert many.shape == array.shape
        assert np.abs(one.astype(int) - many.astype(int)).max() <= 1
    assert not np.array_equal(together[0], together[1])


@pytest.mark.parametrize(
    ("mode", "given_back"),
    [("RGB", "RGB"), ("RGBA", "RGBA"), ("L", "L"), ("LA", "LA"), ("1", "L"), ("P", "RGB"), ("CMYK", "RGB")],
)
def test_pil_images_keep_their_kind(make_translator: Make, mode: str, given_back: str) -> None:
    image = Image.fromarray(picture(21, 34)).convert(mode)
    made = make_translator()(image)
    assert (made.mode, made.size) == (given_back, (34, 21))


def test_alpha_is_kept_and_training_s_background_is_what_the_network_sees(same: Translator) -> None:
    colours, alpha = picture(16, 20), picture(16, 20, 1, seed=5) | 32
    image = Image.fromarray(np.dstack([colours, alpha]))
    made = np.asarray(same(image))
    assert np.array_equal(made[:, :, 3], alpha)
    # Rounded to 8 bits over the background, divided by alpha again.
    error = np.abs(made[:, :, :3].astype(float) - colours) * alpha[:, :, None] / 255
    assert error.max() <= 1.0

    seen: list[torch.Tensor] = []

    class Spy(torch.nn.Module):
        multiple = 4

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x

    spy = Translator(SMALL, {"a2b": Spy}, device="cpu", precision="float32")
    spy(Image.new("RGBA", (8, 8), (0, 0, 0, 0)))
    assert torch.equal(seen[0], torch.ones(1, 3, 8, 8))  # white, not the black below it


ATTENTIVE = dataclasses.replace(SMALL, generator=dataclasses.replace(SMALL.generator, attention=True))


def test_attention_is_a_grey_picture_of_where_it_was_painted_anew(make_translator: Make) -> None:
    array = picture(30, 41)
    translator = make_translator(ATTENTIVE)
    share = np.asarray(translator.attention()(Image.fromarray(array)))
    assert share.shape == (30, 41)
    made = translator(array)
    changed = np.abs(made.astype(int) - array).max(2)
    assert (changed - share.astype(int)).max() <= 1, "what was changed is within what attention lets change"
    assert changed.max() > 5
    tiny = Translator.load(translator.source or "", direction="a2b", device="cpu", precision="float32", max_memory=1)
    large = picture(300, 300, seed=2)
    banded = np.asarray(tiny.attention()(Image.fromarray(large))).astype(int)
    assert np.abs(banded - np.asarray(translator.attention()(Image.fromarray(large)))).max() <= 1


def test_a_run_without_attention_says_so(make_translator: Make) -> None:
    with pytest.raises(UserError, match=r"learnt no attention: train with --generator\.attention"):
        make_translator().attention()


def test_exif_orientation_is_honoured(same: Translator, tmp_path: Path) -> None:
    array = np.zeros((16, 24, 3), np.uint8)
    array[:, :6] = 255  # a white stripe on the left
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90°
    Image.fromarray(array).save(tmp_path / "turned.png", exif=exif)
    expected = np.rot90(array, -1)
    with Image.open(tmp_path / "turned.png") as image:
        assert np.array_equal(np.asarray(same(image)), expected)
    assert np.array_equal(np.asarray(same(tmp_path / "turned.png")), expected)
    assert np.array_equal(np.asarray(same(str(tmp_path / "turned.png"))), expected)


@pytest.mark.parametrize("shape", [(20, 24), (20, 24, 1), (20, 24, 3), (20, 24, 4)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_arrays_keep_shape_and_dtype(make_translator: Make, shape: tuple[int, ...], dtype: type) -> None:
    array = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
    given_in = array if dtype is np.uint8 else (array / 255).astype(dtype)
    made = make_translator()(given_in)
    assert (made.shape, made.dtype) == (shape, dtype)
    if len(shape) == 3 and shape[2] == 4:
        assert np.array_equal(made[:, :, 3], given_in[:, :, 3])
    if dtype is not np.uint8:
        in_bytes = make_translator()(array)
        assert np.abs(made * 255 - in_bytes).max() <= (1.0 if shape[-1] != 4 else 255)


def test_floating_arrays_are_not_rounded(same: Translator) -> None:
    array = np.linspace(0, 1, 12 * 12 * 3, dtype=np.float32).reshape(12, 12, 3)
    assert np.abs(same(array) - array).max() < 1e-6


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((4, 4, 2), np.uint8), np.zeros((2, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.int32),
        np.full((4, 4, 3), 200.0, np.float32), np.full((4, 4), np.nan), np.zeros((0, 4, 3), np.uint8),
        torch.zeros(3, 4, 4, dtype=torch.uint8), torch.zeros(2, 4, 4), torch.zeros(4, 4),
        Image.new("I;16", (8, 8)),
        Image.new("F", (8, 8)),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused(same: Translator, wrong: object) -> None:
    with pytest.raises(UserError):
        same(wrong)  # pyright: ignore


@pytest.mark.parametrize("load", [False, True])
@pytest.mark.parametrize("kind", ["film.gif", "deep.png", "deep.tiff", "grey16.png"])
def test_an_opened_picture_is_refused_as_its_path_is(same: Translator, tmp_path: Path, kind: str, load: bool) -> None:
    path = tmp_path / kind
    if kind == "film.gif":
        frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
        frames[0].save(path, save_all=True, append_images=frames[1:])
    elif kind == "deep.png":  # 16 bits in three channels, which Pillow opens as RGB
        chunk = lambda k, c: struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c))  # noqa: E731
        header, rows = struct.pack(">IIBBBBB", 8, 8, 16, 2, 0, 0, 0), (b"\0" + bytes(48)) * 8
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows))
                         + chunk(b"IEND", b""))  # fmt: skip
    else:
        Image.fromarray(np.zeros((8, 8), np.uint16)).save(path)
    with pytest.raises(UserError) as by_path:
        same(path)
    with Image.open(path) as image:
        if load:
            image.load()
        with pytest.raises(UserError) as by_image:
            same(image)
    assert str(path) in str(by_image.value)
    assert str(path) in str(by_path.value)
    if not load:
        with Image.open(io.BytesIO(path.read_bytes())) as image, pytest.raises(UserError):
            same(image)


def test_a_frame_that_was_chosen_is_a_picture(same: Translator, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    with Image.open(tmp_path / "film.gif") as film:
        film.seek(1)
        assert same(film.convert("RGB")).getpixel((0, 0)) == frames[1].getpixel((0, 0))


@pytest.mark.parametrize("wrong", [
    torch.full((3, 8, 8), torch.nan), torch.full((3, 8, 8), 255.0), torch.full((1, 3, 8, 8), -torch.inf),
    torch.zeros(0, 3, 8, 8), torch.zeros(3, 0, 8),
])  # fmt: skip
def test_tensors_that_are_no_pictures(same: Translator, wrong: torch.Tensor) -> None:
    with pytest.raises(UserError, match=r"\[-1, 1\]"):
        same(wrong)


@pytest.mark.parametrize("wrong", [None, 3, ["a.png"], b"\x89PNG"])
def test_things_that_are_no_pictures(same: Translator, wrong: object) -> None:
    with pytest.raises(UserError, match=rf"not {type(wrong).__name__}"):
        same(wrong)  # pyright: ignore


def test_typos_of_a_caller(make_translator: Make, tmp_path: Path) -> None:
    make_translator()
    for wrong, told in (({"checkpoint": "bset"}, "bset"), ({"precision": "bf16"}, "bf16"), ({"direction": "ab"}, "ab")):
        with pytest.raises(UserError, match=told):
            Translator.load(tmp_path / "run", **wrong)  # pyright: ignore


def test_there_and_back_stays_in_range(make_translator: Make) -> None:
    """A residual generator goes a little beyond ±1, which the next translation would refuse."""
    generator = dataclasses.replace(SMALL.generator, residual=True)
    translator = make_translator(dataclasses.replace(SMALL, generator=generator), direction=None)
    there = translator(torch.ones(3, 16, 16), "a2b")
    assert there.abs().max() <= 1
    assert translator(there, "b2a").abs().max() <= 1
    assert translator(np.ones((16, 16, 3), np.float32), "a2b").max() <= 1


@pytest.mark.parametrize("shape", [(3, 20, 24), (2, 3, 20, 24), (1, 20, 24), (2, 1, 20, 24)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_tensors_keep_shape_and_dtype(make_translator: Make, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    x = (torch.rand(shape) * 2 - 1).to(dtype)
    before = x.clone()
    made = make_translator()(x)
    assert (made.shape, made.dtype) == (x.shape, dtype)
    assert made.abs().max() <= 1
    assert torch.equal(x, before)
    made.add_(1)  # an ordinary tensor, not one of inference mode


def test_a_translator_between_grey_and_colour(make_translator: Make) -> None:
    colouring = make_translator(channels_a=1)
    assert colouring(Image.new("L", (16, 16))).mode == "RGB"
    assert colouring(picture(16, 16, 1)).shape == (16, 16, 3)
    assert colouring(torch.zeros(1, 16, 16)).shape == (3, 16, 16)
    assert colouring(torch.zeros(3, 16, 16)).shape == (3, 16, 16)
    greying = make_translator(channels_b=1)
    assert greying(Image.new("RGB", (16, 16))).mode == "L"
    made = greying(picture(16, 16))
    assert made.shape == (16, 16, 3)
    assert (made == made[:, :, :1]).all()
    assert greying(torch.zeros(3, 16, 16)).shape == (3, 16, 16)


def test_colours_become_luminance_for_a_grey_domain() -> None:
    grey_domains = dataclasses.replace(SMALL, data=dataclasses.replace(SMALL.data, channels_a=1, channels_b=1))
    same = Translator(grey_domains, {"a2b": Same}, device="cpu", precision="float32")
    colours = picture(16, 16)
    expected = np.asarray(Image.fromarray(colours).convert("L"))
    assert np.abs(same(colours) - expected[:, :, None].astype(int)).max() <= 1
    assert np.array_equal(same(expected), expected)
