"""Whether what is unusual for a run is told from what is usual, and what is kept of a run's training pictures."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from unpaired.config import DOMAINS, Config, DataConfig, source
from unpaired.errors import UserError
from unpaired.evaluation.trust import FEWEST, UNUSUAL, Trust, meant
from unpaired.run.held_out import trained_on
from unpaired.run.record import Folders, RunRecord
from unpaired.training.inputs import Inputs


def _soft(seed: int, blue: float = 1.0) -> NDArray[np.uint8]:
    rough = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    picture = np.array(Image.fromarray(rough).resize((48, 48), Image.Resampling.BICUBIC))
    return (picture * [1, 1, blue]).astype(np.uint8)


def _stripes(seed: int) -> NDArray[np.uint8]:
    period = 2 + seed % 5
    rows = np.where(np.arange(48) // period % 2, 240, 10)
    return np.broadcast_to(rows[:, None, None], (48, 48, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose domain A is soft colours, with what was found out about them."""
    root = tmp_path_factory.mktemp("trust")
    for name, count in (("a", 55), ("b", 12)):
        (root / name).mkdir()
        for i in range(count):
            Image.fromarray(_soft(i)).save(root / name / f"{i:02}.png")
    (root / "run").mkdir()
    RunRecord(
        config=Config(data=DataConfig(size=32, crop=32)), folders=Folders(a=root / "a", b=root / "b"),
        counts={"a": 55, "b": 12}, digests={"a": "1", "b": "2"}, provenance={},
    ).write(root / "run")  # fmt: skip
    told: list[str] = []
    Trust.load(root / "run", "a", tell=told.append)
    assert told == ["Looking at 55 training pictures, once for all"]
    return root


def test_the_unusual_is_told_from_the_usual(kept: Path) -> None:
    trust = Trust.load(kept / "run", "a")
    usual = trust.percentiles([_soft(1000 + i) for i in range(12)])
    unusual = trust.percentiles([_stripes(i) for i in range(5)])
    assert 15 < np.median(usual) < 95
    assert min(unusual) >= UNUSUAL


def test_a_file_and_its_pixels_are_one(kept: Path, tmp_path: Path) -> None:
    trust = Trust.load(kept / "run", "a")
    picture = np.array(Image.fromarray(_soft(2000)).resize((32, 32), Image.Resampling.BICUBIC))
    Image.fromarray(picture).save(tmp_path / "x.png")
    assert trust(tmp_path / "x.png") == trust(picture)
    with pytest.raises(UserError, match=r"none\.png"):
        trust(tmp_path / "none.png")


def test_what_was_found_out_is_kept_beside_the_run(kept: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(kept / "run", tmp_path / "run"))
    before = Trust.load(run, "a").distances
    told: list[str] = []
    assert (Trust.load(run, "a", tell=told.append).distances == before).all()
    assert told == [], "nothing is looked at again"
    file = run / "trust-a.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    assert (Trust.load(run, "a", tell=told.append).distances == before).all()
    assert len(told) == 1, "a damaged file is made anew"
    record = RunRecord.read(run)
    record.digests["a"] = "3"  # type: ignore[index]
    record.write(run)
    Trust.load(run, "a", tell=told.append)
    assert len(told) == 2, "other training pictures are looked at anew"


def test_what_cannot_be_said_is_told(kept: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"holds 12 training pictures: at least {FEWEST}"):
        Trust.load(kept / "run", "b")
    run = Path(shutil.copytree(kept / "run", tmp_path / "run"))
    (run / "trust-a.safetensors").unlink()
    record = RunRecord.read(run)
    RunRecord(config=record.config, folders=Folders(a=tmp_path / "gone", b=kept / "b"), counts={}, provenance={}).write(
        run
    )
    with pytest.raises(UserError, match="gone does not exist"):
        Trust.load(run, "a")
    with pytest.raises(UserError, match="not a run"):
        Trust.load(tmp_path, "a")
    assert (source("a2b"), source("b2a")) == ("a", "b")


def test_pictures_of_the_other_domain_tell_the_direction_that_was_meant(kept: Path, tmp_path: Path) -> None:
    record = RunRecord.read(kept / "run")
    assert record.folders is not None
    (tmp_path / "run").mkdir()
    turned = replace(record, folders=Folders(a=tmp_path, b=record.folders.a), digests={"a": "2", "b": "1"})
    turned.write(tmp_path / "run")
    shutil.copy(kept / "run" / "trust-a.safetensors", tmp_path / "run" / "trust-b.safetensors")
    soft, stripes = [tmp_path / f"soft{i}.png" for i in range(3)], [tmp_path / f"stripes{i}.png" for i in range(3)]
    for i in range(3):
        Image.fromarray(_soft(3000 + i)).save(soft[i])
        Image.fromarray(_stripes(i)).save(stripes[i])
    assert meant(tmp_path / "run", "a2b", soft) == "b2a"
    assert meant(tmp_path / "run", "a2b", stripes) is None
    assert meant(tmp_path / "run", "b2a", soft) is None, "of A nothing can be said"
    replace(turned, config=replace(record.config, method="cut")).write(tmp_path / "run")
    assert meant(tmp_path / "run", "a2b", soft) is None, "there is no other direction"


def test_what_was_held_out_of_the_training_is_not_what_is_usual(tmp_path: Path) -> None:
    config = Config(data=DataConfig(size=32, crop=32))
    for name, start in (("a", 0), ("b", 500)):
        (tmp_path / name).mkdir()
        for i in range(110):
            Image.fromarray(_soft(start + i)).save(tmp_path / name / f"{i:03}.png")
    folders = Folders(a=tmp_path / "a", b=tmp_path / "b")
    inputs = Inputs.of(folders, config)
    trained = {domain: trained_on(folders, config, domain).files for domain in DOMAINS}
    assert all(trained[domain] == inputs.caches[domain].files for domain in DOMAINS)
    (tmp_path / "run").mkdir()
    RunRecord(config=config, folders=folders, counts=inputs.counts, digests=inputs.digests, provenance={}).write(
        tmp_path / "run"
    )
    told: list[str] = []
    trust = Trust.load(tmp_path / "run", "a", tell=told.append)
    assert told == ["Looking at 99 training pictures, once for all"]
    assert len(trust.reference) + len(trust.distances) == 99
    tests = replace(folders, test_a=tmp_path / "b", test_b=tmp_path / "a")
    assert len(trained_on(tests, config, "a").files) == 110


def test_weights_alone_know_no_training_pictures(tmp_path: Path) -> None:
    (tmp_path / "horse2zebra.safetensors").write_bytes(b"")
    with pytest.raises(UserError, match="holds weights only, and only a run's folder knows its training pictures"):
        Trust.load(tmp_path / "horse2zebra.safetensors", "a")
