"""Pictures that do not fit into the memory that a translator may take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small import SMALL, weights

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
