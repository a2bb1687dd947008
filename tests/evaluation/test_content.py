"""Whether what was kept is told from what was lost, and dark from bright."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from unpaired.errors import UserError
from unpaired.evaluation.collection import Collection
from unpaired.evaluation.content import edge_agreement, luminance_correlation, structure_agreement
from unpaired.evaluation.evidence import Evidence
from unpaired.evaluation.features import LiteExtractor
from unpaired.evaluation.measures import MEASURES

Pictures = NDArray[np.uint8]

EYES = LiteExtractor()


def _seen(pictures: Any) -> Collection:
    return Collection(pictures, EYES)


def _pictures(seed: int, count: int = 8) -> Pictures:
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 3))
    return coarse.repeat(5, axis=1).repeat(5, axis=2).astype(np.uint8)


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.3, 1), shift=st.integers(0, 70))
def test_contrast_and_brightness_change_nothing(seed: int, scale: float, shift: int) -> None:
    x = _pictures(seed)
    y = (x * scale * 0.7 + shift).round().astype(np.uint8)
    for agreement in (luminance_correlation, edge_agreement, structure_agreement):
        assert agreement(x, y).min() > 0.99, agreement.__name__


def test_a_negative_keeps_edges_and_structure_but_not_light_and_dark() -> None:
    x = _pictures(0)
    np.testing.assert_allclose(luminance_correlation(x, 255 - x), -1)
    np.testing.assert_allclose(edge_agreement(x, 255 - x), 1)
    np.testing.assert_allclose(structure_agreement(x, 255 - x), 1)


def test_other_pictures_agree_in_nothing() -> None:
    x, y = _pictures(0), _pictures(1)
    assert np.abs(luminance_correlation(x, y)).mean() < 0.3
    assert structure_agreement(x, y).mean() < 0.6
    plain = np.full_like(x, 7)
    for agreement in (luminance_correlation, edge_agreement, structure_agreement):
        np.testing.assert_allclose(agreement(x, plain), 0, atol=1e-6)


def _rows(fakes: Pictures, reals: Pictures, pairs: tuple[tuple[int, int], ...] = ()) -> dict[str, object]:
    evidence = Evidence(
        direction="a2b", inputs=_seen(_pictures(0)), fakes=_seen(fakes), reals=_seen(reals), pairs=pairs,
    )  # fmt: skip
    return dict(MEASURES["content"](evidence))


def test_inversion_is_named_unless_true_pairs_are_inverted_too() -> None:
    x = _pictures(0)
    negative = 255 - x
    pairs = tuple((i, i) for i in range(8))
    assert "--identity" in _rows(negative, _pictures(1))["share inverted"].note  # type: ignore[attr-defined]
    assert _rows(negative, negative, pairs)["share inverted"].note == ""  # type: ignore[attr-defined]
    kept = _rows(x, _pictures(1))["share inverted"]
    assert (kept.translator, kept.note) == (0, "")  # type: ignore[attr-defined]


def test_bad_input_is_told() -> None:
    with pytest.raises(UserError, match="as many pictures"):
        luminance_correlation(_pictures(0), _pictures(0, 3))
