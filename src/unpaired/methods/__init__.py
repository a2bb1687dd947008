"""Methods by the names that a configuration gives them."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from unpaired.config import Config, Direction
from unpaired.methods import cyclegan

METHODS: dict[str, Callable[[Config], nn.Module]] = {"cyclegan": cyclegan.CycleGAN}

TRANSLATORS: dict[str, dict[Direction, str]] = {"cyclegan": cyclegan.TRANSLATORS}
"""Which generator of a method translates in which direction, without building the method."""
