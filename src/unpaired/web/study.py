"""Studies with people: can they tell translations from real pictures, and which of two runs do they like better?

"Real or fake" follows the perceptual study of the CycleGAN paper (section 5.1.1, after pix2pix): a real and a
translated picture side by side for one second, then the question which is real; the first trials are practice and tell
whether the answer was right. What is reported is how often the translation was taken for the real one: 50 % cannot be
told apart. Nothing that a browser gets says which is which.
"""

from __future__ import annotations

import csv
import io
import json
import math
import random
import secrets
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from unpaired.data.files import write_json
from unpaired.errors import UserError
from unpaired.web.refused import Refused

Kind = Literal["real-or-fake", "preference"]
Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")
TRIALS, PRACTICE = 40, 10
SECONDS = 1.0
"""That a pair is shown."""
Z95 = 1.959964
RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Trial:
    """Two pictures to choose from, by the names of their files, and in a preference the input."""

    target: str
    """The fake of a "real or fake"; the first run's picture of a preference. Results count how often it is chosen."""
    other: str
    practice: bool = False
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Study:
    """What is asked, and of which runs."""

    id: str
    kind: Kind
    runs: list[str]
    direction: str
    source: str
    """What people call the domain that is translated from."""
    domain: str
    """And the one that is translated to."""
    created: float
    seed: int
    trials: list[Trial]

    @property
    def practice(self) -> int:
        return sum(t.practice for t in self.trials)


@dataclass(frozen=True, slots=True)
class Shown:
    """The n-th trial of a judge: what lies left and right."""

    n: int
    left: str
    right: str
    target: Side
    practice: bool
    source: str | None


@dataclass(frozen=True, slots=True)
class Rate:
    """How often the target was chosen, and between which shares that lies with 95 % confidence."""

    chosen: int
    total: int
    low: float
    high: float
    by_judges: tuple[float, float] | None = None
    """The same from resampling judges, which allows for their differing; None for fewer than three."""

    @property
    def share(self) -> float:
        return self.chosen / self.total if self.total else math.nan


def order(study: Study, judge: str) -> list[Shown]:
    """The trials as this judge sees them: practice first, then all others, each side by chance.

    It follows from the judge's name, so that nothing has to be kept and a page can be loaded again.
    """
    rng = random.Random(f"{study.seed}:{judge}")
    first = [t for t in study.trials if t.practice]
    then = [t for t in study.trials if not t.practice]
    rng.shuffle(first)
    rng.shuffle(then)
    shown: list[Shown] = []
    for n, trial in enumerate([*first, *then]):
        side = rng.choice(SIDES)
        left, right = (trial.target, trial.other) if side == "left" else (trial.other, trial.target)
        shown.append(Shown(n, left, right, side, trial.practice, trial.source))
    return shown


def wilson(chosen: int, total: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927): lies within 0 and 1 and is right for small numbers."""
    if not total:
        return (0.0, 1.0)
    share, z2 = chosen / total, Z95**2
    middle = (share + z2 / (2 * total)) / (1 + z2 / total)
    half = Z95 / (1 + z2 / total) * math.sqrt(share * (1 - share) / total + z2 / (4 * total**2))
    return (max(0.0, middle - half), min(1.0, middle + half))


def by_judges(shares: Sequence[float]) -> tuple[float, float] | None:
    """The 95 % percentile interval of the mean over judges who are drawn again with replacement."""
    if len(shares) < 3:
        return None
    rng = random.Random(0)
    means = sorted(sum(rng.choices(shares, k=len(shares))) / len(shares) for _ in range(RESAMPLES))
    return (means[round(0.025 * (RESAMPLES - 1))], means[round(0.975 * (RESAMPLES - 1))])


class Studies:
    """The studies of a folder of runs: RUNS_DIR/.studio/studies/ID/{study.json, answers.jsonl, pictures/}."""

    def __init__(self, desk: Path) -> None:
        self.root = desk / "studies"
        self._lock = threading.Lock()

    def all(self) -> list[Study]:
        """Newest first."""
        return sorted((self.get(p.parent.name) for p in self.root.glob("*/study.json")), key=lambda s: -s.created)

    def get(self, id: str) -> Study:
        """One study. Raises `Refused` where there is none."""
        path = self.root / id / "study.json"
        if not id.isalnum() or not path.is_file():
            raise Refused(404, "There is no such study.")
        told: dict[str, Any] = json.loads(path.read_text())
        told["trials"] = [Trial(**t) for t in told["trials"]]
        return Study(**told)

    def add(self, study: Study, pictures: dict[str, bytes]) -> None:
        """Keep a study whose pictures are ready: study.json is written last."""
        folder = self.root / study.id
        (folder / "pictures").mkdir(parents=True)
        for name, content in pictures.items():
            (folder / "pictures" / f"{name}.png").write_bytes(content)
        told = {k: getattr(study, k) for k in Study.__slots__}
        told["trials"] = [{k: getattr(t, k) for k in Trial.__slots__} for t in study.trials]
        write_json(folder / "study.json", told)

    def picture(self, id: str, name: str) -> Path:
        study = self.get(id)
        if name not in {p for t in study.trials for p in (t.target, t.other, t.source) if p}:
            raise Refused(404, "There is no such picture.")
        return self.root / study.id / "pictures" / f"{name}.png"

    def next(self, id: str, judge: str) -> Shown | None:
        """What this judge has not answered yet; None where that is nothing."""
        study = self.get(id)
        answered = sum(a["judge"] == judge for a in self.answers(id))
        return order(study, judge)[answered] if answered < len(study.trials) else None

    def answer(self, id: str, judge: str, n: int, choice: Side, milliseconds: int) -> Shown:
        """Keep the answer to the n-th trial; it counts once. Raises `Refused`."""
        with self._lock:
            shown = self.next(id, judge)
            if shown is None or shown.n != n:
                raise Refused(409, "This was answered already: go on with the next.")
            told = {
                "judge": judge, "n": n, "choice": choice, "target": shown.target, "chosen": choice == shown.target,
                "practice": shown.practice, "ms": milliseconds, "left": shown.left, "right": shown.right,
            }  # fmt: skip
            with (self.root / id / "answers.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(told) + "\n")
        return shown

    def answers(self, id: str) -> list[dict[str, Any]]:
        """All answers, oldest first."""
        path = self.root / self.get(id).id / "answers.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [cast("dict[str, Any]", json.loads(line)) for line in lines if line.endswith("}")]

    def results(self, id: str) -> tuple[Rate, dict[str, Rate]]:
        """Over all judges, and for each; practice does not count."""
        answers = [a for a in self.answers(id) if not a["practice"]]
        judges = {judge: rate(a for a in answers if a["judge"] == judge) for judge in _judges(answers)}
        return rate(answers, [r.share for r in judges.values()]), judges

    def table(self, id: str) -> str:
        """All answers as CSV, with what was what."""
        study = self.get(id)
        pairs = {name: i for i, t in enumerate(study.trials) for name in (t.target, t.other)}
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(["study", "kind", "runs", "direction", "judge", "trial", "pair", "practice", "target_side",
                         "choice", "target_chosen", "milliseconds"])  # fmt: skip
        for a in self.answers(id):
            # A name that begins like a formula must not become one in a spreadsheet.
            judge = f"'{a['judge']}" if a["judge"][:1] in "=+-@" else a["judge"]
            row = [study.id, study.kind, "|".join(study.runs), study.direction, judge, a["n"], pairs[a["left"]]]
            writer.writerow([*row, a["practice"], a["target"], a["choice"], a["chosen"], a["ms"]])
        return text.getvalue()


def rate(answers: Iterable[dict[str, Any]], shares: Sequence[float] = ()) -> Rate:
    answers = list(answers)
    chosen = sum(bool(a["chosen"]) for a in answers)
    return Rate(chosen, len(answers), *wilson(chosen, len(answers)), by_judges(shares))


def judge_name(told: str) -> str:
    """A judge's name, or a number in its place. Raises `UserError` for one that can't be shown."""
    name = " ".join(told.split())[:40]
    if not name.isprintable():
        raise UserError("This name can't be shown: take letters and digits.")
    return name or f"judge {secrets.token_hex(3)}"


def _judges(answers: Iterable[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(a["judge"] for a in answers))
