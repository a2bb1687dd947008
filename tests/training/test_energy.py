"""Energy counters as a kernel shows them."""

from __future__ import annotations

from pathlib import Path

import pytest

from unpaired.training.energy import Energy


def _set(root: Path, name: str, now: int, most: int = 999_999_999) -> None:
    (root / name).mkdir(exist_ok=True)
    (root / name / "energy_uj").write_text(f"{now}\n")
    (root / name / "max_energy_range_uj").write_text(f"{most}\n")


def test_packages_are_added_parts_are_not_and_a_counter_may_start_again(tmp_path: Path) -> None:
    _set(tmp_path, "intel-rapl:0", 5_000_000)
    _set(tmp_path, "intel-rapl:1", 999_000_000)
    _set(tmp_path, "intel-rapl:0:0", 0)
    energy = Energy(tmp_path)
    _set(tmp_path, "intel-rapl:0", 7_500_000)
    _set(tmp_path, "intel-rapl:1", 1_000_000)
    _set(tmp_path, "intel-rapl:0:0", 900_000)
    assert energy.take() == pytest.approx(2.5 + 2.0)
    assert energy.take() == 0


def test_a_machine_that_does_not_tell(tmp_path: Path) -> None:
    assert Energy(tmp_path).take() is None
    _set(tmp_path, "intel-rapl:0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text("no number")
    assert Energy(tmp_path).take() is None
