"""Methods by the names that a configuration gives them."""

from __future__ import annotations

from unpaired.config import MethodName
from unpaired.methods.base import Method
from unpaired.methods.cyclegan import CycleGAN

METHODS: dict[MethodName, type[Method]] = {"cyclegan": CycleGAN}
"""Each is built from a `Config`."""
