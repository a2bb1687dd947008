"""What the terminal shows of a training."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from unpaired.cli.display import Display
from unpaired.text import duration, perhaps


def _display(*, terminal: bool = False) -> tuple[Display, io.StringIO]:
    out = io.StringIO()
    return Display(Path("run"), Console(file=out, force_terminal=terminal, width=100)), out


def _start(images: int | None = 1000, *, kind: str = "start", seconds: float = 0.0) -> dict[str, Any]:
    return {"kind": kind, "seconds": seconds, "plan": {"images": images, "minutes": None}, "sentences": ["A: 12."]}


def _progress(images: int, seconds: float) -> dict[str, Any]:
    return {"kind": "progress", "images": images, "seconds": seconds, "rate": 2.0, "done": 0.1, "terms": {"gan_ab": 1}}


@pytest.mark.parametrize("before", [0.0, 5000.0])
def test_when_it_will_be_done_is_said_in_the_first_minute_and_once(before: float) -> None:
    display, out = _display()
    display(_start(kind="resume" if before else "start", seconds=before))
    display(_progress(20, before + 2))
    assert "will be done" not in out.getvalue()
    for seconds in range(30, 90, 2):
        display(_progress(200, before + seconds))
        assert out.getvalue().count("At this rate it will be done in 7 min, about") == 1


def test_decoding_shows_how_far_it_is() -> None:
    event = {"kind": "decoding", "domain": "a", "images": 0, "seconds": 0.0, "done": 1, "total": 1234}
    display, out = _display()
    for done in range(1, 100):
        display({**event, "done": done})
    assert out.getvalue().count("Decoding A: 1 of 1,234 pictures") == 1
    assert len(out.getvalue().splitlines()) == 1, "a line now and then where there is no terminal"
    display(_start())
    display(_progress(20, 2.0))
    assert "20 images" in out.getvalue(), "the first line of training does not wait for that of decoding"

    live, out = _display(terminal=True)
    with live:
        live({**event, "done": 617})
        live.live.refresh()  # pyright: ignore
        assert "617 of 1,234" in out.getvalue()


def test_times_and_typos_as_people_say_them() -> None:
    assert [duration(s) for s in (3, 89, 90, 3600, 8000, 3 * 86400)] == [
        "3 s", "89 s", "2 min", "60 min", "2 h 13 min", "3.0 days",
    ]  # fmt: skip
    assert perhaps("fsat", ["fast", "paper"]) == ": perhaps you meant 'fast'"
    assert perhaps("zebra", ["fast", "paper"]) == ""
