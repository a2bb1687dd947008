"""Options that say what a translation keeps, and what the cycle may ask, as a person types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from terminal import TINY, Command

from unpaired.training import events


@pytest.mark.parametrize("structure", ["mind", "lncc", "ngf"])
def test_structure_and_light_are_kept_by_one_word_each(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, structure: str
) -> None:
    words = ["--structure", structure, "--structure-weight", "2", "--inversion", "1"]
    answer = unpaired("train", *domains, "--out", tmp_path / "run", *TINY, *words)
    assert answer.status == 0, answer
    terms = next(e["terms"] for e in events.read(tmp_path / "run") if e["kind"] == "progress")
    assert {"structure_a", "structure_b", "inversion_a", "inversion_b"} <= terms.keys()
    assert "Structure lost" in (tmp_path / "run" / "report.html").read_text()


def test_a_cycle_in_which_hiding_does_not_pay(unpaired: Command, domains: tuple[Path, Path], tmp_path: Path) -> None:
    words = ["--cycle-noise", "0.05", "--cycle-coarse", "2", "--cycle-floor", "0.2", "--cycle-features", "0.5"]
    answer = unpaired("train", *domains, "--out", tmp_path / "run", *TINY, *words)
    assert answer.status == 0, answer
    loss = json.loads((tmp_path / "run" / "run.json").read_text())["config"]["loss"]
    assert [loss[f"cycle_{name}"] for name in ("noise", "coarse", "floor", "features")] == [0.05, 2, 0.2, 0.5]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--structure-weight", "-1"], "structure-weight"),
        (["--inversion", "-1"], "inversion"),
        (["--cycle-coarse", "33"], "cycle-coarse 33 is not from 1 to the crop, 32 px"),
        (["--cycle-floor", "2"], "--cycle-floor 2 is not from 0 to 1"),
        (["--cycle-features", "2"], "--cycle-features 2 is not from 0 to 1"),
        (["--cycle-features", "1", "--gan-weight", "0"], "give --cycle-features 0"),
    ],
)
def test_impossible_values_are_refused_in_a_sentence(
    unpaired: Command, domains: tuple[Path, Path], tmp_path: Path, words: list[str], told: str
) -> None:
    answer = unpaired("train", *domains, "--out", tmp_path / "run", *TINY, *words)
    assert told in answer.sentence
    assert not (tmp_path / "run").exists()
