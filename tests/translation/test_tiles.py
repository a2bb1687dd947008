"""Tiled is whole: for every generator, size and height of bands."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from unpaired.config import GeneratorConfig
from unpaired.errors import UserError
from unpaired.networks import GENERATORS, build_generator
from unpaired.networks.layers import initialise
from unpaired.networks.noise import redraw
from unpaired.networks.warp import WarpingGenerator
from unpaired.translation import memory, passes
from unpaired.translation.fit import fitted, fitted_rows
from unpaired.translation.rows import Budget, Memory, Rows
from unpaired.translation.tiles import BAND, Tiles

SIZES = {
    "resnet": {"blocks": 2, "kernel": 5}, "unet": {"depth": 4}, "convnext": {"blocks": 1}, "pyramid": {"depth": 2},
}  # fmt: skip
ROOM = 1 << 30


def network(inputs: int = 3, outputs: int = 3, dtype: torch.dtype = torch.float64, **options: Any) -> nn.Module:
    """Of weights that let every place of the output tell rounding from an error: pre-activations that grow without a
    norm would leave all of it ±1 but a place or two, and those would carry rounding of 1e-15 on to 1e-8.
    """
    torch.manual_seed(0)
    made = build_generator(inputs, outputs, GeneratorConfig(width=4, **options))
    initialise(made, 1.0, "xavier")
    if isinstance(made, WarpingGenerator):
        initialise(made.shifts, 1.5, "xavier")  # shifts of most of the px that are allowed
    for module in made.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)  # pyright: ignore
            module.running_var.uniform_(0.5, 2)  # pyright: ignore
    return made.to(dtype).eval().requires_grad_(False)


def tiled(net: nn.Module, x: Tensor, band: int | None, memory: int = ROOM, **options: Any) -> Tensor:
    """(1, C, H, W) through `net` in bands."""
    made: list[Tensor] = []
    read, height, width = fitted_rows(lambda a, b: x[:, :, a:b], *x.shape[2:], net.multiple)  # pyright: ignore

    def write(first: int, rows: Tensor) -> None:
        assert first == sum(part.shape[2] for part in made)
        made.append(rows)

    with torch.inference_mode():
        tiles = Tiles(net, net.multiple, x.shape[1], x.device)  # pyright: ignore
        tiles.run(read, write, height, width, memory=memory, band=band, **options)
    return torch.cat(made, 2)[:, :, : x.shape[2], : x.shape[3]]


def whole(net: nn.Module, x: Tensor) -> Tensor:
    with torch.inference_mode():
        return fitted(net, x)


def picture(height: int, width: int, channels: int = 3, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(1), dtype=dtype) * 2 - 1


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(list(GENERATORS)),
    norm=st.sampled_from(["instance", "batch", "group", "none"]),
    upsample=st.sampled_from(["transposed", "resize", "blur"]),
    downsample=st.sampled_from(["strided", "blur"]),
    padding=st.sampled_from(["reflect", "zeros"]),
    residual=st.booleans(),
    moved=st.sampled_from([{}, {"attention": True}, {"warp": 9}]),
    dropout=st.sampled_from([0.0, 0.5]),
    height=st.integers(17, 70),
    width=st.integers(17, 40),
    band=st.none() | st.integers(1, 40),
    band_bytes=st.sampled_from([1, 50_000, BAND]),
    memory=st.sampled_from([0, 20_000, ROOM]),
    far=st.sampled_from([4, 64]),
)
def test_tiled_is_whole(
    kind: str, height: int, width: int, band: int | None, band_bytes: int, memory: int, far: int, dropout: float,
    moved: dict[str, Any], **options: Any,
) -> None:  # fmt: skip
    """To the rounding of double precision: what is asked for is 1/255."""
    net = network(kind=kind, dropout=dropout, noise=dropout > 0, **SIZES[kind], **moved, **options)
    x = picture(height, width)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "FAR", far)
        made = tiled(net, x, band, memory, band_bytes=band_bytes)
    torch.testing.assert_close(made, whole(net, x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", list(GENERATORS))
def test_in_single_precision_and_channels_last(kind: str) -> None:
    net = network(kind=kind, dtype=torch.float32, **SIZES[kind]).to(memory_format=torch.channels_last)  # pyright: ignore
    x = picture(90, 50, dtype=torch.float32)
    atol = 1e-4 if kind == "pyramid" else 3e-5  # a norm of a norm of a norm carries rounding on
    torch.testing.assert_close(tiled(net, x, 16, channels_last=True), whole(net, x), rtol=0, atol=atol)


def test_in_half_precision() -> None:
    """Rounding to bfloat16 happens at other places of the sum: it differs by as much as it is coarse."""
    net = network(kind="resnet", dtype=torch.float32, **SIZES["resnet"])
    x = picture(90, 50, dtype=torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made, direct = tiled(net, x, 16), whole(net, x)
    error = (direct - whole(net, x)).abs().mean()  # of half precision itself
    assert (made - direct).abs().mean() <= error + 1 / 255


@pytest.mark.parametrize("options", [{"kind": "pyramid"}, {"kind": "resnet", "dropout": 0.5, "noise": True}])
def test_of_every_draw_of_noise(options: dict[str, Any]) -> None:
    net = network(**options, **SIZES[options["kind"]])
    x = picture(60, 30)
    first = whole(net, x)
    redraw(net, 7)
    assert (whole(net, x) - first).abs().max() > 1e-3
    torch.testing.assert_close(tiled(net, x, 8), whole(net, x), rtol=0, atol=1e-10)


def test_colouring_keeps_the_lightness_of_the_whole() -> None:
    net = network(1, 3, kind="resnet", lab=True, **SIZES["resnet"])
    x = picture(60, 30, channels=1)
    torch.testing.assert_close(tiled(net, x, 8), whole(net, x), rtol=0, atol=1e-6)


def test_naive_tiles_would_differ() -> None:
    """The test can fail: bands translated by themselves are far from the whole."""
    net = network(kind="resnet", **SIZES["resnet"])
    x = picture(64, 32) * torch.linspace(0.1, 1, 64, dtype=torch.float64)[:, None]
    naive = torch.cat([whole(net, part) for part in x.split(16, 2)], 2)
    assert (naive - whole(net, x)).abs().max() > 0.1


def test_a_pass_for_each_norm_and_nothing_kept_that_is_cheap_to_compute() -> None:
    net = network(kind="resnet", blocks=3)
    plan = Tiles(net, 4, 3, torch.device("cpu")).passes
    assert len(plan) == 3 + 2 * 3 + 2 + 1  # norms of the encoder, of the blocks, of the decoder; the result
    assert all(len(p.kept) <= 2 for p in plan)
    assert sum(len(p.kept) for p in plan) == sum(len(p.last & {k for q in plan for k in q.kept}) for p in plan)


def test_attention_of_a_large_picture_takes_some_queries_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(kind="convnext", **SIZES["convnext"])
    x = picture(64, 48)
    want = whole(net, x)
    monkeypatch.setattr("unpaired.networks.convnext.PAIRS", 500)
    torch.testing.assert_close(whole(net, x), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("room", [0, 40 * 128 * 16 * 3 * 4, ROOM])
def test_rows_hold_what_was_written_until_it_is_forgotten(room: int) -> None:
    size = 128 * 16 * 3 * 4
    budget = Budget(room, size + 5)
    rows = Rows(3, 8030, 16, torch.float32, budget)
    assert rows.deep == 128
    values = torch.rand(1, 3, 8030, 16)
    for first in range(0, 8030, 250):
        rows.write(first, values[:, :, first : first + 250])
    assert (room - budget.left) // budget.block == {0: 0, 40 * size: 39, ROOM: 63}[room], "memory first, then files"
    assert torch.equal(rows.read(390, 1410), values[:, :, 390:1410])
    rows.forget(1050)
    assert torch.equal(rows.read(1024, 8030), values[:, :, 1024:])
    rows.close()
    left = budget.left
    again = Rows(3, 8030, 16, torch.float32, budget)
    again.write(0, values.flip(2))
    assert torch.equal(again.read(0, 8030), values.flip(2)), "a block that is taken again holds what was written last"
    assert budget.left == left, "nothing new was taken"
    budget.close()


def test_what_is_forgotten_makes_room_for_what_comes() -> None:
    """A result can take the place of another in the memory of one and a band."""
    budget = Budget(14 * 8 * 160, 8 * 160)  # a result has 13 blocks of 8 rows
    first = Rows(1, 100, 40, torch.float32, budget)
    first.write(0, torch.ones(1, 1, 100, 40))
    second = Rows(1, 100, 40, torch.float32, budget)
    for row in range(0, 100, 8):
        second.write(row, first.read(row, min(row + 8, 100)) + row)
        first.forget(row + 8)
    assert all(isinstance(block, Memory) for block in second._blocks)
    assert torch.equal(second.read(0, 100)[0, 0, :, 0], 1.0 + torch.arange(100) // 8 * 8)


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("unpaired.translation.rows.os.posix_fallocate", full)
    budget = Budget(0, 1000)
    with pytest.raises(UserError, match=r"no room for 0\.0 GB of intermediate results \(No space left on device\)"):
        Rows(3, 40, 16, torch.float32, budget).write(0, torch.zeros(1, 3, 1, 16))
    budget.close()


def test_memory_as_people_write_it() -> None:
    assert [memory.parsed(t) for t in ("3GB", "1.5 g", "800 MB", "2GiB", "1000")] == [
        3 * 10**9, 15 * 10**8, 8 * 10**8, 2 * 10**9, 1000,
    ]  # fmt: skip
    for text in ("", "much", "0", "-3GB", "3 apples"):
        with pytest.raises(UserError, match="no amount of memory"):
            memory.parsed(text)


def test_measuring_memory_leaves_the_network_to_others() -> None:
    """Another thread may be computing with it."""
    seen: list[str] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 3, 1)

        def forward(self, x: Tensor) -> Tensor:
            seen.append(network.layer.weight.device.type)
            return self.layer(x)

    network = Watched()
    assert memory.per_pixel(network, 3, 8, torch.float32) > 0
    assert seen == ["cpu", "cpu"]


def test_memory_for_each_pixel_grows_with_the_network() -> None:
    def bytes_of(width: int) -> float:
        net = build_generator(3, 3, GeneratorConfig(width=width, blocks=1)).requires_grad_(False)
        return memory.per_pixel(net, 3, 64, torch.float32)

    # Twice the width of the picture's own resolution is alive at the least.
    assert 8 * 4 * 2 < bytes_of(8) < 8 * 4 * 20
    assert bytes_of(16) == pytest.approx(2 * bytes_of(8), rel=0.2)
