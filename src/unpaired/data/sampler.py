"""Which pictures, which crops: pure functions of the seed and of the place in an endless stream.

Each domain is a stream of positions 0, 1, 2, …: one random permutation of its pictures after another. A step
of `world` ranks with `batch` pictures each takes the next `world × batch` positions: rank r takes those from
`images_seen + r × batch` on. So ranks never overlap, nothing has to be stored to resume, and two ranks see
together exactly what one process sees with twice the batch, down to the crops. (At the seam of two passes,
one step may show a picture twice: once near the end of a pass and once near the beginning of the next.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unpaired.config import DataConfig, Domain, Resize
from unpaired.data.cache import Cache
from unpaired.data.decode import resized
from unpaired.data.scale import scale_of
from unpaired.errors import UserError


@dataclass(frozen=True)
class Batch:
    """(N, C, crop, crop) of each domain, contiguous, drawn independently of each other; or pairs.

    uint8, or float32 in [-1, 1] where a domain has a scale of its own.
    """

    a: Tensor
    b: Tensor
    masks: dict[Domain, Tensor] = field(default_factory=dict[Domain, Tensor])
    """uint8 (N, 1, crop, crop) of domains that have masks, cropped and mirrored as their pictures."""


def _seed(seed: int, purpose: int, domain: Domain, number: int = 0) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed % 2**64, spawn_key=(purpose, "ab".index(domain), number))


@lru_cache(maxsize=4)  # this pass and the next of both domains
def _permutation(n: int, seed: int, domain: Domain, number: int) -> NDArray[np.int64]:
    """The order of pass `number`: a permutation of range(n), read-only."""
    order = np.random.default_rng(_seed(seed, 0, domain, number)).permutation(n).astype(np.int64)
    order.flags.writeable = False
    return order


def indices(n: int, *, seed: int, domain: Domain, start: int, count: int) -> NDArray[np.int64]:
    """Pictures at positions start … start + count of the endless stream over range(n): int64 (count,).

    Positions k n … (k + 1) n - 1 hold every picture once, in an order of their own for every k.
    """
    if n < 1 or start < 0 or count < 0:
        raise ValueError(f"no stream of n={n}, start={start}, count={count}")
    parts: list[NDArray[np.int64]] = []
    position, end = start, start + count
    while position < end:
        number, offset = divmod(position, n)
        take = min(n - offset, end - position)
        parts.append(_permutation(n, seed, domain, number)[offset : offset + take])
        position += take
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def crop_numbers(*, seed: int, domain: Domain, start: int) -> np.random.Generator:
    """The random numbers of positions start, start + 1, …: four for each, whoever asks and from wherever.

    Philox counts: block `start` of its stream is reached without computing those before (Salmon et al. 2011).
    """
    philox = np.random.Philox(_seed(seed, 1, domain))
    philox.advance(start)
    return np.random.Generator(philox)


def zoom_factors(limit: float, *, seed: int, domain: Domain, step: int) -> tuple[float, float]:
    """By how much the pictures of a step shrink, height and width: each uniform in 1/limit … 1."""
    if limit == 1:
        return 1.0, 1.0
    down, across = np.random.default_rng(_seed(seed, 2, domain, step)).uniform(1 / limit, 1, 2)
    return float(down), float(across)


def window(height: int, width: int, crop: int, zoom: tuple[float, float]) -> tuple[int, int]:
    """Height and width of what becomes a crop when it shrinks by `zoom`: no more than the picture holds."""
    return min(height, round(crop / zoom[0])), min(width, round(crop / zoom[1]))


def draw(height: int, width: int, crop: tuple[int, int], flip: bool, rng: np.random.Generator) -> tuple[int, int, bool]:
    """Top, left and whether mirrored, of a random window `crop` (height, width); takes four numbers of `rng` in any
    case.
    """
    if height < crop[0] or width < crop[1]:
        raise UserError(f"A picture of {width}×{height} px is smaller than the crop of {crop[0]} px: lower --crop.")
    down, right, mirror, _ = rng.random(4)
    return int(down * (height - crop[0] + 1)), int(right * (width - crop[1] + 1)), bool(flip and mirror < 0.5)


class Batches:
    """Random crops of two caches, by position.

    Args:
        cache_a, cache_b: the pictures of each domain.
        data: crop, flip, zoom.
        seed: of the order and the crops; rank and world do not enter but as positions.
        rank, world: this process and how many there are.
        batch: pictures of each domain in a step, on each rank.
        pairs: (index in A, index in B) of pictures that belong together; then they come together, both with the crop
            and the mirroring that A's position has.
        masks: by domain, a mask for each of its pictures, in their order and of their size.

    Raises `UserError`, naming the file, where a picture is smaller than the crop or not of the size of its pair.
    """

    def __init__(
        self,
        cache_a: Cache,
        cache_b: Cache,
        data: DataConfig,
        seed: int,
        rank: int = 0,
        world: int = 1,
        batch: int = 1,
        pairs: Sequence[tuple[int, int]] | None = None,
        masks: Mapping[Domain, Cache] | None = None,
    ) -> None:
        if not 0 <= rank < world:
            raise ValueError(f"rank {rank} is not one of {world}")
        for cache in (cache_a, cache_b):
            _check_crop(cache, data.crop, data.resize)
        _check_pairs(cache_a, cache_b, pairs or ())
        self._caches: dict[Domain, Cache] = {"a": cache_a, "b": cache_b}
        self._scales = {domain: scale_of(data, domain) for domain in self._caches}
        self._data = data
        self._seed = seed
        self._rank = rank
        self._world = world
        self._batch = batch
        self._pairs = pairs
        self._masks = dict(masks or {})

    def at(self, images_seen: int) -> Batch:
        """This rank's batch of the step that begins after `images_seen` (of all ranks together)."""
        start = images_seen + self._rank * self._batch
        (a, mask_a), (b, mask_b) = self._crops("a", start), self._crops("b", start)
        found: dict[Domain, Tensor | None] = {"a": mask_a, "b": mask_b}
        return Batch(a, b, {domain: mask for domain, mask in found.items() if mask is not None})

    def prefetch(self, start: int, step: int | None = None) -> Iterator[Batch]:
        """`at(start)`, `at(start + step)`, …, endlessly; the next one loads in a thread while one is in use.

        `step` is what all ranks see together in a step: batch × world if not given.
        """
        step = self._batch * self._world if step is None else step
        with ThreadPoolExecutor(1, thread_name_prefix="unpaired-batches") as pool:
            coming = pool.submit(self.at, start)
            while True:
                batch = coming.result()
                start += step
                coming = pool.submit(self.at, start)
                yield batch

    def _crops(self, domain: Domain, start: int) -> tuple[Tensor, Tensor | None]:
        """Pictures, and their masks where there are some."""
        cache, crop = self._caches[domain], self._data.crop
        # Pairs are one stream, that of A.
        stream, length = (domain, len(cache)) if self._pairs is None else ("a", len(self._pairs))
        picks = indices(length, seed=self._seed, domain=stream, start=start, count=self._batch)
        rng = crop_numbers(seed=self._seed, domain=stream, start=start)
        step = start // (self._batch * self._world)
        zoom = zoom_factors(self._data.zoom, seed=self._seed, domain=stream, step=step)
        scale = self._scales[domain]
        kind = torch.uint8 if scale is None else torch.float32
        out = torch.empty(self._batch, cache.channels, crop, crop, dtype=kind)
        planes = out.numpy()
        masks = self._masks.get(domain)
        shares = None if masks is None else torch.empty(self._batch, 1, crop, crop, dtype=torch.uint8)
        for place, pick in enumerate(picks.tolist()):
            index = pick if self._pairs is None else self._pairs[pick]["ab".index(domain)]
            picture = cache[index]
            height, width = picture.shape[:2]
            high, wide = window(height, width, crop, zoom)
            top, left, mirrored = draw(height, width, (high, wide), self._data.flip, rng)
            seen = resized(picture[top : top + high, left : left + wide], crop, crop)
            if scale is not None:
                seen = scale.to_network(seen)
            planes[place] = (seen[:, ::-1] if mirrored else seen).transpose(2, 0, 1)
            if masks is not None and shares is not None:
                share = resized(masks[index][top : top + high, left : left + wide], crop, crop)
                shares.numpy()[place] = (share[:, ::-1] if mirrored else share).transpose(2, 0, 1)
        return out, shares


def _check_crop(cache: Cache, crop: int, resize: Resize) -> None:
    larger = "leave it out, or lower --crop" if resize == "none" else "lower --crop or raise --size"
    for path, (height, width, _) in zip(cache.files, cache.shapes, strict=True):
        if min(height, width) < crop:
            raise UserError(f"{path} is {width}×{height} px, smaller than the crop of {crop} px: {larger}.")


def _check_pairs(cache_a: Cache, cache_b: Cache, pairs: Sequence[tuple[int, int]]) -> None:
    for i, j in pairs:
        (height, width, _), (other_height, other_width, _) = cache_a.shapes[i], cache_b.shapes[j]
        if (height, width) != (other_height, other_width):
            raise UserError(
                f"{cache_a.files[i]} is {width}×{height} px after resizing and its pair {cache_b.files[j]} "
                f"{other_width}×{other_height} px: give --resize square."
            )
