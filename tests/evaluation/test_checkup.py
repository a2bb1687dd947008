"""Every fault that a data set may have is found, and a good one has none."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unpaired.errors import UserError
from unpaired.evaluation.checkup import Checkup, check
from unpaired.evaluation.features import Features
from unpaired.evaluation.pictures import Pictures


class Colours:
    """Features of a picture: its mean and spread by channel, which is enough to tell reddish from bluish."""

    name = network = "colours"
    dimension = 6

    def __call__(self, pictures: Pictures) -> Features:
        flat = np.stack([np.asarray(p).reshape(-1, 3) for p in pictures]) / 64
        return np.concatenate([flat.mean(1), flat.std(1)], 1).astype(np.float32)


def picture(seed: int, tint: tuple[float, float, float], side: int = 64) -> Image.Image:
    """Shapes of all sizes, tinted."""
    rng, total = np.random.default_rng(seed), np.zeros((side, side, 3))
    for cells in (2, 4, 8, 16, 32):
        rough = Image.fromarray(rng.integers(0, 256, (cells, cells, 3), np.uint8))
        total += np.asarray(rough.resize((side, side), Image.Resampling.BICUBIC)) / cells
    return Image.fromarray(np.round(255 * (total - total.min()) / np.ptp(total) * tint).astype(np.uint8))


RED, BLUE = (1.0, 0.5, 0.5), (0.4, 0.5, 1.0)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Not to be changed."""
    root = tmp_path_factory.mktemp("good")
    for name, tint, begin in (("trainA", RED, 0), ("trainB", BLUE, 100), ("testA", RED, 200), ("testB", BLUE, 300)):
        (root / name).mkdir()
        for n in range(54 if "train" in name else 4):
            picture(begin + n, tint).save(root / name / f"{n:02}.png")
    return root


@pytest.fixture
def data(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "data"))


def checked(root: Path, sample: int = 0) -> Checkup:
    folders = {"A": root / "trainA", "B": root / "trainB", "test A": root / "testA", "test B": root / "testB"}
    return check(folders, size=64, sample=sample, extractor=Colours())


def found(checkup: Checkup) -> dict[str, tuple[str, int]]:
    return {finding.what: (finding.level, finding.count) for finding in checkup.findings}


def test_a_good_data_set_has_no_fault(good: Path) -> None:
    checkup = checked(good, sample=54)
    assert found(checkup) == {}
    assert (checkup.errors, checkup.counts) == (0, {"A": 54, "B": 54, "test A": 4, "test B": 4})
    assert checkup.kid["between"] > 10 * checkup.kid["floor"]


def test_every_fault_is_found(data: Path) -> None:
    a, b = data / "trainA", data / "trainB"
    cut = (a / "00.png").read_bytes()
    (a / "cut.png").write_bytes(cut[: len(cut) // 2])
    (a / "text.png").write_text("no picture")
    shutil.copy(a / "01.png", a / "again.png")
    Image.open(a / "02.png").resize((50, 50)).save(a / "near.jpg", quality=80)  # small, too
    shutil.copy(a / "03.png", b / "shared.png")
    Image.open(a / "04.png").resize((90, 90)).save(b / "nearly.png")
    picture(900, BLUE).resize((64, 200)).save(b / "tall.png")
    Image.new("RGB", (64, 64), (9, 9, 9)).save(b / "flat.png")
    shutil.copy(a / "05.png", data / "testA" / "leak.png")
    Image.open(b / "06.png").resize((80, 80)).save(data / "testB" / "leak.png")
    checkup = checked(data)
    assert found(checkup) == {
        "A: can't be read": ("error", 2),
        "A and B: the same file": ("error", 1),
        "A and test A: the same file": ("error", 1),
        "A: the same file again": ("warning", 1),
        "A: nearly the same picture": ("warning", 1),
        "A: smaller than 64 px": ("warning", 1),
        "A and B: nearly the same picture": ("warning", 1),
        "B: of another shape than most": ("warning", 1),
        "B: all of one tone": ("warning", 1),
        "B: grey among colours": ("warning", 1),
        "B and test B: nearly the same picture": ("warning", 1),
    }
    assert checkup.errors == 3
    assert [finding.level for finding in checkup.findings] == sorted(finding.level for finding in checkup.findings)
    by_name = {finding.what: finding.files for finding in checkup.findings}
    assert by_name["A and B: the same file"] == [f"{a / '03.png'} and {b / 'shared.png'}"]


def test_imbalance_and_few_pictures(data: Path) -> None:
    for path in sorted((data / "trainB").iterdir())[5:]:
        path.unlink()
    assert found(checked(data)) == {
        "B: few pictures": ("warning", 5), "B: far fewer pictures than A": ("warning", 5)
    }  # fmt: skip


def test_domains_that_look_alike(data: Path) -> None:
    shutil.rmtree(data / "trainB")
    (data / "trainB").mkdir()
    for n in range(54):
        picture(400 + n, RED).save(data / "trainB" / f"{n:02}.png")
    assert found(checked(data, sample=54)) == {"A and B look alike": ("error", 1)}


def test_a_folder_without_pictures(data: Path) -> None:
    shutil.rmtree(data / "trainB")
    (data / "trainB").mkdir()
    with pytest.raises(UserError, match="is empty"):
        checked(data)


def test_what_is_no_8_bit_picture_is_looked_at_as_training_takes_it(data: Path) -> None:
    """12 bands of uint16 and 32-bit floats, of shapes alike: a copy, a broken one, and one that training leaves out."""
    for domain, dtype, bands in (("trainA", np.uint16, 12), ("trainB", np.float32, 1)):
        shutil.rmtree(data / domain)
        (data / domain).mkdir()
        for n in range(54):
            shown = np.asarray(picture(n + 1000 * bands, RED))[..., :1].astype(dtype) * 7
            np.save(data / domain / f"{n}.npy", np.repeat(shown, bands, axis=2))
    np.save(data / "trainA" / "stack.npy", np.random.default_rng(0).integers(0, 999, (40, 64, 64), np.uint16))
    shutil.copy(data / "trainA/1.npy", data / "trainA/again.npy")
    (data / "trainA/broken.npy").write_bytes((data / "trainA/2.npy").read_bytes()[:900])
    checkup = checked(data, sample=54)
    assert {domain: checkup.counts[domain] for domain in "AB"} == {"A": 54 + 40 + 1, "B": 54}
    assert {what: told for what, told in found(checkup).items() if what.startswith(("A:", "B:", "A and B"))} == {
        "A: can't be read": ("error", 1),
        "A and B look alike": ("error", 1),
        "A: the same file again": ("warning", 1),
        "A: not of 12 × uint16, as most": ("warning", 1),
    }
