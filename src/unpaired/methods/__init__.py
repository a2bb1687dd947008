"""Methods by the names that a configuration gives them."""

from __future__ import annotations

from unpaired.config import MethodName
from unpaired.methods.base import Method
from unpaired.methods.cut import CUT
from unpaired.methods.cyclegan import CycleGAN
from unpaired.methods.dclgan import DCLGAN
from unpaired.methods.johnson import Johnson
from unpaired.methods.pix2pix import Pix2Pix
from unpaired.methods.unsb import UNSB

METHODS: dict[MethodName, type[Method]] = {
    "cyclegan": CycleGAN, "pix2pix": Pix2Pix, "cut": CUT, "dclgan": DCLGAN, "johnson": Johnson,
    "unsb": UNSB,
}  # fmt: skip
"""Each is built from a `Config`."""
