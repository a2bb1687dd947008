"""What is taken for a picture, what is passed over and why, and which folders make a pair."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unpaired.data.discover import discover, is_broken
from unpaired.data.layout import find_domains, find_test_domains
from unpaired.data.signatures import HEAD, format_named, picture_format
from unpaired.errors import UserError
from unpaired.translation.place import copy_place


def picture(path: Path, kind: str | None = None) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (9, 7), "teal").save(path, kind)
    return path


def reasons(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): reason for path, reason in discover(folder).skipped}


def test_every_format_by_content(tmp_path: Path) -> None:
    kinds = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM")
    for kind in kinds:
        path = picture(tmp_path / f"nameless_{kind}", kind)
        assert picture_format(path.read_bytes()[:32]) == kind
    assert len(discover(tmp_path).files) == len(kinds)


def test_the_smallest_pictures_are_not_taken_for_cut_off(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "AVIF", "PPM"):
        for mode in ("L", "1") if kind in ("PNG", "GIF", "TIFF", "BMP", "PPM") else ("L", "RGB"):
            Image.new(mode, (1, 1)).save(tmp_path / f"{mode}.{kind}", kind)
    assert discover(tmp_path).skipped == ()


def test_recursive_sorted_and_misnamed(tmp_path: Path) -> None:
    picture(tmp_path / "b.png")
    picture(tmp_path / "a" / "z.jpg")
    picture(tmp_path / "a" / "deep" / "y.webp")
    picture(tmp_path / "c.jpg", "PNG")
    found = discover(tmp_path)
    assert [p.relative_to(tmp_path).as_posix() for p in found.files] == [
        "a/deep/y.webp",
        "a/z.jpg",
        "b.png",
        "c.jpg",
    ]
    assert found.folder == tmp_path
    assert found.skipped == ()


def test_what_is_passed_over_and_why(tmp_path: Path) -> None:
    whole = picture(tmp_path / "good.png").read_bytes()
    (tmp_path / "zero.png").touch()
    (tmp_path / "half.png").write_bytes(whole[:30])
    (tmp_path / "stub.png").write_bytes(whole[:5])
    (tmp_path / "text.jpg").write_text("BMW and other words that go on for long enough to be no picture")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.png").write_bytes(whole)
    picture(tmp_path / ".thumbnails" / "t.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere.png")
    os.mkfifo(tmp_path / "pipe.png")
    assert [p.name for p in discover(tmp_path).files] == ["good.png"]
    assert reasons(tmp_path) == {
        ".hidden.png": "hidden",
        ".thumbnails": "hidden",
        "gone.png": "a link to nothing",
        "half.png": "cut off: 30 bytes of a PNG file",
        "notes.txt": "not a picture",
        "pipe.png": "not an ordinary file",
        "stub.png": "cut off: 5 bytes of a PNG file",
        "text.jpg": "named like a JPEG picture but is none",
        "zero.png": "empty (0 bytes)",
    }


def test_link_loops_end(tmp_path: Path) -> None:
    picture(tmp_path / "in" / "p.png")
    (tmp_path / "in" / "loop").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "in" / "self").symlink_to("self")
    found = discover(tmp_path)
    assert [p.name for p in found.files] == ["p.png"]
    assert ("a link to a folder that was looked at already") in {reason for _, reason in found.skipped}


def test_linked_folders_are_followed(tmp_path: Path) -> None:
    picture(tmp_path / "elsewhere" / "p.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "link").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert [p.as_posix() for p in discover(tmp_path / "set").files] == [str(tmp_path / "set" / "link" / "p.png")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable(tmp_path: Path) -> None:
    picture(tmp_path / "p.png")
    secret = picture(tmp_path / "secret.png")
    secret.chmod(0)
    assert reasons(tmp_path) == {"secret.png": "cannot be read (Permission denied)"}
    locked = tmp_path / "locked"
    locked.mkdir(mode=0)
    assert reasons(tmp_path)["locked"] == "cannot be read (Permission denied)"
    with pytest.raises(UserError, match="cannot be read: Permission denied"):
        discover(locked)


def test_one_picture_is_found_in_place_of_a_folder(tmp_path: Path) -> None:
    file = picture(tmp_path / "p.png")
    assert discover(file).files == (file,)
    assert find_domains(file, picture(tmp_path / "q.png")) == (file, tmp_path / "q.png")
    with pytest.raises(UserError, match="both domains"):
        find_domains(file, file)


def test_unusable_folders(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist: check the path"):
        discover(tmp_path / "missing")
    (tmp_path / "p.png").write_text("none")
    with pytest.raises(UserError, match=r"p\.png can't be used \(named like a PNG picture but is none\): name"):
        discover(tmp_path / "p.png")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is empty: put pictures into it"):
        discover(tmp_path / "empty")
    (tmp_path / "empty" / "readme.txt").write_text("x")
    with pytest.raises(UserError, match=r"holds no picture .*1 skipped, such as readme\.txt: not a picture"):
        discover(tmp_path / "empty")


def test_domains(tmp_path: Path) -> None:
    for name in ("trainA", "trainB"):
        (tmp_path / name).mkdir()
    a, b = pair = tmp_path / "trainA", tmp_path / "trainB"
    assert find_domains(tmp_path) == pair
    assert find_domains(a, b) == pair
    assert find_test_domains(tmp_path) is None
    for name in ("testA", "testB"):
        (tmp_path / name).mkdir()
    tests = tmp_path / "testA", tmp_path / "testB"
    assert find_test_domains(tmp_path) == tests
    assert find_test_domains(a, b) == tests
    assert find_test_domains(b, a) is None


def test_domains_that_are_none(tmp_path: Path) -> None:
    a = tmp_path / "horses"
    (a / "white").mkdir(parents=True)
    link = tmp_path / "link"
    link.symlink_to(a, target_is_directory=True)
    for same in (a, link, a / "white" / ".."):
        with pytest.raises(UserError, match="is given for both domains: name two different folders"):
            find_domains(a, same)
    for pair in ((a, a / "white"), (a / "white", a)):
        with pytest.raises(UserError, match=r"white lies inside .*horses, so its pictures would be in both"):
            find_domains(*pair)
    with pytest.raises(UserError, match="does not exist"):
        find_domains(a, tmp_path / "zebras")
    with pytest.raises(UserError, match="holds no trainA and no trainB: give two folders"):
        find_domains(a)
    (a / "trainA").mkdir()
    with pytest.raises(UserError, match="holds no trainB: give"):
        find_domains(a)


def test_light() -> None:
    code = "import sys, unpaired.data.discover; print({'torch', 'numpy', 'PIL'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"


def test_masks_and_sidecars_are_told_and_not_taken(tmp_path: Path) -> None:
    for name in ("scan.png", "scan_mask.png", "b.seg.png", "b.png", "alone_mask.png", "c-masks.png"):
        Image.new("RGB", (8, 8)).save(tmp_path / name)
    for name in ("scan.json", "scan.png.xml", "notes.json", "scan.pgw", "scan.png.aux.xml", "Thumbs.db", ".DS_Store"):
        (tmp_path / name).write_text("{}")
    found = discover(tmp_path)
    # Without a picture that it could be the mask of, a mask is a picture: a folder of masks is a domain.
    assert [p.name for p in found.files] == ["alone_mask.png", "b.png", "c-masks.png", "scan.png"]
    assert {p.name: why for p, why in found.skipped} == {
        "scan_mask.png": "a mask of scan.png, by its name; used as such with --masks, --masks-a or --masks-b",
        "b.seg.png": "a mask of b.png, by its name; used as such with --masks, --masks-a or --masks-b",
        "scan.json": "a sidecar of scan.png; not used",
        "scan.png.xml": "a sidecar of scan.png; not used",
        "scan.pgw": "a sidecar of scan.png; copied beside its translation",
        "scan.png.aux.xml": "a sidecar of scan.png; not used",
        "Thumbs.db": "made by the system",
        ".DS_Store": "hidden",
        "notes.json": "not a picture",
    }
    minor = {p.name for p, why in found.skipped if why.minor}
    assert minor == {"scan.json", "scan.png.xml", "scan.pgw", "scan.png.aux.xml", "Thumbs.db", ".DS_Store"}
    assert not [p for p, why in found.skipped if is_broken(p, why)]


def test_links_in_a_circle_and_names_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("b")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "self.png").symlink_to("self.png")
    (tmp_path / "up").symlink_to(tmp_path)
    name = os.fsdecode(b"caf\xe9.png")
    Image.new("RGB", (8, 8)).save(tmp_path / name)
    found = discover(tmp_path)
    assert [p.name for p in found.files] == [name]
    assert {p.name for p, _ in found.skipped} == {"a", "b", "self.png", "up"}
    with pytest.raises(UserError, match=r"cannot be read|does not exist"):
        discover(tmp_path / "a")


def test_formats_are_told_by_their_content(tmp_path: Path) -> None:
    np.save(tmp_path / "a.png", np.zeros((8, 8)))  # becomes a.png.npy
    (tmp_path / "a.png.npy").rename(tmp_path / "a.png")
    np.savez(tmp_path / "b.npz", x=np.zeros((8, 8)))
    header = bytearray(348 + 4 + 100)
    header[:4], header[344:348] = (348).to_bytes(4, "little"), b"n+1\0"
    for name, data, kind in (
        ("a.png", None, "NPY"), ("b.npz", None, "NPZ"), ("c.nii", bytes(header), "NIFTI"),
        ("c.nii.gz", gzip.compress(bytes(header)), "NIFTI"), ("d", bytes(128) + b"DICM" + bytes(99), "DICOM"),
        ("e.tif", b"II*\0".ljust(128, b"\0") + b"DICM" + bytes(99), "DICOM"),
        ("f.gz", gzip.compress(b"text" * 99), None),
    ):  # fmt: skip
        if data is not None:
            (tmp_path / name).write_bytes(data)
        assert picture_format((tmp_path / name).read_bytes()[:HEAD]) == kind
    assert [p.name for p in discover(tmp_path).files] == ["a.png", "b.npz", "c.nii", "c.nii.gz", "d", "e.tif"]
    assert [format_named(Path(n)) for n in ("x.nii.gz", "x.NII", "x.y.png", "x.gz")] == ["NIFTI", "NIFTI", "PNG", None]


def test_what_says_where_on_earth_a_picture_lies_fits_its_picture(tmp_path: Path) -> None:
    """What is told as copied beside a translation is what `copy_place` copies, in small letters and in capitals."""
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for name in ("SCAN.TIF", "map.jpeg", "map.tif", "other.tif"):
        Image.new("RGB", (8, 8)).save(source / name)
    places = ("SCAN.TFW", "SCAN.PRJ", "map.jgw", "map.tfw", "other.jgw", "other.wld", "other.tif.prj")
    for name in places:
        (source / name).write_text(name)
    found = discover(source)
    told = {p.name for p, why in found.skipped if why.endswith("copied beside its translation")}
    assert told == {*places} - {"other.jgw", "other.tif.prj"}
    assert {p.name for p, why in found.skipped} == {*places}
    for picture in found.files:
        copy_place(picture, target / picture.name)
    assert {p.name: p.read_text() for p in target.iterdir()} == {name: name for name in told}
    copy_place(source / "SCAN.TIF", target / "as.png")
    assert (target / "as.PGW").read_text() == "SCAN.TFW"
