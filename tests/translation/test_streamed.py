"""TIFFs that are never held whole: the same values as if they were, in a file of the same kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from small import SMALL, weights
from torch import Tensor, nn

from unpaired.networks import build_generator
from unpaired.translation import streamed
from unpaired.translation.batch import translate_files
from unpaired.translation.translator import Translator

Make = Callable[..., Translator]
GEO = [(33550, 12, 3, (10.0, 10.0, 0.0), True)]  # ModelPixelScale


class Unchanged(nn.Module):
    """The translator that changes nothing, of a layer that can be traced."""

    multiple = 4

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)


def write(path: Path, shape: tuple[int, ...] = (300, 270, 3), dtype: str = "uint8", **options: Any) -> np.ndarray:
    values = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, shape, dtype)
    tifffile.imwrite(path, values, metadata=None, **options)
    return values


def tight(network: Any = None) -> Translator:
    """A translator that holds next to nothing."""
    if network is None:
        network = build_generator(3, 3, SMALL.generator).eval().requires_grad_(False)
        network.load_state_dict(weights(SMALL, "a2b", 0))
    return Translator(SMALL, {"a2b": lambda: network}, device="cpu", precision="float32", max_memory=1)


@pytest.mark.parametrize(
    ("shape", "dtype", "options"),
    [
        ((300, 270, 3), "uint8", {"photometric": "rgb", "tile": (64, 48), "compression": "zlib", "predictor": 2}),
        ((300, 270, 3), "uint8", {"photometric": "rgb", "rowsperstrip": 17, "compression": "lzw"}),
        ((300, 270), "uint16", {"photometric": "minisblack", "tile": (32, 32), "bigtiff": True}),
        ((300, 270, 3), "uint16", {"photometric": "rgb", "byteorder": ">"}),
    ],
)
def test_every_value_type_tile_and_tag_is_kept(
    tmp_path: Path, shape: tuple[int, ...], dtype: str, options: dict[str, Any]
) -> None:
    """By the translator that changes nothing."""
    values = write(tmp_path / "scan.tif", shape, dtype, extratags=GEO, resolution=(300, 300), **options)
    report = translate_files(tight(Unchanged()), tmp_path / "scan.tif", tmp_path / "out")
    assert not report.failed
    with tifffile.TiffFile(tmp_path / "out/scan.tif") as made:
        page: Any = made.pages[0]
        assert np.array_equal(made.asarray(), values)
        assert made.asarray().dtype == values.dtype
        assert made.is_bigtiff
        assert page.is_tiled
        assert (page.tilelength, page.tilewidth) == options.get("tile", (256, 256))
        assert page.tags[33550].value == (10.0, 10.0, 0.0)
        assert page.get_resolution(unit=2) == (300, 300)
        with tifffile.TiffFile(tmp_path / "scan.tif") as before:
            assert page.compression == before.pages[0].compression  # pyright: ignore


def test_it_is_what_it_would_be_whole(tmp_path: Path, make_translator: Make) -> None:
    write(tmp_path / "scan.tif", photometric="rgb", tile=(64, 48))
    translate_files(tight(), tmp_path / "scan.tif", tmp_path / "streamed")
    translate_files(make_translator(), tmp_path / "scan.tif", tmp_path / "whole")
    made, whole = (tifffile.imread(tmp_path / name / "scan.tif").astype(int) for name in ("streamed", "whole"))
    assert np.abs(made - whole).max() <= 1


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_places_without_data_stay_without(tmp_path: Path, make_translator: Make, dtype: str) -> None:
    values = np.random.default_rng(0).integers(1, np.iinfo(dtype).max, (300, 270, 3), dtype)
    values[40:220, 100:] = 0
    tag = [(42113, 2, 2, "0", True)]
    tifffile.imwrite(tmp_path / "scan.tif", values, photometric="rgb", tile=(64, 48), extratags=tag, metadata=None)
    told = translate_files(tight(), tmp_path / "scan.tif", tmp_path / "streamed").notes
    assert told == translate_files(make_translator(), tmp_path / "scan.tif", tmp_path / "whole").notes
    assert list(told) == ["places without data were shown to the network as the mean of the others"]
    made, whole = (tifffile.imread(tmp_path / name / "scan.tif").astype(int) for name in ("streamed", "whole"))
    assert np.abs(made - whole).max() <= (1 if dtype == "uint8" else 8)
    assert ((made == 0) == (values == 0)).all()
    unchanged = translate_files(tight(Unchanged()), tmp_path / "scan.tif", tmp_path / "same")
    assert unchanged.translated == 1
    assert np.array_equal(tifffile.imread(tmp_path / "same/scan.tif"), values)


def test_few_rows_are_decoded_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "scan.tif", (2000, 64, 3), photometric="rgb", tile=(64, 64))
    monkeypatch.setattr("unpaired.translation.large.LEAST_BAND", 1 << 20)
    most = 0
    rows = streamed.Windows.rows

    def counted(self: streamed.Windows, first: int, end: int) -> Any:
        nonlocal most
        most = max(most, end - first)
        assert len(self._recent) <= 2
        return rows(self, first, end)

    monkeypatch.setattr(streamed.Windows, "rows", counted)
    assert not translate_files(tight(), tmp_path / "scan.tif", tmp_path / "out").failed
    assert 0 < most < 1000


def test_going_on_keeps_what_was_streamed(tmp_path: Path) -> None:
    write(tmp_path / "scan.tif", photometric="rgb", tile=(64, 64))
    translator = tight(Unchanged())
    assert translate_files(translator, tmp_path / "scan.tif", tmp_path / "out").translated == 1
    assert translate_files(translator, tmp_path / "scan.tif", tmp_path / "out").kept == 1


def test_a_damaged_one_is_told_and_nothing_is_half_written(tmp_path: Path) -> None:
    write(tmp_path / "cut.tif", photometric="rgb", tile=(64, 64))
    content = (tmp_path / "cut.tif").read_bytes()
    (tmp_path / "cut.tif").write_bytes(content[: len(content) // 2])
    write(tmp_path / "good.tif", photometric="rgb", tile=(64, 64))
    report = translate_files(tight(Unchanged()), [tmp_path / "cut.tif", tmp_path / "good.tif"], tmp_path / "out")
    ((path, why),) = report.failed
    assert path == tmp_path / "cut.tif"
    assert "damaged or cut off" in why
    assert [p.name for p in report.written] == ["good.tif"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["good.tif", "manifest.jsonl"]


def test_what_fits_or_cannot_be_streamed_goes_whole(tmp_path: Path) -> None:
    write(tmp_path / "scan.tif", photometric="rgb")
    write(tmp_path / "pages.tif", (3, 40, 30), photometric="minisblack")
    (tmp_path / "text.tif").write_text("no TIFF")
    for name, memory in (("scan.tif", 10**9), ("pages.tif", 0), ("text.tif", 0)):
        with streamed.opened(tmp_path / name, memory) as windows:
            assert windows is None
    with streamed.opened(tmp_path / "scan.tif", 0) as windows:
        assert windows is not None
