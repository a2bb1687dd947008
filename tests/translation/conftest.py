"""Small real runs to translate with."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from small import SMALL, Same, write_checkpoint

from unpaired.config import Config, Direction
from unpaired.translation.translator import Translator


@pytest.fixture
def make_translator(tmp_path: Path) -> Callable[..., Translator]:
    def make(config: Config = SMALL, direction: Direction | None = "a2b", **data: int) -> Translator:
        if data:
            config = dataclasses.replace(config, data=dataclasses.replace(config.data, **data))
        write_checkpoint(tmp_path / "run", config)
        return Translator.load(tmp_path / "run", direction=direction, device="cpu", precision="float32")

    return make


@pytest.fixture
def same() -> Translator:
    return Translator(SMALL, {"a2b": Same}, device="cpu", precision="float32")
