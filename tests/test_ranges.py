"""Each number of a configuration has a range, and who leaves it is told the option and the range in a sentence."""

from __future__ import annotations

import math
import types
import typing
from dataclasses import fields, replace
from typing import Any

import pytest

from unpaired.config import Config, option
from unpaired.errors import UserError
from unpaired.ranges import RANGES, outside
from unpaired.validation import validate

GROUPS: dict[str, Any] = {f.name: getattr(Config(), f.name) for f in fields(Config) if f.name != "method"}


def _numbers() -> dict[str, tuple[str, str, type]]:
    """By option: group, field and type of each number."""
    found: dict[str, tuple[str, str, type]] = {}
    for group, values in GROUPS.items():
        for name, hint in typing.get_type_hints(type(values)).items():
            union = typing.get_origin(hint) in (typing.Union, types.UnionType)
            for kind in (float, int):
                if kind in (typing.get_args(hint) if union else (hint,)):
                    found[option(name, group)] = group, name, kind
    return found


NUMBERS = _numbers()


def _with(typed: str, value: float) -> Config:
    group, name, _ = NUMBERS[typed]
    return replace(Config(), **{group: replace(GROUPS[group], **{name: value})})


def test_every_number_has_a_range() -> None:
    assert {*NUMBERS} == {*RANGES}
    assert len(NUMBERS) >= 70


@pytest.mark.parametrize("typed", RANGES)
def test_what_is_out_of_range_is_refused_in_a_sentence(typed: str) -> None:
    known, kind = RANGES[typed], NUMBERS[typed][2]
    low, high = (known.low, known.high) if kind is float else (int(known.low), known.high)
    wrong: list[float] = [low - 1, *([low] if known.above else []), *([high] if known.below else [])]
    if math.isfinite(high):
        wrong += [high + (0.001 if kind is float else 1), 10 * high]
    if kind is float:
        wrong += [math.nan, math.inf, -math.inf]
    for value in wrong:
        with pytest.raises(UserError) as caught:
            validate(_with(typed, value))
        shown = f"{value:g}" if isinstance(value, float) else value
        assert str(caught.value) == f"Unusable configuration: {typed} {shown} is not {known}."


@pytest.mark.parametrize("typed", RANGES)
def test_what_is_in_range_is_not(typed: str) -> None:
    known, kind = RANGES[typed], NUMBERS[typed][2]
    right = [known.low + (1 if kind is int else 1e-6), known.high - (1 if kind is int else 1e-6)]
    right += [] if known.above else [known.low]
    right += [] if known.below or math.isinf(known.high) else [known.high]
    for value in right:
        assert math.isinf(value) or [*outside(_with(typed, value))] == []


@pytest.mark.parametrize(
    ("typed", "value", "told"),
    [
        ("--cycle-noise", 50.0, "--cycle-noise 50 is not from 0 to 1"),
        ("--identity", 1e9, "--identity 1e+09 is not from 0 to 10,000"),
        ("--nce.temperature", 1e-9, "--nce.temperature 1e-09 is not from 0.001 to 100"),
        ("--pix2pix.l1", -1.0, "--pix2pix.l1 -1 is not from 0 to 10,000"),
        ("--generator.dropout", 1.0, "--generator.dropout 1 is not from 0 to below 1"),
        ("--bridge.tau", 0.0, "--bridge.tau 0 is not above 0, up to 1"),
        ("--generator.depth", 10**9, "--generator.depth 1000000000 is not from 2 to 16"),
        ("--learning-rate", math.inf, "--learning-rate inf is not a number above 0"),
        ("--keep", 0, "--keep 0 is not a number from 1 on"),
    ],
)
def test_slips(typed: str, value: float, told: str) -> None:
    with pytest.raises(UserError, match=told.replace("+", r"\+")):
        validate(_with(typed, value))
