"""Unpaired image-to-image translation: two folders of pictures in, a translator in both directions out.

import unpaired

unpaired.train("horses", "zebras", out="runs/zebra", minutes=20)
translator = unpaired.Translator.load("runs/zebra")
translator("horse.jpg", direction="a2b").save("zebra.png")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unpaired.client import Client
    from unpaired.config import (
        BridgeConfig,
        Config,
        DataConfig,
        Direction,
        DiscriminatorConfig,
        GeneratorConfig,
        LossConfig,
        NceConfig,
        OptimizerConfig,
        PerceptualConfig,
        Pix2PixConfig,
        TrainingConfig,
    )
    from unpaired.errors import UserError
    from unpaired.evaluation.result import Evaluation
    from unpaired.evaluation.run import evaluate
    from unpaired.evaluation.trust import Trust
    from unpaired.presets import PRESETS
    from unpaired.report.page import write_report
    from unpaired.style.options import StyleOptions
    from unpaired.style.transfer import stylise
    from unpaired.training.run import resume, train
    from unpaired.translation.batch import translate_files
    from unpaired.translation.translator import Translator

_HOMES = {
    "unpaired.client": ["Client"],
    "unpaired.config": [
        "BridgeConfig", "Config", "DataConfig", "Direction", "DiscriminatorConfig", "GeneratorConfig", "LossConfig",
        "NceConfig", "OptimizerConfig", "PerceptualConfig", "Pix2PixConfig", "TrainingConfig",
    ],
    "unpaired.errors": ["UserError"],
    "unpaired.evaluation.result": ["Evaluation"],
    "unpaired.evaluation.run": ["evaluate"],
    "unpaired.evaluation.trust": ["Trust"],
    "unpaired.presets": ["PRESETS"],
    "unpaired.report.page": ["write_report"],
    "unpaired.style.options": ["StyleOptions"],
    "unpaired.style.transfer": ["stylise"],
    "unpaired.training.run": ["resume", "train"],
    "unpaired.translation.batch": ["translate_files"],
    "unpaired.translation.translator": ["Translator"],
}  # fmt: skip
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "PRESETS", "BridgeConfig", "Client", "Config", "DataConfig", "Direction", "DiscriminatorConfig", "Evaluation",
    "GeneratorConfig", "LossConfig", "NceConfig", "OptimizerConfig", "PerceptualConfig", "Pix2PixConfig",
    "StyleOptions", "TrainingConfig", "Translator", "Trust", "UserError", "evaluate", "resume", "stylise", "train",
    "translate_files", "write_report",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for, so that `import unpaired` loads nothing heavy."""
    if name not in _HOME:
        raise AttributeError(f"module 'unpaired' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
