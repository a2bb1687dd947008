"""Masks are found by name, fit their pictures, and go where their pictures go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import DataConfig, Resize
from unpaired.data.cache import Cache, open_cache
from unpaired.data.discover import discover
from unpaired.data.masks import Masks, open_masks, read_mask
from unpaired.data.sampler import Batches
from unpaired.errors import UserError

DATA = DataConfig(size=24, crop=16)


def save(path: Path, values: NDArray[np.uint8], **options: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path, **options)  # pyright: ignore[reportArgumentType]
    return path


def noise(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 2, (height, width), np.uint8) * 255


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Pictures that show their own masks, and the masks, under other endings and in a folder below."""
    for i, name in enumerate(("a", "b", "sub/c")):
        values = noise(24, 32, i)
        save(tmp_path / "pictures" / f"{name}.png", np.repeat(values[..., None], 3, 2))
        save(tmp_path / "masks" / f"{name}.bmp", values)
    return tmp_path / "pictures", tmp_path / "masks"


def opened(root: Path, data: DataConfig = DATA) -> Cache:
    return open_cache(discover(root).files, root, size=data.size, resize=data.resize)


def test_by_name_and_by_mark(folders: tuple[Path, Path]) -> None:
    root, masks = folders
    known = Masks(masks)
    assert known.of(root / "a.png", root) == masks / "a.bmp"
    assert known.of(root / "sub" / "c.png", root) == masks / "sub" / "c.bmp"
    assert known.of(root / "sub" / "a.png", root) is None
    assert Masks(masks / "a.bmp").of(root / "b.png", root) == masks / "a.bmp", "one file for all"
    assert known.of(root / "b.png", root / "b.png") == masks / "b.bmp", "a picture that is the whole domain"
    assert Masks(root).of(root / "a.png", root) is None, "a picture is no mask of itself"
    save(root / "a.jpg", noise(24, 32, 9))
    assert Masks(root).of(root / "a.png", root) is None, "nor of another of its name"
    beside = save(root / "a_mask.png", noise(24, 32, 9))
    assert Masks(root).of(root / "a.png", root) == beside
    assert beside not in discover(root).files
    other = save(root / "a.seg.png", noise(24, 32, 9))
    with pytest.raises(UserError, match=r"are both masks of .*a\.png: take one away"):
        Masks(root).of(root / "a.png", root)
    other.unlink()
    (root / "below").mkdir()
    with pytest.raises(UserError, match=r"lie inside .* as if they were pictures"):
        Masks(root / "below").of(root / "a.png", root)


@settings(deadline=None, max_examples=15)
@given(
    start=st.integers(0, 40), flip=st.booleans(), zoom=st.sampled_from([1.0, 1.5]),
    resize=st.sampled_from(["square", "short", "none"]),
)  # fmt: skip
def test_a_mask_is_cropped_and_mirrored_as_its_picture(
    start: int, flip: bool, zoom: float, resize: Resize, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("masks")
    for i in range(3):
        values = noise(24, 32, i)
        save(root / "pictures" / f"{i}.png", np.repeat(values[..., None], 3, 2))
        save(root / "masks" / f"{i}.png", values)
    data = DataConfig(size=24, crop=16, flip=flip, zoom=zoom, resize=resize)
    pictures = opened(root / "pictures", data)
    masks = open_masks(root / "masks", pictures, root / "pictures", data)
    with_masks = Batches(pictures, pictures, data, seed=1, batch=2, masks={"a": masks}).at(start)
    plain = Batches(pictures, pictures, data, seed=1, batch=2).at(start)
    assert with_masks.masks.keys() == {"a"}
    assert with_masks.masks["a"].shape == (2, 1, 16, 16)
    assert (with_masks.masks["a"] == with_masks.a[:, :1]).all(), "the picture shows its own mask"
    assert (with_masks.a == plain.a).all()
    assert (with_masks.b == plain.b).all()
    assert not plain.masks


def test_a_turned_photo_has_the_size_that_is_seen(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    save(tmp_path / "pictures" / "a.jpg", noise(24, 32, 0), exif=exif)
    save(tmp_path / "masks" / "a.png", noise(32, 24, 0))
    pictures = opened(tmp_path / "pictures")
    assert pictures.sizes == ((24, 32),)
    assert len(open_masks(tmp_path / "masks", pictures, tmp_path / "pictures", DATA)) == 1


def test_what_is_transparent_in_a_mask_is_black(tmp_path: Path) -> None:
    cut = np.zeros((8, 8, 4), np.uint8)
    cut[:4] = 255
    pages = read_mask(save(tmp_path / "m.png", cut), 8, 8)
    assert pages.shape == (1, 8, 8, 1)
    assert pages[0, :, 0, 0].tolist() == [255] * 4 + [0] * 4


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda m: (m / "b.bmp").unlink(), r"b\.png has no mask in .*masks: add one of its name"),
        (lambda m: save(m / "b.bmp", noise(24, 31, 0)), r"b\.bmp is 31×24 px and its picture .*b\.png 32×24 px"),
        (lambda m: save(m / "b.bmp", noise(24, 32, 0) // 255), r"b\.bmp gets no brighter than 1 of 255"),
        (lambda m: (m / "b.bmp").write_bytes(b"BM"), r"The mask .*b\.bmp can't be used"),
        (lambda m: (m / "b.bmp").unlink() or np.save(m / "b.npy", np.ones((24, 32), np.float32)), "8-bit"),
        (lambda m: [save(p, np.zeros((24, 32), np.uint8)) for p in m.rglob("*.bmp")], "All masks in .* are black"),
    ],
    ids=["missing", "size", "units", "damaged", "type", "black"],
)  # fmt: skip
def test_masks_that_do_not_fit_are_refused(spoil: object, said: str, folders: tuple[Path, Path]) -> None:
    root, masks = folders
    pictures = opened(root)
    spoil(masks)  # pyright: ignore
    with pytest.raises(UserError, match=said):
        open_masks(masks, pictures, root, DATA)


def test_a_mask_of_another_size_than_its_picture_is_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "m.png", noise(8, 9, 0))
    with pytest.raises(UserError, match="is 9×8 px and its picture 8×8 px"):
        read_mask(path, 8, 8)
    with pytest.raises(UserError, match="no brighter than 1 of 255"):
        read_mask(save(tmp_path / "n.png", np.full((8, 8), 1, np.uint8)), 8, 8)


def test_a_dark_mask_as_attention_makes_it_is_taken(folders: tuple[Path, Path]) -> None:
    root, masks = folders
    dark = save(masks / "b.bmp", noise(24, 32, 0) // 255 * 40)
    assert read_mask(dark, 24, 32).max() == 40
    assert 40 <= open_masks(masks, opened(root), root, DATA)[1].max() < 60, "resizing overshoots a little"
