"""Pictures that do not fit into the memory that a translator may take."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import sleep

import numpy as np
import pytest
import torch
from PIL import Image
from small import SMALL, weights
from torch import Tensor, nn

from unpaired.errors import UserError
from unpaired.networks import build_generator
from unpaired.networks.bridge import BridgeGenerator
from unpaired.networks.layers import initialise
from unpaired.translation import large
from unpaired.translation.batch import translate_files
from unpaired.translation.translator import Translator

Make = Callable[..., Translator]


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> Translator:
    """A translator without any room: all goes in bands, and to temporary files."""
    monkeypatch.setattr(large, "SMALL", 0)
    network = build_generator(3, 3, SMALL.generator).eval().requires_grad_(False)
    network.load_state_dict(weights(SMALL, "a2b", 0))
    return Translator(SMALL, {"a2b": lambda: network}, device="cpu", precision="float32", max_memory=1)


def test_arrays_tensors_and_images_are_what_they_would_be_whole(tight: Translator, make_translator: Make) -> None:
    roomy = make_translator()
    assert roomy.fits(43, 38, "a2b")
    assert not tight.fits(43, 38, "a2b")
    array = np.random.default_rng(0).integers(0, 256, (43, 38, 3), np.uint8)
    assert np.abs(tight(array).astype(int) - roomy(array)).max() <= 1
    assert np.abs(tight(array / 255) - roomy(array / 255)).max() <= 1e-4
    tensor = torch.rand(2, 3, 43, 38) * 2 - 1
    torch.testing.assert_close(tight(tensor), roomy(tensor), rtol=0, atol=1e-4)
    grey = Image.fromarray(array).convert("LA")
    made = tight(grey)
    assert made.mode == "LA"
    assert np.abs(np.asarray(made).astype(int) - np.asarray(roomy(grey))).max() <= 1


def test_a_chain_of_several_passes_too(tight: Translator) -> None:
    torch.manual_seed(0)
    network = BridgeGenerator(3, SMALL.generator, 3)
    initialise(network, 0.2)
    network.eval().requires_grad_(False)
    tight._sources["a2b"] = lambda: network
    roomy = Translator(SMALL, {"a2b": lambda: network}, device="cpu", precision="float32")
    x = torch.rand(1, 3, 43, 38) * 2 - 1
    assert not tight.fits(43, 38, "a2b")
    torch.testing.assert_close(tight(x), roomy(x), rtol=0, atol=1e-3)


def test_rows_are_read_and_written_from_the_top_to_the_bottom(tight: Translator, make_translator: Make) -> None:
    x = torch.rand(1, 3, 43, 38) * 2 - 1
    made: list[torch.Tensor] = []
    shares: list[float] = []
    tight.translate_rows(lambda a, b: x[:, :, a:b], lambda _, rows: made.append(rows), 43, 38, progress=shares.append)
    torch.testing.assert_close(torch.cat(made, 2), make_translator()(x), rtol=0, atol=1e-4)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_files_too(tight: Translator, make_translator: Make, tmp_path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 256, (50, 38, 3), np.uint8)
    Image.fromarray(array).save(tmp_path / "a.png")
    translate_files(tight, tmp_path / "a.png", tmp_path / "out")
    made = np.asarray(Image.open(tmp_path / "out/a.png")).astype(int)
    assert np.abs(made - np.asarray(make_translator()(array))).max() <= 1


def test_what_fits_depends_on_the_memory_given(make_translator: Make) -> None:
    translator = make_translator()
    translator.large.max_memory = 10**15
    assert translator.fits(100_000, 100_000, "a2b")
    translator.large.max_memory = large.memory.held() + 10**8
    assert translator.fits(300, 300, "a2b")
    assert not translator.fits(10_000, 10_000, "a2b")


class Slow(nn.Module):
    """Says how many threads compute with it at once."""

    multiple = 4
    now = most = 0

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_meta:
            Slow.now += 1
            Slow.most = max(Slow.most, Slow.now)
            sleep(0.3)
            Slow.now -= 1
        return x * 0.5 * 2


@pytest.mark.parametrize(("room", "most"), [(10**9, 3), (10**7, 1)])
def test_what_takes_much_of_the_memory_goes_alone(monkeypatch: pytest.MonkeyPatch, room: int, most: int) -> None:
    translator = Translator(SMALL, {"a2b": Slow}, device="cpu", precision="float32")
    monkeypatch.setattr(translator.large, "left", lambda: room)
    Slow.most = 0
    assert translator.fits(300, 300, "a2b")
    with ThreadPoolExecutor(3) as threads:
        made = list(threads.map(translator.translate, [torch.zeros(1, 3, 300, 300)] * 3))
    assert len(made) == 3
    assert Slow.most == most


def test_bands_wait_for_those_that_compute_and_others_for_them() -> None:
    """Tracing changes how torch calls every network of the process."""
    told: list[str] = []
    entered, reading, go = Event(), Event(), Event()

    class Held(nn.Module):
        multiple = 4

        def forward(self, x: Tensor) -> Tensor:
            told.append("begins")
            entered.set()
            assert go.wait(30)
            told.append("ends")
            return x

    def read(first: int, end: int) -> Tensor:
        told.append("reads")
        reading.set()
        return torch.zeros(1, 3, end - first, 32)

    network = build_generator(3, 3, SMALL.generator).eval().requires_grad_(False)
    held = Translator(SMALL, {"a2b": Held}, device="cpu")
    bands = Translator(SMALL, {"a2b": lambda: network}, device="cpu", precision="float32")
    with ThreadPoolExecutor(3) as threads:
        first = threads.submit(held.translate, torch.zeros(1, 3, 32, 32))
        assert entered.wait(30)
        large_one = threads.submit(bands.translate_rows, read, lambda *_: None, 32, 32)
        assert not reading.wait(0.5)
        after = threads.submit(held.translate, torch.zeros(1, 3, 32, 32))
        sleep(0.2)
        go.set()
        for one in (first, large_one, after):
            one.result(30)
    assert told[:2] == ["begins", "ends"]
    assert told[-2:] == ["begins", "ends"]
    assert set(told[2:-2]) == {"reads"}


def test_bands_may_be_read_through_another_translator(tight: Translator, make_translator: Make) -> None:
    other, x = make_translator(), torch.rand(1, 3, 43, 38) * 2 - 1
    made: list[Tensor] = []
    tight.translate_rows(lambda a, b: other(x)[:, :, a:b], lambda _, rows: made.append(rows), 43, 38)
    torch.testing.assert_close(torch.cat(made, 2), other(other(x)), rtol=0, atol=1e-4)


def test_an_amount_that_is_none(tmp_path: Path, make_translator: Make) -> None:
    make_translator()
    with pytest.raises(UserError, match="'plenty' is no amount of memory"):
        Translator.load(tmp_path / "run", max_memory="plenty")


def test_without_room_on_the_disk_the_picture_is_told_and_the_others_go_on(
    tight: Translator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int, __: int, size: int) -> None:
        if size > 100_000:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("unpaired.translation.rows.os.posix_fallocate", full)
    for name, side in (("large", 400), ("small", 40)):
        Image.new("RGB", (side, side)).save(tmp_path / f"{name}.png")
    report = translate_files(tight, [tmp_path / "large.png", tmp_path / "small.png"], tmp_path / "out")
    ((path, why),) = report.failed
    assert path == tmp_path / "large.png"
    assert "has no room for" in why
    assert [p.name for p in report.written] == ["small.png"]
