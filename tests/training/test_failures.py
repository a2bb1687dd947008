"""The watches see failures that really happen: each is provoked in a tiny training, by the loop as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from failures import provoke


@pytest.mark.parametrize(
    ("failure", "sign"),
    [
        ("discriminator won", "draw"),
        ("collapse", "diversity"),
        ("cycle cheating", "hidden"),
        ("inversion", "light"),
        ("checkerboard", "checkerboard"),
    ],
)
def test_a_failure_is_told(failure: str, sign: str, tmp_path: Path) -> None:
    told, _ = provoke(failure, tmp_path)
    found = [[round(signs.get(sign, -9), 2) for signs in e["signs"].values()] for e in told]
    assert any(name == sign for e in told for _, name in e["warnings"]), found


def test_an_explosion_ends_the_training(tmp_path: Path) -> None:
    _, sentence = provoke("NaN", tmp_path)
    assert "--learning-rate" in sentence


def test_a_healthy_training_is_told_of_nothing(tmp_path: Path) -> None:
    told, sentence = provoke("healthy", tmp_path)
    assert [e["warnings"] for e in told] == [[]] * len(told)
    assert not sentence
