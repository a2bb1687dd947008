"""Studies: what judges see, what it is worth, and that nothing tells which is which."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from served import make_run, picture, serving

from unpaired.web.folders import Folders
from unpaired.web.refused import Refused
from unpaired.web.runs import Runs
from unpaired.web.study import Studies, Study, Trial, by_judges, order, wilson


def make_study(trials: int = 12, practice: int = 3) -> Study:
    pairs = [Trial(f"fake{i}", f"real{i}", practice=i < practice) for i in range(trials)]
    return Study("abc123", "real-or-fake", ["run"], "a2b", "horses", "zebras", time.time(), 7, pairs)


@given(st.integers(0, 200), st.integers(0, 200))
def test_an_interval_holds_its_share_and_narrows_with_answers(chosen: int, more: int) -> None:
    total = chosen + more
    low, high = wilson(chosen, total)
    assert 0 <= low <= high <= 1
    if total:
        assert low - 1e-12 <= chosen / total <= high + 1e-12
        again = wilson(10 * chosen, 10 * total)
        assert again[1] - again[0] < high - low


def test_the_interval_is_wilsons() -> None:
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263 gives 0.2553 to 0.3662 by the score method.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


def test_the_interval_covers() -> None:
    """Of studies with a known truth about 95 % have it inside."""
    draws = np.random.default_rng(0).binomial(40, 0.27, 4000)
    inside = [low <= 0.27 <= high for low, high in (wilson(int(k), 40) for k in draws)]
    assert 0.93 < np.mean(inside) < 0.97


def test_judges_who_differ_widen_the_interval() -> None:
    assert by_judges([0.2, 0.3]) is None
    alike, apart = by_judges([0.25, 0.26, 0.24, 0.25]), by_judges([0.0, 0.5, 0.05, 0.45])
    assert alike
    assert apart
    assert apart[1] - apart[0] > 5 * (alike[1] - alike[0])


@given(st.text(min_size=1, max_size=10))
def test_every_judge_sees_every_pair_once_practice_first(judge: str) -> None:
    study = make_study()
    shown = order(study, judge)
    assert shown == order(study, judge)
    assert [s.practice for s in shown] == [True] * 3 + [False] * 9
    seen = sorted(s.left if s.target == "left" else s.right for s in shown)
    assert seen == sorted(t.target for t in study.trials)


def test_sides_and_order_differ_between_judges() -> None:
    study = make_study(60, 0)
    orders = [order(study, f"judge {i}") for i in range(40)]
    assert len({tuple(s.left for s in shown) for shown in orders}) == 40
    lefts = np.mean([s.target == "left" for shown in orders for s in shown])
    assert 0.46 < lefts < 0.54


def test_answers_count_once_and_practice_does_not(tmp_path: Path) -> None:
    studies, study = Studies(tmp_path), make_study(4, 1)
    studies.add(study, {})
    for judge in ("Ada", "=cmd()"):
        for n, shown in enumerate(order(study, judge)):
            studies.answer(study.id, judge, n, shown.target, 500)
            with pytest.raises(Refused, match="answered already"):
                studies.answer(study.id, judge, n, "left", 1)
    overall, judges = studies.results(study.id)
    assert (overall.chosen, overall.total) == (6, 6)
    assert {name: rate.total for name, rate in judges.items()} == {"Ada": 3, "=cmd()": 3}
    table = studies.table(study.id).splitlines()
    assert len(table) == 1 + 8
    assert "'=cmd()" in table[-1]  # no formula in a spreadsheet


@pytest.mark.parametrize("id", ["..", "none", "../studies", "a/b", ""])
def test_there_is_no_other_study(tmp_path: Path, id: str) -> None:
    with pytest.raises(Refused, match="no such study"):
        Studies(tmp_path).get(id)


def test_a_study_is_blind(tmp_path: Path) -> None:
    """Real pictures and fakes have the same size, the same format and names that say nothing; only the server knows."""
    for seed, domain in enumerate(("horses", "zebras")):
        (tmp_path / domain).mkdir()
        for n in range(8):
            (tmp_path / domain / f"{n}.jpg").write_bytes(picture(50 + n, 40, seed=10 * seed + n, kind="JPEG"))
    run = make_run(tmp_path / "runs" / "zebra")
    record = json.loads((run / "run.json").read_text())
    record["folders"] |= {"a": str(tmp_path / "horses"), "b": str(tmp_path / "zebras")}
    (run / "run.json").write_text(json.dumps(record))
    with serving(Runs.below(tmp_path / "runs"), folders=Folders([tmp_path])) as server:
        form = {"kind": "real-or-fake", "run": "zebra", "direction": "a2b", "trials": "6", "practice": "2"}
        assert server.submit("/judge", **form).status == 303
        end = time.monotonic() + 20
        while server.ask("/judge/staging").json["busy"] and time.monotonic() < end:
            time.sleep(0.05)
        (study,) = Studies(tmp_path / "runs" / ".studio").all()
        told = server.ask(f"/judge/{study.id}/next?judge=Ada").json
        assert told.keys() == {"done", "n", "total", "practice", "left", "right", "source"}
        pictures = [server.ask(told[side]) for side in ("left", "right")]
        assert all(p.array.shape == (32, 32, 3) for p in pictures)
        assert len({tuple(sorted(p.headers.keys() - {"content-length"})) for p in pictures}) == 1
        times = {(p.stat().st_mtime_ns) // 10**9 for p in (tmp_path / "runs" / ".studio").rglob("*.png")}
        assert len(times) <= 3
        assert server.ask(f"/judge/{study.id}/pictures/{'0' * 16}.png").status == 404
        other = {**form, "kind": "preference", "other": "zebra"}
        assert "two different runs" in server.submit("/judge", **other).text
