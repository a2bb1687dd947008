"""The benchmark of single pictures: the truth is what it asks for, and a wrong picture is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def test_the_truth_is_nearest_to_itself(imported: Callable[..., Any]) -> None:
    single = imported("single").single
    photo, other = single.landscape(single.PHOTO, single.SIDE), single.landscape(single.PAINTING, single.SIDE)
    truth = single.painted(photo)
    assert truth.shape == photo.shape
    assert truth.dtype == np.uint8
    assert np.array_equal(truth, single.painted(photo))
    judge = single.Judge(truth)
    same, undone, another = (judge(picture) for picture in (truth, photo, single.painted(other)))
    assert same["coarse L1"] == 0
    assert same["KID of crops"] < 0.01 < another["KID of crops"] < undone["KID of crops"]
    assert another["coarse L1"] > undone["coarse L1"] > 10
