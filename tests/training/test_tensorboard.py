"""What TensorBoard shows is what the log tells."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
from tiny import TINY, paint, plan

import unpaired
from unpaired.errors import UserError
from unpaired.training import events
from unpaired.training.tensorboard import TensorBoard


def test_scalars_and_grids(pictures: tuple[Path, Path], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    run, tests = tmp_path / "run", (paint(tmp_path / "ta", 10, seed=8), paint(tmp_path / "tb", 10, seed=9))
    config = plan(TINY, images=4, held_out=10, evaluate_every=2)
    unpaired.train(
        *pictures, test_a=tests[0], test_b=tests[1], out=run, config=config, listeners=[TensorBoard(run)]
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = EventAccumulator(str(run / "tensorboard")).Reload()
        tags = shown.Tags()
    kid = shown.Scalars("KID (EfficientNet-Lite0)/a2b/translator")
    told = [e for e in events.read(run) if e["kind"] == "evaluation"]
    for point, event in zip(kid, told, strict=True):
        score = event["result"]["directions"]["a2b"]["measures"]["KID (EfficientNet-Lite0)"]
        assert (point.step, point.value) == (event["images"], pytest.approx(score["translator"], rel=1e-5))
    assert {"loss/cycle_a", "training/rate", "signs/a2b/diversity"} <= {*tags["scalars"]}
    assert {*tags["images"]} == {"preview/a2b", "preview/b2a"}


def test_without_the_extra_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(UserError, match="tensorboard"):
        TensorBoard(tmp_path)
