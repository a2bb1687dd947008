"""`unpaired style`, as it is typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from terminal import Command, paint


def test_a_picture_is_painted(unpaired: Command, tmp_path: Path) -> None:
    content, style = paint(tmp_path / "c.png", 64, 48, "RGBA", seed=1), paint(tmp_path / "s.png", 40, 50, seed=2)
    words = ("style", content, style, "--steps", 2, "--size", 56, "--device", "cpu")
    out = tmp_path / "a new" / "folder" / "painted.png"
    answer = unpaired(*words, "--out", out)
    assert answer.status == 0, answer
    assert answer.out.strip() == str(out)
    with Image.open(out) as made:
        assert (made.size, made.mode) == ((56, 42), "RGBA")
    assert "exists already" in unpaired(*words, "--out", out).sentence
    before = out.read_bytes()
    options = ("--colours", "luminance", "--style-weight", 50, "--smoothness", 0.1, "--scale", 1.5, "--overwrite")
    assert unpaired(*words, "--out", out, *options).status == 0
    assert out.read_bytes() != before


def test_of_several_pages_the_middle_one_is_painted_where_it_is_opaque(unpaired: Command, tmp_path: Path) -> None:
    pages = [Image.new("RGBA", (48, 40), (200, 30, 30, 255)) for _ in range(3)]
    pages[1].paste((0, 0, 0, 0), (0, 0, 24, 40))
    content, out = tmp_path / "c.webp", tmp_path / "o.png"
    pages[0].save(content, save_all=True, append_images=pages[1:], lossless=True)
    assert (
        unpaired("style", content, paint(tmp_path / "s.png"), "--steps", 1, "--device", "cpu", "--out", out).status == 0
    )
    with Image.open(out) as made:
        alpha = np.array(made)[..., 3]
    assert (alpha[:, :24] == 0).all()
    assert (alpha[:, 24:] == 255).all()


def test_several_styles_with_shares(unpaired: Command, tmp_path: Path) -> None:
    c, s, t = (paint(tmp_path / f"{n}.png", 40, 40, seed=i) for i, n in enumerate("cst"))
    words = ("style", c, s, t, "--steps", 1, "--device", "cpu", "--out", tmp_path / "o.jpg")
    assert unpaired(*words, "--shares", 1, 3).status == 0
    assert "3 shares do not belong to 2 style" in unpaired(*words, "--overwrite", "--shares", 1, 2, 3).sentence


def test_mistakes_are_told(unpaired: Command, tmp_path: Path) -> None:
    c, s = paint(tmp_path / "c.png", seed=1), paint(tmp_path / "s.png", seed=2)
    rest = ("--steps", 1, "--device", "cpu")
    assert "at least one style" in unpaired("style", c, "--out", tmp_path / "o.png", *rest).sentence
    assert "one of the inputs" in unpaired("style", c, s, "--out", c, *rest).sentence
    for name in ("o", "o.abc"):
        assert "which format to write" in unpaired("style", c, s, "--out", tmp_path / name, *rest).sentence
    assert "c.png is no folder" in unpaired("style", c, s, "--out", c / "o.png", *rest).sentence
    assert "does not exist" in unpaired("style", c, tmp_path / "no.png", "--out", tmp_path / "o.png", *rest).sentence
    answer = unpaired("style", c, s, "--out", tmp_path / "o.png", "--eyes", "vgg19.pth", *rest)
    assert "no file of that name is there" in answer.sentence
    (tmp_path / "eyes.pth").write_text("none")
    answer = unpaired("style", c, s, "--out", tmp_path / "o.png", "--eyes", tmp_path / "eyes.pth", *rest)
    assert "eyes.pth is damaged or no file of weights" in answer.sentence
    deep = tmp_path / "deep.png"
    Image.fromarray(np.zeros((40, 40), np.uint16)).save(deep)
    answer = unpaired("style", c, deep, "--out", tmp_path / "o.png", *rest)
    assert f"{deep} holds 1 band of uint16, and style transfer takes" in answer.sentence
    assert not list(tmp_path.glob("o*"))
