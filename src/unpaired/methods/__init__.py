"""Methods by the names that a configuration gives them."""

from __future__ import annotations

from collections.abc import Callable

from unpaired.config import Config, Direction
from unpaired.methods import cyclegan
from unpaired.methods.base import Method

METHODS: dict[str, Callable[[Config], Method]] = {"cyclegan": cyclegan.CycleGAN}

TRANSLATORS: dict[str, dict[Direction, str]] = {"cyclegan": cyclegan.TRANSLATORS}
"""Which generator of a method translates in which direction, without building the method."""
