"""Numbers and names as they are said to people."""

from __future__ import annotations

import pytest

from unpaired.text import counted


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 minute"), (1.0, "1 minute"), (1.5, "1.5 minutes"), (0, "0 minutes"),
                         (2_000_000, "2,000,000 minutes")],
)  # fmt: skip
def test_things_are_counted(number: float, said: str) -> None:
    assert counted(number, "minute") == said


def test_what_ends_in_s_is_counted() -> None:
    assert [counted(n, "process") for n in (1, 2)] == ["1 process", "2 processes"]
