"""Which checkpoint is the best so far, by a measure that the discriminators can't have pleased."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from unpaired.config import DIRECTIONS, Config, Direction, reverse
from unpaired.data.show import visible
from unpaired.evaluation.distances import MINIMUM, kid
from unpaired.evaluation.features import LiteExtractor
from unpaired.training.engine import Engine
from unpaired.training.preview import pages, translate

AT_ONCE = 8  # pictures that are translated together


class Judge:
    """KID (EfficientNet-Lite0) of translations against real pictures, the mean of the directions; lower is better.

    It looks at `config.training.judged` of `files`, the inputs of each direction: of the test folders where there
    are some, else of the training folders, which says less but still tells checkpoints apart.
    """

    def __init__(self, files: Mapping[Direction, Sequence[Path]], config: Config, engine: Engine) -> None:
        self.engine = engine
        self.extractor = LiteExtractor(device=engine.device)
        self.sources = {way: pages(files[way], config, way, config.training.judged) for way in DIRECTIONS}
        fewest = min(map(len, self.sources.values()))
        self.able = fewest >= MINIMUM
        self.measure = f"KID (EfficientNet-Lite0) of {fewest} pictures"
        self._reals: dict[Direction, NDArray[np.float32]] = {}

    def __call__(self) -> dict[Direction, float]:
        """KID of each direction with the weights as they are."""
        names, networks = self.engine.method.translators, self.engine.translators()
        values: dict[Direction, float] = {}
        for direction, name in names.items():
            inputs = self.sources[direction]
            if direction not in self._reals:
                self._reals[direction] = self.extractor(visible(self.sources[reverse(direction)]))
            fakes = [
                fake
                for start in range(0, len(inputs), AT_ONCE)
                for fake in translate(networks[name], inputs[start : start + AT_ONCE], self.engine, direction)
            ]
            shown = visible(fakes, self.sources[reverse(direction)])
            values[direction] = kid(self.extractor(shown), self._reals[direction])
        return values

    @staticmethod
    def total(values: dict[Direction, float]) -> float:
        """One number for a checkpoint."""
        return fmean(values.values())
