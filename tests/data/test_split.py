"""What is held out of a training."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from unpaired.data.split import held_out

A, B = Path("/a"), Path("/b")
NAMES = st.lists(st.text("abc/", min_size=1, max_size=6).map(lambda t: t.strip("/") or "x"), unique=True, max_size=40)


def _chosen(names_a: list[str], names_b: list[str], count: int) -> tuple[set[str], set[str]]:
    files = [A / f"{n}.png" for n in names_a], [B / f"{n}.jpg" for n in names_b]
    a, b = held_out(A, files[0], B, files[1], count)
    return {names_a[i] for i in a}, {names_b[i] for i in b}


@given(NAMES, NAMES, st.integers(0, 12), st.randoms())
def test_as_many_as_asked_for_whatever_the_order(a: list[str], b: list[str], count: int, random: object) -> None:
    a, b = ([*{Path(n): n for n in names}.values()] for names in (a, b))
    chosen = _chosen(a, b, count)
    assert [len(c) for c in chosen] == [min(count, len(a)), min(count, len(b))]
    random.shuffle(a)  # type: ignore
    assert _chosen(a, b, count) == chosen


@given(st.integers(1, 20), st.integers(0, 30), st.integers(0, 30))
def test_names_of_both_domains_are_held_out_together(count: int, more_a: int, more_b: int) -> None:
    shared = [f"s{i}" for i in range(20)]
    a, b = _chosen([*shared, *(f"a{i}" for i in range(more_a))], [*shared, *(f"b{i}" for i in range(more_b))], count)
    assert a == b
    assert len(a) == count


def test_most_of_the_choice_stays_when_files_are_added() -> None:
    names = [f"{i}" for i in range(200)]
    before, _ = _chosen(names, [], 20)
    after, _ = _chosen([*names, *(f"new{i}" for i in range(20))], [], 20)
    assert len(before & after) >= 15
