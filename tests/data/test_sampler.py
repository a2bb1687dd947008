"""Order and crops are pure functions of the seed and of the place in the stream."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.config import DataConfig
from unpaired.data.cache import Cache
from unpaired.data.sampler import Batches, crop_numbers, draw, indices, window, zoom_factors
from unpaired.errors import UserError


def make_cache(count: int, height: int, width: int, channels: int = 3, seed: int = 0) -> Cache:
    shape = (height, width, channels)
    length = height * width * channels
    return Cache(
        files=tuple(Path(f"{i}.png") for i in range(count)),
        skipped=[],
        shapes=(shape,) * count,
        offsets=tuple(range(0, count * length, length)),
        pixels=np.random.default_rng(seed).integers(0, 256, count * length, np.uint8),
    )


def make_batches(rank: int = 0, world: int = 1, batch: int = 2, seed: int = 0, **data: object) -> Batches:
    config = DataConfig(**{"size": 12, "crop": 8, **data})  # type: ignore[arg-type]
    return Batches(
        make_cache(5, 12, 12),
        make_cache(7, 12, 16, seed=1),
        config,
        seed=seed,
        rank=rank,
        world=world,
        batch=batch,
    )


@given(n=st.integers(1, 50), seed=st.integers(), number=st.integers(0, 10**6))
def test_every_picture_once_a_pass(n: int, seed: int, number: int) -> None:
    order = indices(n, seed=seed, domain="a", start=n * number, count=n)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(n))


@given(
    n=st.integers(1, 20),
    start=st.integers(0, 200),
    count=st.integers(0, 70),
    cut=st.integers(0, 70),
    seed=st.integers(0),
)
def test_a_stream_is_the_same_in_any_pieces(n: int, start: int, count: int, cut: int, seed: int) -> None:
    cut = min(cut, count)
    whole = indices(n, seed=seed, domain="b", start=start, count=count)
    pieces = [
        indices(n, seed=seed, domain="b", start=start, count=cut),
        indices(n, seed=seed, domain="b", start=start + cut, count=count - cut),
    ]
    assert whole.tolist() == np.concatenate(pieces).tolist()


def test_passes_domains_and_seeds_differ() -> None:
    orders = {
        tuple(indices(30, seed=seed, domain=domain, start=start, count=30).tolist())
        for seed in (0, 1, -1)
        for domain in ("a", "b")
        for start in (0, 30, 60)
    }
    assert len(orders) == 18


def test_passes_are_uniform() -> None:
    """Each of the 6 orders of 3 pictures comes about equally often."""
    stream = indices(3, seed=0, domain="a", start=0, count=3 * 3000).reshape(-1, 3)
    _, counts = np.unique(stream, axis=0, return_counts=True)
    assert len(counts) == 6
    assert (abs(counts - 500) < 5 * np.sqrt(500)).all()


@given(start=st.integers(0, 10**9), skip=st.integers(0, 40))
def test_crop_numbers_belong_to_positions(start: int, skip: int) -> None:
    along = crop_numbers(seed=3, domain="a", start=start)
    along.random(4 * skip)
    direct = crop_numbers(seed=3, domain="a", start=start + skip)
    assert along.random(8).tolist() == direct.random(8).tolist()


@given(height=st.integers(4, 40), width=st.integers(4, 40), crop=st.integers(1, 4), seed=st.integers(0, 2**32))
def test_crops_lie_inside(height: int, width: int, crop: int, seed: int) -> None:
    top, left, _ = draw(height, width, (crop, crop), True, np.random.default_rng(seed))
    assert 0 <= top <= height - crop
    assert 0 <= left <= width - crop


def test_crops_reach_every_place_and_flip_half() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw(6, 5, (4, 4), True, rng) for _ in range(2000)]
    assert {(top, left) for top, left, _ in drawn} == {(t, l) for t in range(3) for l in range(2)}  # noqa: E741
    assert 0.45 < np.mean([mirrored for *_, mirrored in drawn]) < 0.55
    assert not any(draw(6, 5, (4, 4), False, rng)[2] for _ in range(100))


def test_crop_larger_than_a_picture_names_it() -> None:
    with pytest.raises(UserError, match=r"0\.png is 12×12 px, smaller than .* 16 px: lower --crop or raise --size"):
        make_batches(crop=16)
    with pytest.raises(UserError, match=r"crop of 16 px: leave it out, or lower --crop\.$"):
        make_batches(crop=16, resize="none")
    with pytest.raises(UserError, match="smaller than the crop"):
        draw(8, 3, (4, 4), True, np.random.default_rng(0))


def test_a_batch_is_what_it_says() -> None:
    batch = make_batches(batch=3).at(0)
    for domain in (batch.a, batch.b):
        assert domain.shape == (3, 3, 8, 8)
        assert domain.dtype == torch.uint8
        assert domain.is_contiguous()


def test_crops_are_cut_from_the_pictures() -> None:
    batches, cache = make_batches(batch=5), make_cache(5, 12, 12)
    picks = indices(5, seed=0, domain="a", start=0, count=5)
    for crop, pick in zip(batches.at(0).a, picks, strict=True):
        picture = cache[int(pick)]
        pixels = crop.permute(1, 2, 0).numpy()
        places = [
            window
            for top in range(5)
            for left in range(5)
            for window in (
                picture[top : top + 8, left : left + 8],
                picture[top : top + 8, left : left + 8][:, ::-1],
            )
        ]
        assert any((window == pixels).all() for window in places)


@settings(deadline=None, max_examples=30)
@given(history=st.lists(st.integers(0, 300), max_size=8), at=st.integers(0, 300))
def test_history_does_not_matter(history: list[int], at: int) -> None:
    used = make_batches()
    for images_seen in history:
        used.at(images_seen)
    fresh, again = make_batches().at(at), used.at(at)
    assert torch.equal(fresh.a, again.a)
    assert torch.equal(fresh.b, again.b)


@settings(deadline=None, max_examples=30)
@given(world=st.integers(1, 4), batch=st.integers(1, 3), step=st.integers(0, 50))
def test_ranks_share_the_stream_of_one_process(world: int, batch: int, step: int) -> None:
    seen = step * world * batch
    together = make_batches(batch=world * batch).at(seen)
    ranks = [make_batches(rank, world, batch).at(seen) for rank in range(world)]
    assert torch.equal(torch.cat([r.a for r in ranks]), together.a)
    assert torch.equal(torch.cat([r.b for r in ranks]), together.b)


@given(world=st.integers(1, 5), batch=st.integers(1, 4), steps=st.integers(1, 6))
def test_ranks_do_not_overlap_within_a_pass(world: int, batch: int, steps: int) -> None:
    n = world * batch * steps
    seen = [
        int(i)
        for step in range(steps)
        for rank in range(world)
        for i in indices(n, seed=1, domain="a", start=step * world * batch + rank * batch, count=batch)
    ]
    assert sorted(seen) == list(range(n))


def test_grey_domain() -> None:
    batches = Batches(make_cache(3, 8, 8, 1), make_cache(3, 8, 8), DataConfig(size=8, crop=8), 0)
    assert batches.at(0).a.shape == (1, 1, 8, 8)
    assert batches.at(0).b.shape == (1, 3, 8, 8)


def test_prefetch_gives_what_at_gives() -> None:
    batches = make_batches(rank=1, world=2, batch=2)
    stream = batches.prefetch(8)
    for number, batch in enumerate(islice(stream, 5)):
        assert torch.equal(batch.a, batches.at(8 + 4 * number).a)
    stream.close()  # type: ignore[attr-defined]
    assert torch.equal(next(batches.prefetch(3, 5)).b, batches.at(3).b)


def test_a_rank_outside_the_world() -> None:
    with pytest.raises(ValueError, match="rank 2 is not one of 2"):
        make_batches(rank=2, world=2)


def test_pairs_come_together_with_one_crop_and_one_mirroring() -> None:
    a, b = make_cache(5, 12, 14), make_cache(4, 12, 14, seed=1)
    b.pixels[:] = 255 - a.pixels[: len(b.pixels)]  # picture i of B is picture i of A, inverted
    pairs = [(3, 3), (0, 0), (2, 2)]
    batches = Batches(a, b, DataConfig(size=12, crop=8), seed=0, batch=3, pairs=pairs)
    seen: set[int] = set()
    for start in range(0, 30, 3):
        batch = batches.at(start)
        assert torch.equal(batch.a, 255 - batch.b)
        seen |= {int(crop.sum()) for crop in batch.a}
    assert len(seen) > 20, "crops and mirroring vary"
    order = indices(3, seed=0, domain="a", start=0, count=3)
    shown = {pairs[int(i)][0] for i in order}
    assert shown == {0, 2, 3}, "only what is a pair"


def test_pairs_of_two_sizes_are_named() -> None:
    with pytest.raises(UserError, match=r"0\.png is 12×12 px after resizing and its pair 1\.png 16×12 px"):
        Batches(
            make_cache(1, 12, 12), make_cache(2, 12, 16), DataConfig(size=12, crop=8, resize="short"),
            seed=0, pairs=[(0, 1)],
        )  # fmt: skip


@given(limit=st.floats(1, 5), seed=st.integers(0, 99), step=st.integers(0, 10**6))
def test_zooms_lie_between_the_limit_and_one(limit: float, seed: int, step: int) -> None:
    factors = zoom_factors(limit, seed=seed, domain="a", step=step)
    assert all(1 / limit <= f <= 1 for f in factors)
    assert factors == zoom_factors(limit, seed=seed, domain="a", step=step)
    high, wide = window(40, 50, 8, factors)
    assert 8 <= high <= 40
    assert 8 <= wide <= 50


def test_a_step_shrinks_all_its_pictures_alike_and_ranks_agree() -> None:
    """On a picture whose colour says the place, the colours of a crop say how much was shrunk."""
    ramp = np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None], (100, 100, 3))
    cache = make_cache(1, 100, 100)
    cache.pixels[:] = np.ascontiguousarray(ramp).ravel()
    config = DataConfig(size=100, crop=16, zoom=4.0, flip=False)

    def slopes(rank: int, world: int, batch: int, start: int) -> list[float]:
        crops = Batches(cache, cache, config, seed=0, rank=rank, world=world, batch=batch).at(start).a.float()
        return ((crops[:, 0, :, -2] - crops[:, 0, :, 1]).mean(1) / 13).tolist()

    together = [slopes(0, 1, 4, start) for start in range(0, 40, 4)]
    for step in together:
        assert max(step) - min(step) < 0.15
        assert 0.95 < np.mean(step) < 4.05
    assert np.ptp([np.mean(step) for step in together]) > 1
    apart = slopes(0, 2, 2, 8) + slopes(1, 2, 2, 8)
    assert apart == together[2]
