"""The pictures that a training is fed with, and those that it is measured on: found, decoded, and told of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from unpaired.config import DOMAINS, Config, DataConfig, Direction, Domain, DType
from unpaired.data import split
from unpaired.data.cache import Cache, open_cache
from unpaired.data.discover import Discovery, discover
from unpaired.data.layout import part_of
from unpaired.data.masks import open_masks
from unpaired.data.passed_over import Reason, tell
from unpaired.data.scale import estimate, scale_of
from unpaired.errors import UserError
from unpaired.methods import METHODS
from unpaired.run.record import Folders, RunRecord
from unpaired.text import counted
from unpaired.training.pairs import Pairs, find_pairs, unlike_shapes, unpaired_files

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
    held_out: dict[str, Discovery]
    """By domain, what the training is measured on and not trained on: of the test folders, or of the training folders
    where there are none. Empty where that would be too few."""
    pairs: Pairs | None
    """Which pictures belong together, where the method asks; None where it does not."""
    masks: dict[Domain, Cache]
    """Of domains that have some, a mask for each picture that is trained on, in their order."""

    @staticmethod
    def of(folders: Folders, config: Config, decoding: Decoding = lambda domain, done, total: None) -> Inputs:
        """Raises `UserError` where a folder holds nothing to train on."""

        data = config.data

        def opened(domain: Domain, found: Discovery) -> Cache:
            channels, dtype = (data.channels_a, data.dtype_a) if domain == "a" else (data.channels_b, data.dtype_b)
            return open_cache(
                found.files, found.folder, size=data.size, resize=data.resize, channels=channels,
                background=data.background, part=part_of(data.layout, domain), axis=data.axis, dtype=dtype,
                progress=lambda done, total: decoding(domain, done, total),
            )  # fmt: skip

        found = {"a": discover(folders.a), "b": discover(folders.b)}
        a, b = opened("a", found["a"]), opened("b", found["b"])
        tests: dict[str, Discovery] = {}
        if folders.test_a and folders.test_b:
            tests = {"a": discover(folders.test_a), "b": discover(folders.test_b)}
            held_out, _ = split.measured(tests, config.training.held_out)
        else:
            whole = {"a": replace(found["a"], files=a.whole), "b": replace(found["b"], files=b.whole)}
            held_out, chosen = split.measured(whole, config.training.held_out, split.SHARE)
            a, b = a.without(chosen[0]), b.without(chosen[1])
        paired = METHODS[config.method].paired
        given: dict[Domain, tuple[Path | None, Cache]] = {"a": (folders.masks_a, a), "b": (folders.masks_b, b)}
        return Inputs(
            found, {"a": a, "b": b}, tests, held_out,
            find_pairs(config.method, found["a"].folder, a, found["b"].folder, b) if paired else None,
            {domain: open_masks(folder, pictures, found[domain].folder, data)
             for domain, (folder, pictures) in given.items() if folder},
        )  # fmt: skip

    @property
    def counts(self) -> dict[str, int]:
        return {domain: len(cache) for domain, cache in self.caches.items()}

    @property
    def digests(self) -> dict[str, str]:
        return {domain: cache.digest for domain, cache in self.caches.items()}

    @property
    def mask_digests(self) -> dict[str, str]:
        return {domain: cache.digest for domain, cache in self.masks.items()}

    @property
    def unseen(self) -> dict[str, Discovery]:
        """By domain, all that is not trained on; empty where there is nothing."""
        return self.tests or self.held_out

    def shown(self) -> dict[Direction, tuple[Path, ...]]:
        """What previews may choose from, by direction: pictures that are not trained on, where there are some."""
        found = self.unseen or self.found
        return {"a2b": found["a"].files, "b2a": found["b"].files}

    def settled(self, config: Config) -> Config:
        """The configuration with what the data decide: channels, type and range of both domains' values.

        Ordinary 8-bit pictures leave it as it is. Raises `UserError` where the data have other channels than asked for.
        """
        data = config.data
        channels_a, dtype_a, range_a = _settled("a", self.caches["a"], data)
        channels_b, dtype_b, range_b = _settled("b", self.caches["b"], data)
        if self.masks and channels_a != channels_b:
            raise UserError("Masks keep a part of the input as it is, which needs domains with the same channels.")
        data = replace(
            data, channels_a=channels_a, dtype_a=dtype_a, range_a=range_a,
            channels_b=channels_b, dtype_b=dtype_b, range_b=range_b,
        )  # fmt: skip
        return replace(config, data=data)

    def check_same(self, record: RunRecord, run: Path) -> None:
        """Raise `UserError` where these are not the pictures and masks that `run` was trained on."""
        for domain, digest in (record.mask_digests or {}).items():
            if self.mask_digests.get(domain) != digest:
                raise UserError(
                    f"The masks of {self.found[domain].folder} are not those that {run} was trained with: restore "
                    "them, or start a new run."
                )
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

    def sentences(self, config: Config) -> list[str]:
        """What is in the two folders, how its values will be seen, and what was left out and why."""
        sentences: list[str] = []
        for domain in DOMAINS:
            cache, found = self.caches[domain], self.found[domain]
            pictures = counted(len(cache), "picture")
            sentences.append(f"{domain.upper()}: {pictures} of {_sizes(cache)} px in {found.folder}.")
            sentences += _enlarged(cache, config)
            sentences += _values(domain, cache, config)
            used = {*self.masks[domain].files} if domain in self.masks else set[Path]()
            if used:
                sentences.append(f"   {counted(len(used), 'mask')}: what is black in them is to stay as it is.")
            sentences += _left_out([item for item in (*found.skipped, *cache.skipped) if item[0] not in used])
        if self.pairs is not None:
            alone = unpaired_files(self.caches["a"], self.caches["b"], self.pairs)
            sentences += [f"{counted(len(self.pairs), 'pair')}.", *_left_out(alone)]
            sentences += unlike_shapes(self.caches["a"], self.caches["b"], self.pairs)
        return sentences

    def measured(self, config: Config) -> str:
        """What the training is measured on."""
        if self.held_out:
            counts = " and ".join(f"{len(found.files):,} of {d.upper()}" for d, found in self.held_out.items())
            return f"Measured while training on {counts}, {'test pictures' if self.tests else 'held out of training'}."
        if not config.training.held_out:
            return "Nothing is measured while training (--held-out 0)."
        needed = split.MINIMUM if self.tests else round(split.MINIMUM / split.SHARE)
        what = "test pictures" if self.tests else "pictures to hold a tenth out"
        more = (
            "Name folders of others with --test-a and --test-b."
            if config.data.layout == "folders"
            else "Put them into folders `train` and `test`, and name the folder that holds both."
        )
        return (
            f"Nothing is measured while training, there are too few {what}: {needed} of each domain are needed. {more}"
        )


def _settled(domain: Domain, cache: Cache, data: DataConfig) -> tuple[int, DType | None, tuple[float, ...]]:
    """Channels, type and range of a domain; of ordinary 8-bit pictures no type and no range."""
    asked, dtype, numbers, how = (
        (data.channels_a, data.dtype_a, data.range_a, data.normalize_a) if domain == "a"
        else (data.channels_b, data.dtype_b, data.range_b, data.normalize_b)
    )  # fmt: skip
    channels = cache.channels if asked == DataConfig().channels_a else asked
    if channels != cache.channels:
        raise UserError(
            f"{cache.files[0]} and the others of its folder have {cache.channels} bands of {cache.dtype}, "
            f"not {asked}: take another --channels-{domain}."
        )
    if cache.dtype == np.uint8 and not numbers and how in ("auto", "full") and channels in (1, 3):
        return channels, dtype, ()
    if not numbers:
        numbers = estimate([cache[i] for i in range(len(cache))], how, cache.windows).numbers
    return channels, cast("DType", cache.dtype.name), numbers


def _values(domain: Domain, cache: Cache, config: Config) -> list[str]:
    """What is to be known of the values of a domain, beyond ordinary pictures."""
    sentences = [f"   of {counted(count, 'file')}, {note}." for note, count in cache.notes]
    scale = scale_of(config.data, domain)
    if scale is not None:
        bands = f"{cache.channels} band{'s' if cache.channels > 1 else ''} of {cache.dtype}"
        sentences.append(f"   {bands}; values from {scale.text()} become -1 to 1.")
    if "projected" in config.discriminator.kind and cache.channels not in (1, 3):
        sentences.append("   the PatchGAN alone judges it: the frozen network knows 1 or 3 channels only.")
    return sentences


def _left_out(skipped: list[tuple[Path, Reason]]) -> list[str]:
    return [f"   {line}" for line in tell(skipped, "left out", named=SKIPPED_SHOWN)]


def _enlarged(cache: Cache, config: Config) -> list[str]:
    """That most pictures are smaller than what the networks see of them, where they are."""
    data = config.data
    sides = sorted(min(size) for size in cache.sizes)
    if not sides or data.resize == "none" or sides[len(sides) // 2] >= data.crop:
        return []
    return [f"   Most are smaller than the crop of {data.crop} px; enlarging teaches blur: lower --size and --crop."]


def _sizes(cache: Cache) -> str:
    """The size of all pictures, or of the smallest and the largest of them."""
    sizes = sorted(set(cache.sizes), key=lambda size: (size[0] * size[1], size))
    return " to ".join(f"{width}×{height}" for width, height in dict.fromkeys([sizes[0], sizes[-1]]))
