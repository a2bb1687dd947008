"""The benchmark of the paper's tables: its configurations can be trained, and its table says what was measured."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import pytest

from unpaired.evaluation.fcn import Facts, FCN8s, Judge
from unpaired.methods import METHODS
from unpaired.networks import efficientnet
from unpaired.validation import validate


@pytest.fixture
def benchmark(imported: Callable[..., Any]) -> Any:
    """Its modules."""
    return imported("rows", "run", folder="cityscapes")


@pytest.mark.parametrize("preset", ["fast", "paper"])
@pytest.mark.parametrize("side", [64, 128])
def test_every_row_can_be_trained(benchmark: Any, preset: str, side: int) -> None:
    base = benchmark.rows.at_scale(preset, side)
    seen = []
    for name in benchmark.rows.NAMES:
        config = benchmark.rows.configured(name, base)
        validate(config)
        METHODS[config.method].check(config)
        assert config.data.crop == side
        assert benchmark.rows.is_one_way(name) == (len(METHODS[config.method].translators) == 1)
        loss = config.loss
        seen.append((config.method, loss.gan_weight, loss.lambda_a, loss.lambda_b, config.nce.weight))
    assert len(set(seen)) == len(seen), "no two rows are one"


def test_the_table_has_the_papers_row_beside_ours(benchmark: Any) -> None:
    judge = Judge(
        FCN8s(efficientnet.EfficientNetLite("lite0"), 1), Facts(classes=["x"], side=64, held_out=[0.8, 0.3, 0.2])
    )
    one = {f"{into} {name}{word}": 0.25 for into in ("photos", "labels") for word in ("", ", nothing", ", truth")
           for name in (*benchmark.run.THREE, "KID")}  # fmt: skip
    results = {
        "fast cyclegan": {"0": one | {"images": 1000, "minutes": 5.0}, "1": one | {"images": 2000, "minutes": 5.0}},
        "fast cut": {"0": one | {"images": 1000, "minutes": 5.0}},
    }
    table = benchmark.run._table(results, Namespace(minutes=5.0, images=None, size=64), judge)
    row = next(line for line in table.splitlines() if line.startswith("| fast cyclegan"))
    assert ".52 / .17 / .11" in row
    assert ".58 / .22 / .16" in row
    assert "1,500 ± 707" in row
    assert "| ground truth |" in table
    assert next(line for line in table.splitlines() if line.startswith("| fast cut")).count("|") == row.count("|")
