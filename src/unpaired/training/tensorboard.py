"""What a training tells, for TensorBoard: the extra `tensorboard`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unpaired.errors import UserError
from unpaired.training.events import Event


class TensorBoard:
    """A listener for `unpaired.train` that writes RUN/tensorboard. Steps are images seen."""

    def __init__(self, run: Path) -> None:
        """Raises `UserError` where the extra is not installed."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what TensorBoard's own imports deprecate is not the user's affair
                from torch.utils.tensorboard import SummaryWriter
        except ImportError as e:
            raise UserError(
                "--tensorboard needs TensorBoard: python -m pip install -c constraints.txt '.[tensorboard]'"
            ) from e
        self._open, self._writer, self.run = SummaryWriter, None, run

    def __call__(self, event: Event) -> None:
        kind, images = event["kind"], event["images"]
        if kind == "decoding":
            return  # there is no run yet
        if self._writer is None:
            # What a training that goes on from an earlier checkpoint tells again takes the place of what was there.
            self._writer: Any = self._open(str(self.run / "tensorboard"), purge_step=images or None)
        if kind == "progress":
            self._scalars("loss", event["terms"], images)
            self._scalars("training", {k: event[k] for k in ("rate", "learning_rate")}, images)
        elif kind == "evaluation":
            for direction, scores in event["result"]["directions"].items():
                for name, score in scores["measures"].items():
                    for side in ("translator", "do_nothing", "floor"):
                        if score[side] is not None:
                            self._scalars(f"{name}/{direction}", {side: score[side]}, images)
            for direction, signs in event.get("signs", {}).items():
                self._scalars(f"signs/{direction}", signs, images)
        elif kind == "preview":
            for direction, file in event["files"].items():
                with Image.open(self.run / file) as grid:
                    picture = np.asarray(grid.convert("RGB"))
                self._writer.add_image(f"preview/{direction}", picture, images, dataformats="HWC")
        elif kind == "warning":
            self._writer.add_text("warning", event["text"], images)
        if kind in ("checkpoint", "evaluation", "end"):
            self._writer.flush()
        if kind == "end":
            self._writer.close()

    def _scalars(self, group: str, values: dict[str, float], images: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(f"{group}/{name}", value, images)
