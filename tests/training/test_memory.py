"""The memory of a training, said before it begins."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import pytest

from unpaired.presets import PRESETS
from unpaired.training.memory import estimate


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_estimated(name: str) -> None:
    assert 0.3 < estimate(PRESETS[name]()) / 2**30 < 16


@pytest.mark.parametrize("structure", ["mind", "lncc", "ngf"])
def test_what_every_method_may_be_asked_is_counted(structure: Literal["mind", "lncc", "ngf"]) -> None:
    config = PRESETS["demo"]()
    asked = replace(config, loss=replace(config.loss, structure=structure))
    picture = 4 * 64 * 64 * config.training.batch
    assert estimate(asked) > estimate(config) + picture
