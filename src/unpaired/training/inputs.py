"""The pictures that a training is fed with, and those that it is measured on: found, decoded, and told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from unpaired.config import Channels, Config, Direction, Domain
from unpaired.data import split
from unpaired.data.cache import Cache, open_cache
from unpaired.data.discover import Discovery, discover
from unpaired.data.layout import part_of
from unpaired.errors import UserError
from unpaired.evaluation.distances import MINIMUM
from unpaired.methods import METHODS
from unpaired.training.pairs import Pairs, find_pairs, unpaired_files
from unpaired.training.record import Folders, RunRecord

SKIPPED_SHOWN = 10  # files named one by one
HELD_OUT_SHARE = 0.1
"""Of the smaller training folder, where there are no test folders."""

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
    held_out: dict[str, Discovery]
    """By domain, what the training is measured on and not trained on: of the test folders, or of the training folders
    where there are none. Empty where that would be too few."""
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
        a, b = opened("a", found["a"], data.channels_a), opened("b", found["b"], data.channels_b)
        tests: dict[str, Discovery] = {}
        if folders.test_a and folders.test_b:
            tests = {"a": discover(folders.test_a), "b": discover(folders.test_b)}
            held_out, _ = _held_out(tests, config.training.held_out)
        else:
            whole = {"a": replace(found["a"], files=a.files), "b": replace(found["b"], files=b.files)}
            held_out, chosen = _held_out(whole, config.training.held_out, HELD_OUT_SHARE)
            a, b = a.without(chosen[0]), b.without(chosen[1])
        paired = METHODS[config.method].paired
        return Inputs(
            found, {"a": a, "b": b}, tests, held_out,
            find_pairs(config.method, found["a"].folder, a, found["b"].folder, b) if paired else None,
        )  # fmt: skip

    @property
    def counts(self) -> dict[str, int]:
        return {domain: len(cache) for domain, cache in self.caches.items()}

    @property
    def digests(self) -> dict[str, str]:
        return {domain: cache.digest for domain, cache in self.caches.items()}

    @property
    def unseen(self) -> dict[str, Discovery]:
        """By domain, all that is not trained on; empty where there is nothing."""
        return self.tests or self.held_out

    def shown(self) -> dict[Direction, tuple[Path, ...]]:
        """What previews may choose from, by direction: pictures that are not trained on, where there are some."""
        found = self.unseen or self.found
        return {"a2b": found["a"].files, "b2a": found["b"].files}

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

    def measured(self, wanted: int) -> str:
        """What the training is measured on, where `wanted` pictures of each domain were asked for."""
        if self.held_out:
            counts = " and ".join(f"{len(found.files):,} of {d.upper()}" for d, found in self.held_out.items())
            return f"Measured while training on {counts}, {'test pictures' if self.tests else 'held out of training'}."
        if not wanted:
            return "Nothing is measured while training (--held-out 0)."
        needed = MINIMUM if self.tests else round(MINIMUM / HELD_OUT_SHARE)
        what = "test pictures" if self.tests else "pictures to hold a tenth out"
        return (
            f"Nothing is measured while training, there are too few {what}: {needed} of each domain are needed. "
            "Name folders of others with --test-a and --test-b."
        )


def _held_out(
    found: dict[str, Discovery], most: int, share: float = 1.0
) -> tuple[dict[str, Discovery], tuple[list[int], list[int]]]:
    """What of two folders is measured, and its indices: `most` pictures of each, no more than a share of the smaller.

    Nothing, where that would be too few for a distance.
    """
    a, b = found["a"], found["b"]
    count = min(most, int(share * min(len(a.files), len(b.files))))
    if count < MINIMUM:
        return {}, ([], [])
    chosen = split.held_out(a.folder, a.files, b.folder, b.files, count)
    return {
        domain: replace(found[domain], files=tuple(found[domain].files[i] for i in indices))
        for domain, indices in zip(("a", "b"), chosen, strict=True)
    }, chosen


def _left_out(skipped: list[tuple[Path, str]]) -> list[str]:
    sentences = [f"   left out {path}: {why}" for path, why in skipped[:SKIPPED_SHOWN]]
    if len(skipped) > SKIPPED_SHOWN:
        sentences.append(f"   and {len(skipped) - SKIPPED_SHOWN} more were left out.")
    return sentences


def _sizes(cache: Cache) -> str:
    """The size of all pictures, or of the smallest and the largest of them."""
    sizes = sorted(set(cache.sizes), key=lambda size: (size[0] * size[1], size))
    return " to ".join(f"{width}×{height}" for width, height in dict.fromkeys([sizes[0], sizes[-1]]))
