"""What is wrong with a data set, before a day is spent on it."""

from __future__ import annotations

import hashlib
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unpaired.data.decode import resized, seen
from unpaired.data.discover import is_broken, look_through, nothing
from unpaired.data.likeness import FLAT, near_pairs, perceptual_hash, thumbnail
from unpaired.data.passed_over import Reason
from unpaired.data.picture import Picture
from unpaired.data.pixels import read_bytes
from unpaired.data.show import visible
from unpaired.errors import UserError, reason
from unpaired.evaluation.distances import kid, kid_spread
from unpaired.evaluation.features import FeatureExtractor

Level = Literal["error", "warning"]

SHOWN = 5
"""Files named for each finding."""
FEW = 50
"""Pictures of a domain below which a training learns them by heart."""
UNEVEN = 4.0
"""Times as many pictures in one domain as in the other."""
STRETCHED = 1.5
"""Factor by which an aspect ratio may be away from the domain's median."""
GREY = (0.01, 0.25)
"""Share of grey pictures in a domain of colours that looks like a mistake."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is remembered of a picture: about 1 kB."""

    path: Path
    size: tuple[int, int]
    content: bytes
    hash: int
    thumb: NDArray[np.uint8]
    grey: bool
    pages: int
    """Frames or slices, each a picture of its own in training."""
    kind: str
    """Its bands and type of values; a training takes files of one kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, or looks so."""

    level: Level
    """An error spoils a training or its measurements; a warning may be as it should."""
    what: str
    count: int
    files: list[str]
    """The first few, or pairs of them."""
    advice: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """What was looked at and found."""

    counts: dict[str, int]
    """Whole pictures, by domain (A, B, test A, test B)."""
    kid: dict[str, float]
    """KID (EfficientNet-Lite0) between the domains, and its floor: between halves of one. Empty where too few."""
    findings: list[Finding]

    @property
    def errors(self) -> int:
        return sum(finding.level == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def check(
    folders: dict[str, Path], *, size: int, sample: int = 200, extractor: FeatureExtractor | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Checkup:  # fmt: skip
    """Look at every picture of `folders` (by domain: "A", "B", and "test A", "test B" where there are such).

    Args:
        size: side in px that a training would resize to; smaller pictures are told of.
        sample: pictures of each domain through whose features the domains are compared; 0 leaves that out.
        extractor: the features; EfficientNet-Lite0 if not given.
        progress: is told (done, to do).

    Raises `UserError` where a folder holds no picture at all.
    """
    findings: list[Finding] = []
    looks = {domain: Domain(domain, _looked(folder, progress, findings, domain)) for domain, folder in folders.items()}
    for domain in looks.values():
        findings += domain.findings(size)
    a, b = looks["A"].looks, looks["B"].looks
    findings += _counts(looks["A"].count, looks["B"].count)
    findings += _shared(looks)
    distances: dict[str, float] = {}
    if sample and min(len(a), len(b)) >= 20:
        distances = _distances(a, b, sample, extractor)
        if distances["between"] <= distances["floor"] + 2 * distances["noise"]:
            findings.append(Finding(
                level="error", what="A and B look alike", count=1,
                files=[f"KID {distances['between']:.4f}, within one domain {distances['floor']:.4f}"],
                advice="there is nothing to translate between them: is the same folder in both?",
            ))  # fmt: skip
    findings.sort(key=lambda finding: finding.level)
    return Checkup(counts={name: domain.count for name, domain in looks.items()}, kid=distances, findings=findings)


@dataclass(frozen=True, slots=True)
class Domain:
    """The whole pictures of one folder."""

    name: str
    looks: list[Look]

    @property
    def count(self) -> int:
        """Pictures that a training sees."""
        return sum(look.pages for look in self.looks)

    def findings(self, size: int) -> Iterator[Finding]:
        """What one folder shows by itself."""
        if not self.looks:
            return
        name = self.name
        yield from _told("warning", f"{name}: the same file again", self._again(),
                         "each is seen that much more often: keep one")  # fmt: skip
        most = Counter(look.kind for look in self.looks).most_common(1)[0][0]
        others = [f"{look.path} ({look.kind})" for look in self.looks if look.kind != most]
        yield from _told("warning", f"{name}: not of {most}, as most", others,
                         "a training leaves them out: convert them")  # fmt: skip
        small = [look for look in self.looks if min(look.size) < size]
        advice = f"they are enlarged and teach blur: leave them out, or train at {_smallest(small)} px"
        yield from _told("warning", f"{name}: smaller than {size} px", _names(small), advice)
        ratios = np.array([look.size[0] / look.size[1] for look in self.looks])
        away = np.abs(np.log(ratios / np.median(ratios))) > np.log(STRETCHED)
        odd = [look for look, far in zip(self.looks, away, strict=True) if far]
        yield from _told("warning", f"{name}: of another shape than most", _names(odd),
                         "--resize square stretches them: give --resize short, or leave them out")  # fmt: skip
        yield from _told(
            "warning", f"{name}: all of one tone", _names(self._flat()), "they teach nothing: leave them out"
        )
        grey = [look for look in self.looks if look.grey]
        if GREY[0] <= len(grey) / len(self.looks) <= GREY[1]:
            yield from _told("warning", f"{name}: grey among colours", _names(grey),
                             "a discriminator learns that grey is real, too: leave them out")  # fmt: skip
        near = [f"{x.path} and {y.path}" for x, y in _near(self.looks)]
        yield from _told("warning", f"{name}: nearly the same picture", near,
                         "they are seen that much more often: keep one, or leave it")  # fmt: skip

    def _again(self) -> list[str]:
        first: dict[bytes, Look] = {}
        return [f"{look.path} and {other.path}" for look in self.looks
                if (other := first.setdefault(look.content, look)) is not look]  # fmt: skip

    def _flat(self) -> list[Look]:
        return [look for look in self.looks if look.thumb.std() < FLAT]


def _looked(folder: Path, progress: Callable[[int, int], None], findings: list[Finding], domain: str) -> list[Look]:
    """Every whole picture of a folder; the others become a finding."""
    files: list[Path] = []
    skipped: list[tuple[Path, Reason]] = []
    for path, why in look_through(folder):
        if why is None:
            files.append(path)
        else:
            skipped.append((path, why))
    if not files:
        raise UserError(nothing(folder, skipped))
    bad = [f"{path}: {why}" for path, why in skipped if is_broken(path, why)]
    looks: list[Look] = []
    for done, told in enumerate(_threaded(files)):
        if isinstance(told, Look):
            looks.append(told)
        else:
            bad.append(told)
        progress(done + 1, len(files))
    findings += _told("error", f"{domain}: can't be read", bad, "get them again, or delete them")
    return looks


def _threaded(files: Sequence[Path]) -> Iterator[Look | str]:
    """In the order of the files; few are in memory at a time."""
    threads = os.cpu_count() or 1
    with ThreadPoolExecutor(threads, "looking") as pool:
        ahead: deque[Future[Look | str]] = deque()
        for path in files:
            ahead.append(pool.submit(_look, path))
            if len(ahead) >= 4 * threads:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def _look(path: Path) -> Look | str:
    """Decoded to its end; a sentence where that can't be done."""
    try:
        data = read_bytes(path)
        picture = seen(data, path, draft=64)
    except UserError as e:
        return f"{path}: {reason(e, path)}"
    shown = _shown(picture)
    thumb = thumbnail(shown)
    spread = thumb.max(axis=2).astype(int) - thumb.min(axis=2)
    content = hashlib.sha256(data).digest()
    ordinary = picture.dtype == np.uint8 and picture.bands in (1, 3)
    return Look(
        path, picture.stored, content, perceptual_hash(shown), thumb, bool(spread.max() <= 4), len(picture.pages),
        "8 bits" if ordinary else f"{picture.bands} × {picture.dtype}",
    )  # fmt: skip


def _shown(picture: Picture) -> NDArray[np.uint8]:
    """The middle page as people look at it, (H, W, 3)."""
    page = picture.pages[len(picture.pages) // 2]
    return visible([page if page.shape[2] in (1, 3) else page.astype(np.float32)])[0]


def _shared(domains: dict[str, Domain]) -> Iterator[Finding]:
    """Pictures that are in two folders which should share none."""
    pairs: list[tuple[str, str, Level, str]] = [
        ("A", "B", "error", "what is in both domains teaches that nothing has to change: remove it from one"),
        ("A", "test A", "error", "a test on what was trained on proves nothing: remove it from one"),
        ("B", "test B", "error", "a test on what was trained on proves nothing: remove it from one"),
    ]
    for one, two, level, advice in pairs:
        if one not in domains or two not in domains:
            continue
        left, right = domains[one].looks, domains[two].looks
        by_content = {look.content: look for look in left}
        same = [(by_content[look.content], look) for look in right if look.content in by_content]
        yield from _told(level, f"{one} and {two}: the same file", [f"{x.path} and {y.path}" for x, y in same], advice)
        known = {(x.path, y.path) for x, y in same}
        near = [(x, y) for x, y in _near(left, right) if (x.path, y.path) not in known and x.content != y.content]
        yield from _told("warning", f"{one} and {two}: nearly the same picture",
                         [f"{x.path} and {y.path}" for x, y in near], advice)  # fmt: skip


def _near(left: Sequence[Look], right: Sequence[Look] | None = None) -> list[tuple[Look, Look]]:
    """Pairs of different files that show the same: within one list, or one of each of two."""
    looks = [*left, *(right or ())]
    if len(looks) < 2:
        return []
    pairs = near_pairs([look.hash for look in looks], np.stack([look.thumb for look in looks]))
    across = right is not None
    return [
        (looks[i], looks[j]) for i, j in pairs.tolist()
        if looks[i].content != looks[j].content and (not across or (i < len(left)) != (j < len(left)))
    ]  # fmt: skip


def _counts(a: int, b: int) -> Iterator[Finding]:
    for name, count in (("A", a), ("B", b)):
        if count < FEW:
            yield Finding(level="warning", what=f"{name}: few pictures", count=count, files=[],
                          advice=f"below {FEW} a discriminator learns them by heart: find more")  # fmt: skip
    if min(a, b) and max(a, b) / min(a, b) > UNEVEN:
        small, large = ("A", "B") if a < b else ("B", "A")
        yield Finding(level="warning", what=f"{small}: far fewer pictures than {large}", count=min(a, b), files=[],
                      advice=f"each is seen {max(a, b) / min(a, b):.1f} times as often: find more")  # fmt: skip


def _distances(
    a: Sequence[Look], b: Sequence[Look], sample: int, extractor: FeatureExtractor | None
) -> dict[str, float]:
    """KID between the domains, and between halves of each: the larger one, and how it varies."""
    if extractor is None:
        from unpaired.evaluation.features import LiteExtractor

        extractor = LiteExtractor()
    features = [_features(looks, sample, extractor) for looks in (a, b)]
    rng = np.random.default_rng(0)
    floors: list[float] = []
    for x in features:
        for _ in range(10):
            order = rng.permutation(len(x))
            floors.append(kid(x[order[: len(x) // 2]], x[order[len(x) // 2 :]], minimum=2))
    return {
        "between": kid(*features, minimum=2), "floor": max(0.0, float(np.mean(floors))),
        "noise": max(float(np.std(floors)), kid_spread(*features, subsets=10, minimum=2)[1] / 2),
    }  # fmt: skip


def _features(looks: Sequence[Look], sample: int, extractor: FeatureExtractor) -> NDArray[np.float32]:
    """Of evenly spaced pictures."""
    chosen = np.linspace(0, len(looks) - 1, min(sample, len(looks))).round().astype(int)
    paths = [looks[i].path for i in chosen.tolist()]
    rows = [extractor([resized(_shown(seen(read_bytes(path), path, draft=224)), 224, 224)]) for path in paths]
    return np.concatenate(rows)


def _told(level: Level, what: str, files: Iterable[str], advice: str) -> list[Finding]:
    """A finding about files, or none."""
    names = list(files)
    return [Finding(level=level, what=what, count=len(names), files=names[:SHOWN], advice=advice)] if names else []


def _names(looks: Sequence[Look]) -> list[str]:
    return [f"{look.path} ({look.size[0]}×{look.size[1]})" for look in looks]


def _smallest(looks: Sequence[Look]) -> int:
    return min((min(look.size) for look in looks), default=0)
