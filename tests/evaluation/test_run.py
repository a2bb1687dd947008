"""Measuring a translator on folders: resizing, pairing by name, and what is refused."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import Config, DataConfig, DiscriminatorConfig, GeneratorConfig
from unpaired.errors import UserError
from unpaired.evaluation.labels import CITYSCAPES
from unpaired.evaluation.run import evaluate, networks_seen, read
from unpaired.methods.cyclegan import CycleGAN
from unpaired.networks import build_generator
from unpaired.translation.translator import Translator

CONFIG = Config(data=DataConfig(size=16, crop=16), generator=GeneratorConfig(width=4, blocks=1))
MEASURES = ("pairs", "cycle")


class Eyes:
    """Mean colours, through the network that projected discriminators look through."""

    name, network, dimension = "other", "efficientnet-lite1", 3

    def __call__(self, pictures: Sequence[NDArray[np.uint8]] | NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.array([p.mean(axis=(0, 1)) for p in pictures], np.float32)


def _translator(config: Config = CONFIG) -> Translator:
    def generator() -> object:
        return build_generator(3, 3, config.generator).eval()

    return Translator(config, {"a2b": generator, "b2a": generator}, device="cpu", precision="float32")  # type: ignore[dict-item]


def _folder(path: Path, names: Sequence[str], seed: int) -> Path:
    path.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for name in names:
        (path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)).save(path / name)
    return path


def test_a_run_on_two_folders(tmp_path: Path) -> None:
    a = _folder(tmp_path / "a", ["1.png", "2.png", "deep/3.png", "only_a.png"], 0)
    b = _folder(tmp_path / "b", ["1.bmp", "deep/3.png", "other/2.png"], 1)
    told: list[str] = []
    result = evaluate(_translator(), a, b, paired=True, extractor=Eyes(), measures=MEASURES, tell=told.append)
    assert result.side == (16, 16)
    for direction, inputs, reals in (("a2b", 4, 3), ("b2a", 3, 4)):
        scores = result.directions[direction]  # type: ignore[index]
        assert (scores.inputs, scores.reals, scores.pairs) == (inputs, reals, 2)
        assert 0 < scores.measures["L1 to true pairs"].translator < 1
        assert 0 < scores.measures["L1 there and back"].translator < 1
    first, third = (np.abs(read(a / p, CONFIG) / 255 - read(b / q, CONFIG) / 255).mean()
                    for p, q in (("1.png", "1.bmp"), ("deep/3.png", "deep/3.png")))  # fmt: skip
    expected = (first + third) / 2
    assert result.directions["a2b"].measures["L1 to true pairs"].do_nothing == pytest.approx(expected)
    assert told[0] == "reading 4 and 3 pictures"


def test_one_folder_with_both_test_sets_and_a_limit(tmp_path: Path) -> None:
    _folder(tmp_path / "testA", ["1.png", "2.png", "3.png"], 0)
    _folder(tmp_path / "testB", ["1.png", "2.png"], 1)
    result = evaluate(_translator(), tmp_path, paired=True, limit=1, extractor=Eyes(), measures=MEASURES)
    assert (result.directions["a2b"].inputs, result.directions["a2b"].pairs) == (1, 1)


def test_labels_are_scored_in_their_direction(tmp_path: Path) -> None:
    a = _folder(tmp_path / "a", ["1.png", "2.png"], 0)
    b = _folder(tmp_path / "b", ["1.png", "2.png"], 1)
    with pytest.raises(UserError, match="in no class"):
        evaluate(_translator(), a, b, paired=True, labels="a", extractor=Eyes(), measures=["labels", "cycle"])
    for path in sorted(a.iterdir()):
        rng = np.random.default_rng(3)
        Image.fromarray(np.array([*CITYSCAPES.values()], np.uint8)[rng.integers(0, 19, (20, 24))]).save(path)
    result = evaluate(_translator(), a, b, paired=True, labels="a", extractor=Eyes(), measures=["labels", "cycle"])
    assert "class IoU" in result.directions["b2a"].measures
    assert "class IoU" not in result.directions["a2b"].measures
    with pytest.raises(UserError, match="--paired"):
        evaluate(_translator(), a, b, labels="a", extractor=Eyes(), measures=MEASURES)


@pytest.mark.parametrize("channels", [1, 3])
def test_reading_resizes_as_pillow_does(tmp_path: Path, channels: Literal[1, 3]) -> None:
    path = _folder(tmp_path / "a", ["1.png"], 0) / "1.png"
    image = Image.open(path).convert("L" if channels == 1 else "RGB")
    expected = np.asarray(image.resize((16, 16), Image.Resampling.BICUBIC).convert("RGB"))
    np.testing.assert_array_equal(read(path, CONFIG, channels), expected)
    # Labels stay labels: no new colours.
    colours = {tuple(c) for c in np.asarray(Image.open(path)).reshape(-1, 3)}
    labels = read(path, CONFIG, 3, Image.Resampling.NEAREST).reshape(-1, 3)
    assert all(tuple(c) in colours for c in labels)


@pytest.mark.parametrize("kind", ["patchgan", "pixel", "projected", "projected+patchgan"])
def test_the_networks_seen_are_those_of_the_method(
    kind: Literal["patchgan", "pixel", "projected", "projected+patchgan"],
) -> None:
    config = dataclasses.replace(CONFIG, discriminator=DiscriminatorConfig(kind=kind, width=4))
    assert networks_seen(config) == {f"efficientnet-{eyes.variant}" for eyes in CycleGAN(config).ways.eyes}


def test_the_discriminators_eyes_are_refused(tmp_path: Path) -> None:
    a, b = _folder(tmp_path / "a", ["1.png"], 0), _folder(tmp_path / "b", ["1.png"], 1)
    config = dataclasses.replace(CONFIG, discriminator=DiscriminatorConfig(kind="projected"))
    with pytest.raises(UserError, match="flattered"):
        evaluate(_translator(config), a, b, extractor=Eyes(), measures=MEASURES)


def test_bad_input_is_told(tmp_path: Path) -> None:
    a, b = _folder(tmp_path / "a", ["1.png"], 0), _folder(tmp_path / "b", ["2.png"], 1)
    twice = _folder(tmp_path / "twice", ["2.png", "2.bmp"], 2)
    with pytest.raises(UserError, match="No file in"):
        evaluate(_translator(), a, b, paired=True, extractor=Eyes())
    with pytest.raises(UserError, match="have one name"):
        evaluate(_translator(), b, twice, paired=True, extractor=Eyes())
    with pytest.raises(UserError, match="testA and testB"):
        evaluate(_translator(), a, extractor=Eyes())
    with pytest.raises(UserError, match="does not exist"):
        evaluate(_translator(), a, tmp_path / "nowhere", extractor=Eyes())
    with pytest.raises(UserError, match="at least 10 pictures"):
        evaluate(_translator(), a, b, extractor=Eyes(), measures=["kid", "fid"])


def test_pairs_have_one_shape_and_any_size(tmp_path: Path) -> None:
    a, b = _folder(tmp_path / "a", ["1.png", "2.png"], 0), _folder(tmp_path / "b", ["1.png", "2.png"], 1)
    Image.new("RGB", (48, 41)).save(b / "1.png")  # twice the size, but for a rounded pixel
    result = evaluate(_translator(), a, b, paired=True, extractor=Eyes(), measures=["pairs"])
    assert result.directions["a2b"].pairs == 2
    Image.new("RGB", (48, 20)).save(b / "1.png")
    with pytest.raises(UserError, match=r"1\.png has 24×20 px and .*1\.png, its pair, 48×20 px.*cut them alike"):
        evaluate(_translator(), a, b, paired=True, extractor=Eyes(), measures=["pairs"])
