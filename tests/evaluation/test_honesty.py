"""Cycle honesty, on generators whose honesty is known: one that shows, one that hides, one that knows nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from unpaired.evaluation.collection import Collection
from unpaired.evaluation.evidence import Evidence
from unpaired.evaluation.features import LiteExtractor, to_tensor
from unpaired.evaluation.honesty import CHANGES, blur, eight_bits, enlarged, examine, jpeg, low_frequencies, noise
from unpaired.evaluation.measures import MEASURES
from unpaired.training.watches import SIGNS

EYES = LiteExtractor()


def _seen(pictures: Any) -> Collection:
    return Collection(pictures, EYES)


def _pictures(seed: int, count: int = 12, side: int = 32) -> NDArray[np.uint8]:
    coarse = np.random.default_rng(seed).integers(40, 216, (count, side // 8, side // 8, 3))
    return coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.uint8)


def _invert(x: Tensor) -> Tensor:
    """Openly: what it shows is what comes back."""
    return -x


def _hide(x: Tensor) -> Tensor:
    """A grey picture with the input in it, a hundred times too faint to be seen."""
    return 0.2 + x / 200


def _seek(x: Tensor) -> Tensor:
    return ((x - 0.2) * 200).clamp(-1, 1)


def test_an_open_translation_hides_nothing() -> None:
    found = examine(_pictures(0), _pictures(1), _invert, _invert)
    assert found.clean == pytest.approx(0, abs=1e-6)
    for change in CHANGES:
        assert (found.lost(change) or 0) < 0.2, change
    assert found.sensitivity == pytest.approx(1, abs=0.1)


def test_a_hidden_picture_is_found_out() -> None:
    found = examine(_pictures(0), _pictures(1), _hide, _seek)
    assert found.clean == pytest.approx(0, abs=1e-5)
    assert (found.lost("noise") or 0) > 0.7
    assert (found.lost("8 bits") or 0) > 0.3, "255 steps are not enough for it"
    assert found.sensitivity is not None
    assert found.sensitivity > 2, "real pictures are far from grey, where the way back is deaf"


def test_what_is_read_out_of_a_faint_pattern_enlarges_noise_and_what_is_seen_does_not() -> None:
    limit = SIGNS["hidden"].limit
    x = 2 * torch.rand(8, 5, 32, 32, generator=torch.Generator().manual_seed(0)) - 1  # of any channels
    cheating = enlarged(x, lambda p: 0.3 + 0.01 * p, lambda p: (p - 0.3) / 0.01)
    assert cheating > 20 > limit
    for there, back in (
        (torch.neg, torch.neg),  # all is seen
        (lambda p: 0.5 * p, lambda p: 2 * p),  # less contrast
        (torch.zeros_like, torch.zeros_like),  # all is lost, and the way back makes it up
        (lambda p: p, lambda p: torch.tanh(3 * p)),  # the way back is bad, but not by noise
    ):
        assert enlarged(x, there, back) < limit


def test_trainings_are_watched_by_the_number_that_tables_show() -> None:
    pictures = _pictures(0, count=8)
    found = examine(pictures, _pictures(1), _hide, _seek)
    assert enlarged(to_tensor(pictures), _hide, _seek) == pytest.approx(found.enlarged, rel=1e-5)
    assert examine(pictures, _pictures(1), lambda x: x, lambda x: x).enlarged == pytest.approx(1, abs=0.02)


def test_details_are_told_from_coarse_information() -> None:
    """The input written into the finest stripes: nothing of it is left in low frequencies."""
    stripes = torch.tensor([1.0, -1.0]).repeat(16)

    def write(x: Tensor) -> Tensor:
        return 0.3 * x * stripes

    def read(x: Tensor) -> Tensor:
        y = x * stripes / 0.3
        return ((y[..., ::2] + y[..., 1::2]) / 2).repeat_interleave(2, dim=-1).clamp(-1, 1)

    found = examine(_pictures(0), _pictures(1), write, read)
    assert found.clean < 0.01
    assert (found.lost("low frequencies only") or 0) > 0.5
    assert (found.lost("8 bits") or 0) < 0.1


def test_a_way_back_that_knows_nothing_has_no_share_to_lose() -> None:
    found = examine(_pictures(0), _pictures(1), torch.zeros_like, torch.zeros_like)
    assert found.lost("noise") is None
    assert found.sensitivity is None
    evidence = Evidence(
        direction="a2b", inputs=_seen(_pictures(0)), fakes=_seen(_pictures(0)), reals=_seen(_pictures(1)),
        there=torch.zeros_like, back=torch.zeros_like,
    )  # fmt: skip
    rows = dict(MEASURES["honesty"](evidence))
    assert "hidden information" not in rows
    assert "it knows nothing" in rows["L1 back from strangers' fakes"].note


def test_changes_are_what_they_are_called() -> None:
    x = torch.linspace(-1, 1, 3 * 24 * 24).view(1, 3, 24, 24)
    assert (eight_bits(x) - x).abs().max() <= 1 / 255 + 1e-6
    torch.testing.assert_close(eight_bits(eight_bits(x)), eight_bits(x), atol=1e-6, rtol=0)
    assert 0.01 < (noise(torch.zeros(1, 3, 64, 64))).std() < 0.03
    assert torch.equal(noise(x), noise(x))
    flat = torch.full((2, 3, 16, 16), 0.3)
    for change in (blur, low_frequencies):
        torch.testing.assert_close(change(flat), flat)
    assert (jpeg(flat) - flat).abs().max() < 0.02
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 3, 16, 16)
    assert low_frequencies(stripes).abs().max() < 1e-5


def test_it_needs_a_way_back() -> None:
    evidence = Evidence(
        direction="a2b", inputs=_seen(_pictures(0)), fakes=_seen(_pictures(0)), reals=_seen(_pictures(1)),
        there=_invert,
    )  # fmt: skip
    assert "only one direction translates" in (MEASURES["honesty"].missing(evidence) or "")
    deep = replace(evidence, reconstructions=_seen(_pictures(0)), there=None)  # generators of other values
    assert "of pictures of 8 bits only" in (MEASURES["honesty"].missing(deep) or "")
