"""What a training costs in energy, where the machine tells: RAPL counters of a Linux kernel that may be read."""

from __future__ import annotations

from pathlib import Path

COUNTERS = Path("/sys/class/powercap")


class Energy:
    """Joules of all processor packages since the last look. Whatever else the machine does is in it, GPUs are not."""

    def __init__(self, counters: Path = COUNTERS) -> None:
        # intel-rapl:0 is a package (of AMD's processors too); intel-rapl:0:0 is a part of one.
        self._packages = [p for p in sorted(counters.glob("intel-rapl:*")) if p.name.count(":") == 1]
        self._last = self._read()

    def take(self) -> float | None:
        """Joules since the last call, or None where the machine does not tell."""
        before, self._last = self._last, self._read()
        if not before or not self._last:
            return None
        steps = [(now - then) % (most + 1) for (now, most), (then, _) in zip(self._last, before, strict=True)]
        return sum(steps) / 1e6

    def _read(self) -> list[tuple[int, int]] | None:
        """Microjoules of each package, and the largest number that its counter holds before it starts again at 0."""
        try:
            return [
                (int((p / "energy_uj").read_text()), int((p / "max_energy_range_uj").read_text()))
                for p in self._packages
            ]
        except (OSError, ValueError):  # often only root may read them
            return None
