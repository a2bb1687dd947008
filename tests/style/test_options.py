"""What can be said about a painting, and what can't."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from unpaired.errors import UserError
from unpaired.style.options import StyleOptions


def test_large_pictures_begin_small() -> None:
    def sizes(height: int, width: int, size: int) -> list[tuple[int, int]]:
        return [(h, w) for h, w, _ in StyleOptions(size=size, begin_size=256).rounds(height, width)]

    assert sizes(1024, 2048, 4096) == [(128, 256), (256, 512), (512, 1024), (1024, 2048)]
    assert sizes(100, 200, 4096) == [(100, 200)], "what is small is not enlarged"
    assert sizes(900, 600, 360) == [(360, 240)], "180 px would be farther from 256 than 360 are"
    assert sizes(900, 600, 364) == [(182, 121), (364, 243)]
    assert sizes(50, 5000, 5000) == [(50, 5000)], "what is narrow is not made narrower than the network takes"


def test_rounds_share_the_steps() -> None:
    steps = [n for _, _, n in StyleOptions(size=400, steps=11).rounds(1024, 1024)]
    assert steps == [5, 3, 3]


def test_weights_are_the_shares_of_a_whole() -> None:
    assert StyleOptions().weights(4) == [0.25] * 4
    assert StyleOptions(shares=(3, 0, 1)).weights(3) == [0.75, 0, 0.25]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"steps": 0}, "steps 0"),
        ({"size": 20}, "48×48 px at size 20 is smaller than 32 px"),
        ({"style_weight": -1.0}, "not negative"),
        ({"smoothness": nan}, "not negative"),
        ({"begin_size": 0}, "begin-size 0"),
        ({"scale": 0.0}, "scale"),
        ({"shares": (1.0, 2.0)}, "2 shares do not belong to 1 style"),
        ({"shares": (0.0,)}, "nor all 0"),
        ({"shares": (inf,)}, "shares must be numbers"),
        ({"colours": "luminence"}, "perhaps you meant 'luminance'"),
    ],
)
def test_what_cannot_be_painted_is_told(options: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        StyleOptions(**options).check(48, 48, 1)


def test_a_style_is_needed() -> None:
    with pytest.raises(UserError, match="at least one style"):
        StyleOptions().check(48, 48, 0)
