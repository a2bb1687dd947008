"""Pictures of other than 8-bit colours: found, said, trained, gone on with to the same bits, translated, measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import TINY, bits, paint, plan

from unpaired.config import Config
from unpaired.data.decode import read_picture, write_picture
from unpaired.data.picture import Picture
from unpaired.errors import UserError
from unpaired.run.record import RunRecord
from unpaired.training.run import resume, train
from unpaired.translation.batch import translate_files
from unpaired.translation.translator import Translator


def deep(folder: Path, count: int = 6, *, top: int = 4095, bands: int = 1, seed: int = 0) -> Path:
    folder.mkdir(parents=True)
    for i in range(count):
        values = np.random.default_rng([seed, i]).integers(0, top, (1, 40, 40, bands), np.uint16, endpoint=True)
        values[0, 0, 0] = top
        write_picture(values, Picture(values), folder / f"{i:02}.png")
    return folder


def config(**data: object) -> Config:
    return replace(TINY, data=replace(TINY.data, **data), loss=replace(TINY.loss, identity=0))  # type: ignore[arg-type]


def test_twelve_bit_grey_and_colour_photos(tmp_path: Path) -> None:
    a, b = deep(tmp_path / "a"), paint(tmp_path / "b", 6, seed=1)
    told: list[str] = []
    run = train(a, b, out=tmp_path / "run", config=config(),
                listeners=[lambda event: told.extend(event.get("sentences", ()))])  # fmt: skip
    assert any("1 band of uint16; values from 0 to 4095 become -1 to 1" in sentence for sentence in told)
    data = RunRecord.read(run).config.data
    assert (data.channels_a, data.dtype_a, data.range_a) == (1, "uint16", (0.0, 4095.0))
    assert (data.channels_b, data.dtype_b, data.range_b) == (3, None, ())
    assert len(list((run / "previews").glob("*.png"))) >= 2
    translator = Translator.load(run, device="cpu")
    report = translate_files(translator, a, tmp_path / "to-b", "a2b")
    assert not report.failed
    made = read_picture(tmp_path / "to-b/00.png")
    assert (made.dtype, made.bands, made.size) == (np.uint8, 3, (40, 40))
    assert not translate_files(translator, b, tmp_path / "to-a", "b2a").failed
    made = read_picture(tmp_path / "to-a/00.png")
    assert (made.dtype, made.bands) == (np.uint16, 1)
    assert made.pages.max() <= 4095


def test_going_on_gives_the_same_bits(tmp_path: Path) -> None:
    a, b = deep(tmp_path / "a", bands=3), deep(tmp_path / "b", top=65535, bands=3, seed=1)
    # The learning rate does not fall, so that a shorter plan is the beginning of a longer one.
    level = replace(config(), optimizer=replace(TINY.optimizer, decay_from=1.0))
    once = train(a, b, out=tmp_path / "once", config=plan(level, images=6))
    parts = train(a, b, out=tmp_path / "parts", config=plan(level, images=3))
    resume(parts, images=6)
    assert bits(once, 6) == bits(parts, 6)


def test_what_differs_from_most_of_its_folder_is_left_out_and_named(tmp_path: Path) -> None:
    a, b = deep(tmp_path / "a"), paint(tmp_path / "b", 6, seed=1)
    values = np.zeros((1, 40, 40, 3), np.uint16)
    write_picture(values, Picture(values), a / "colour.png")
    told: list[str] = []
    train(a, b, out=tmp_path / "run", config=plan(config(), images=1),
          listeners=[lambda event: told.extend(event.get("sentences", ()))])  # fmt: skip
    assert any("colour.png: has 3 bands of uint16, where most of the folder have 1 band of uint16" in s for s in told)


def test_what_was_asked_for_and_is_not_there(tmp_path: Path) -> None:
    a, b = deep(tmp_path / "a"), paint(tmp_path / "b", 6, seed=1)
    with pytest.raises(UserError, match=r"have 1 bands? of uint16, not 12: take another --channels-a"):
        train(a, b, out=tmp_path / "run", config=config(channels_a=12))
    with pytest.raises(UserError, match=r"No picture in .* has values of int16, but of 1 band of uint16"):
        train(a, b, out=tmp_path / "run", config=config(dtype_a="int16"))
    with pytest.raises(UserError, match="identity loss needs domains with the same channels"):
        train(a, b, out=tmp_path / "run", config=TINY)
    assert not (tmp_path / "run").exists()
