"""The memory of a training, said before it begins."""

from __future__ import annotations

import pytest

from unpaired.presets import PRESETS
from unpaired.training.memory import estimate


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_estimated(name: str) -> None:
    assert 0.3 < estimate(PRESETS[name]()) / 2**30 < 16
