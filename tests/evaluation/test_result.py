"""What was measured, as a table for a terminal."""

from __future__ import annotations

import pytest
from rich.console import Console

from unpaired.evaluation.result import DirectionScores, Evaluation, Score

LITE0 = "EfficientNet-Lite0"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_row_says_what_is_measured_and_which_way_is_better(width: int) -> None:
    measures = {
        f"KID ({LITE0})": Score(translator=0.02, do_nothing=0.04, floor=0.001, spread=0.005),
        f"perceptual distance ({LITE0})": Score(translator=0.4, do_nothing=0.4, note="of a few"),
        "PSNR to true pairs (dB)": Score(translator=12.9, do_nothing=12.8, spread=0.4, better="higher"),
    }
    scores = DirectionScores(inputs=40, reals=40, pairs=40, measures=measures)
    console = Console(width=width)
    with console.capture() as captured:
        console.print(Evaluation(extractor=LITE0, side=(64, 64), directions={"a2b": scores, "b2a": scores}).table())
    said = captured.get()
    lines = said.splitlines()
    assert max(map(len, lines)) <= width
    assert not any(set(line.split()) <= {"↓", "↑"} for line in lines if line.strip()), "an arrow alone on a line"
    assert said.count("↓ KID (Lite0)" if width >= 80 else "↓ KID") == 2, "no bare KID"
    assert " ".join(said.split()).count(f"(Lite0): seen through {LITE0}.") == 1
    if width >= 80:
        for name in ("↓ perceptual distance (Lite0)  ", "↑ PSNR to true pairs (dB)  "):
            assert sum(name in line for line in lines) == 2, "a row is a line"
