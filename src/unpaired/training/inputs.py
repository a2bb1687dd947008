"""The pictures that a training is fed with: found, decoded, and told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from unpaired.config import Channels, Config, Direction, Domain
from unpaired.data.cache import Cache, open_cache
from unpaired.data.discover import Discovery, discover
from unpaired.data.layout import part_of
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.training.pairs import Pairs, find_pairs, unpaired_files
from unpaired.training.record import Folders, RunRecord

SKIPPED_SHOWN = 10  # files named one by one

Decoding = Callable[[str, int, int], None]
"""Called with the domain, the pictures decoded and the pictures in all."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the folders of a training hold; each is walked once, and the training pictures lie decoded in a cache."""

    found: dict[str, Discovery]
    """By domain."""
    caches: dict[str, Cache]
    """By domain, what of it can be decoded."""
    tests: dict[str, Discovery]
    """By domain; empty where there are no test folders."""
    pairs: Pairs | None
    """Which pictures belong together, where the method asks; None where it does not."""

    @staticmethod
    def of(folders: Folders, config: Config, decoding: Decoding = lambda domain, done, total: None) -> Inputs:
        """Raises `UserError` where a folder holds nothing to train on."""

        data = config.data

        def opened(domain: Domain, found: Discovery, channels: Channels) -> Cache:
            return open_cache(
                found.files, found.folder, size=data.size, resize=data.resize, channels=channels,
                background=data.background, part=part_of(data.layout, domain),
                progress=lambda done, total: decoding(domain, done, total),
            )  # fmt: skip

        found = {"a": discover(folders.a), "b": discover(folders.b)}
        tests = {"a": folders.test_a, "b": folders.test_b}
        a, b = opened("a", found["a"], data.channels_a), opened("b", found["b"], data.channels_b)
        paired = METHODS[config.method].paired
        return Inputs(
            found, {"a": a, "b": b},
            {domain: discover(folder) for domain, folder in tests.items() if folder},
            find_pairs(config.method, found["a"].folder, a, found["b"].folder, b) if paired else None,
        )  # fmt: skip

    @property
    def counts(self) -> dict[str, int]:
        return {domain: len(cache) for domain, cache in self.caches.items()}

    @property
    def digests(self) -> dict[str, str]:
        return {domain: cache.digest for domain, cache in self.caches.items()}

    def shown(self) -> dict[Direction, tuple[Path, ...]]:
        """What previews and the judge may choose from: test pictures where there are some, by direction."""
        files = {domain: (self.tests.get(domain) or found).files for domain, found in self.found.items()}
        return {"a2b": files["a"], "b2a": files["b"]}

    def check_same(self, record: RunRecord, run: Path) -> None:
        """Raise `UserError` where these are not the pictures that `run` was trained on."""
        for domain, now in self.counts.items():
            then, known = record.counts[domain], (record.digests or self.digests)[domain]
            if now != then:
                change = f"held {then:,} pictures and holds {now:,} now"
            elif known != self.digests[domain]:
                change = f"still holds {now:,} pictures, but not the same ones in the same order"
            else:
                continue
            raise UserError(
                f"{self.found[domain].folder} {change}: restore what {run} was trained on, or start a new run."
            )

    def sentences(self) -> list[str]:
        """What is in the two folders, and what was left out and why."""
        sentences: list[str] = []
        for domain, cache in self.caches.items():
            found = self.found[domain]
            pictures = "picture" if found.folder.is_file() else "pictures"
            sentences.append(f"{domain.upper()}: {len(cache):,} {pictures} of {_sizes(cache)} px in {found.folder}.")
            sentences += _left_out([*found.skipped, *cache.skipped])
        if self.pairs is not None:
            alone = unpaired_files(self.caches["a"], self.caches["b"], self.pairs)
            sentences += [f"{len(self.pairs):,} pairs.", *_left_out(alone)]
        return sentences


def _left_out(skipped: list[tuple[Path, str]]) -> list[str]:
    sentences = [f"   left out {path}: {why}" for path, why in skipped[:SKIPPED_SHOWN]]
    if len(skipped) > SKIPPED_SHOWN:
        sentences.append(f"   and {len(skipped) - SKIPPED_SHOWN} more were left out.")
    return sentences


def _sizes(cache: Cache) -> str:
    """The size of all pictures, or of the smallest and the largest of them."""
    sizes = sorted(set(cache.sizes), key=lambda size: (size[0] * size[1], size))
    return " to ".join(f"{width}×{height}" for width, height in dict.fromkeys([sizes[0], sizes[-1]]))
