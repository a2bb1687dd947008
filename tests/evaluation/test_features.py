"""The extractor's resize, batches, memory, and the refusal of flattered numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from unpaired.errors import UserError
from unpaired.evaluation.features import (
    FeatureExtractor,
    LiteExtractor,
    refuse_flattered,
    to_tensor,
)
from unpaired.networks import efficientnet


def _pictures(count: int = 5, side: int = 24) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(0).integers(0, 256, (count, side // 4, side // 4, 3))
    return coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)


@pytest.fixture(scope="module")
def lite() -> LiteExtractor:
    return LiteExtractor("lite0", side=96)


def test_batches_and_order_do_not_matter(lite: LiteExtractor) -> None:
    pictures = _pictures()
    features = lite(pictures)
    assert features.shape == (5, 1280)
    assert features.dtype == np.float32
    assert isinstance(lite, FeatureExtractor)
    other = LiteExtractor("lite0", side=96, batch=2)
    np.testing.assert_allclose(other(list(pictures[::-1])), features[::-1], atol=1e-4)
    assert lite([]).shape == (0, 1280)


def test_the_resize_is_pillows_bicubic(lite: LiteExtractor) -> None:
    picture = _pictures(1)
    resized = np.asarray(Image.fromarray(picture[0]).resize((96, 96), Image.Resampling.BICUBIC))
    near = efficientnet.load("lite0").features(to_tensor(resized[None])).numpy()
    features = lite(picture)
    # Pillow rounds to 8 bits, which we do not.
    assert np.abs(near - features).mean() < 0.05 * features.mean()


def test_tensors_are_in_range() -> None:
    x = to_tensor(np.array([[[[0, 255, 128]]]], np.uint8))
    torch.testing.assert_close(x, torch.tensor([-1.0, 1.0, 128 / 127.5 - 1]).view(1, 3, 1, 1))


def test_a_flattered_measure_is_refused(lite: LiteExtractor) -> None:
    refuse_flattered(lite, {efficientnet.identity("lite1")})
    with pytest.raises(UserError, match="EfficientNet-Lite0 would be flattered"):
        refuse_flattered(lite, {efficientnet.identity("lite0"), "other"})


def test_mixed_sizes_are_told(lite: LiteExtractor) -> None:
    with pytest.raises(UserError, match="different sizes"):
        lite([_pictures(1)[0], _pictures(1, side=32)[0]])
