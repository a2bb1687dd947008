"""A translation over its picture: black leaves, white takes, grey mixes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from small import SMALL, Same
from torch import nn

from unpaired.config import DataConfig
from unpaired.data.picture import Picture
from unpaired.errors import UserError
from unpaired.translation.batch import translate_files
from unpaired.translation.composite import check_alike, laid_over
from unpaired.translation.translator import Translator


@settings(deadline=None)
@given(
    seed=st.integers(0, 9), dtype=st.sampled_from(["uint8", "uint16", "float32"]), pages=st.integers(1, 3),
    one=st.booleans(),
)  # fmt: skip
def test_black_is_the_picture_and_white_the_translation_to_the_bit(
    seed: int, dtype: str, pages: int, one: bool
) -> None:
    rng = np.random.default_rng(seed)
    own, new = (rng.uniform(0, 255, (pages, 6, 5, 3)).astype(dtype) for _ in range(2))
    mask = rng.choice([0, 100, 255], (1 if one else pages, 6, 5, 1)).astype(np.uint8)
    made = laid_over(Picture(new), Picture(own), mask).pages
    whole = np.broadcast_to(mask, own.shape)
    assert made.dtype == own.dtype
    assert np.array_equal(made[whole == 0], own[whole == 0])
    assert np.array_equal(made[whole == 255], new[whole == 255])
    mixed = (100 * new.astype(float) + 155 * own.astype(float)) / 255
    assert np.abs(made - mixed)[whole == 100].max(initial=0) <= (0.5 if dtype != "float32" else 1e-3)


def test_what_does_not_fit_is_refused() -> None:
    own, mask = Picture(np.zeros((2, 4, 4, 3), np.uint8)), np.zeros((1, 4, 4, 1), np.uint8)
    for other in (np.zeros((2, 4, 4, 1), np.uint8), np.zeros((2, 4, 4, 3), np.uint16)):
        with pytest.raises(UserError, match="can't be laid over each other"):
            laid_over(Picture(other), own, mask)
    with pytest.raises(UserError, match="its mask 3"):
        laid_over(own, own, np.zeros((3, 4, 4, 1), np.uint8))
    check_alike(SMALL.data, "a2b")
    for data in (DataConfig(channels_a=1), DataConfig(range_a=(0.0, 4095.0), dtype_a="uint16")):
        with pytest.raises(UserError, match="the same bands and values"):
            check_alike(data, "a2b")


class Negative(nn.Module):
    """Black becomes white."""

    multiple = 4

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return -x


def test_the_masks_of_volumes_are_cut_as_their_pictures_are(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(1, 200, (5, 16, 12)).astype(np.uint8)
    mask = np.zeros_like(values)
    mask[2:, 4:, :7] = 255
    for name, volume in (("scan.nii", values), ("mask.nii", mask)):
        nibabel.Nifti1Image(volume, np.eye(4)).to_filename(tmp_path / name)
    grey = DataConfig(size=32, crop=32, channels_a=1, channels_b=1, axis=0)
    config = replace(SMALL, data=grey)
    translator = Translator(config, {"a2b": Negative}, device="cpu", precision="float32")
    report = translate_files(translator, tmp_path / "scan.nii", tmp_path / "out", masks=tmp_path / "mask.nii")
    assert not report.failed
    made = np.asarray(nibabel.Nifti1Image.from_filename(tmp_path / "out" / "scan.nii").dataobj)
    assert np.array_equal(made[mask == 0], values[mask == 0])
    assert np.array_equal(made[mask == 255], 255 - values[mask == 255])


def test_a_film_of_frames_may_have_one_mask(tmp_path: Path) -> None:
    """An animation has one mask for all of its frames; what is too large to be held has none."""
    frames = [Image.fromarray(np.full((16, 16, 3), value, np.uint8)) for value in (10, 60)]
    frames[0].save(tmp_path / "pages.tif", save_all=True, append_images=frames[1:])
    mask = np.zeros((16, 16), np.uint8)
    mask[:, 8:] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    translator = Translator(SMALL, {"a2b": Negative}, device="cpu", precision="float32")
    report = translate_files(translator, tmp_path / "pages.tif", tmp_path / "out", masks=tmp_path / "mask.png")
    assert not report.failed
    made = tifffile.imread(tmp_path / "out" / "pages.tif")
    assert (made[0, :, :8] == 10).all()
    assert (made[1, :, 8:] == 255 - 60).all()
    tifffile.imwrite(tmp_path / "scan.tif", np.zeros((300, 270, 3), np.uint8), photometric="rgb", tile=(64, 64))
    tight = Translator(SMALL, {"a2b": Same}, device="cpu", precision="float32", max_memory=1)
    report = translate_files(tight, tmp_path / "scan.tif", tmp_path / "big", masks=tmp_path / "mask.png")
    ((_, why),) = report.failed
    assert "too large to be held whole, as pictures with masks are: raise --max-memory" in why
    other = replace(SMALL, data=replace(SMALL.data, channels_b=1))
    with pytest.raises(UserError, match="the same bands and values"):
        translate_files(Translator(other, {"a2b": Same}, device="cpu"), tmp_path / "pages.tif", tmp_path / "no",
                        masks=tmp_path / "mask.png")  # fmt: skip
    assert not (tmp_path / "no").exists()
