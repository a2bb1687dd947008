"""A checkpoint is whole or refused: flipped, cut, missing, foreign, newer, hostile files, and full disks."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import pickle
import re
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import TINY, bits, seen

import unpaired
from unpaired.errors import UserError
from unpaired.run import checkpoint, checkpoints

NEWEST = Path("checkpoints", "images-000000008")
FILES = [
    *(f"{kind}_{way}.safetensors" for kind, way in (("generator", "ab"), ("generator", "ba"))),
    *(f"generator_{way}.ema.safetensors" for way in ("ab", "ba")),
    *(f"discriminator_{domain}.safetensors" for domain in "ab"),
    *("state.pt", "rank-0.pt"),
]
"""Of a checkpoint of `TINY`, beside the manifest."""


def flipped(content: bytes, position: int, mask: int = 1) -> bytes:
    changed = bytearray(content)
    changed[position] ^= mask
    return bytes(changed)


def contents(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def refused(path: Path, action: Callable[[], object]) -> None:
    """`action` raises one sentence that names `path`."""
    with pytest.raises(UserError, match=re.escape(str(path))) as caught:
        action()
    assert "\n" not in str(caught.value)


def complaint(action: Callable[[], object]) -> str | None:
    """The sentence that `action` ends with, or None where it succeeds."""
    try:
        action()
    except UserError as e:
        return str(e)
    return None


def seal(folder: Path) -> None:
    """Make all checksums of a checkpoint right, as somebody who changes it on purpose would."""
    record = json.loads((folder / "manifest.json").read_text())
    record["files"] = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in record["files"]}
    del record["checksum"]
    record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(record, indent=1))


def write(run: Path, images: int, value: float = 0.0) -> Path:
    """A small checkpoint without a training."""
    manifest = checkpoint.Manifest(images=images, seconds=1.5, world=1, config=TINY, provenance={"torch": "x"})
    weights = {"generator_ab": {"w": torch.full((3, 2), value)}}
    return checkpoint.write(run, manifest, weights, {"state": {"step": images, "moment": torch.ones(4)}})


def load(saved: checkpoint.Checkpoint) -> dict[str, Any]:
    """All that a checkpoint gives, as a training asks for it."""
    networks = [name.removesuffix(".safetensors") for name in saved.files if name.endswith(".safetensors")]
    states = [name.removesuffix(".pt") for name in saved.files if name.endswith(".pt")]
    return {
        **{n: saved.weights(n.removesuffix(".ema"), averaged=n.endswith(".ema")) for n in networks},
        **{n: saved.state(n) for n in states},
    }


# Damage.


def test_what_was_written_is_read(whole: Path) -> None:
    saved = checkpoint.read(whole / NEWEST)
    assert sorted(saved.files) == sorted(FILES)
    assert saved.verify() == sum((whole / NEWEST / name).stat().st_size for name in FILES)
    assert saved.manifest.images == 8
    assert load(saved).keys() == {Path(name).stem for name in FILES}


@pytest.mark.parametrize("name", FILES)
def test_one_flipped_byte_anywhere_in_a_file(copy: Path, name: str) -> None:
    path = copy / NEWEST / name
    saved, whole = checkpoint.read(path.parent), path.read_bytes()
    rng = np.random.default_rng(0)
    places = {0, 1, len(whole) // 2, len(whole) - 2, len(whole) - 1, *rng.integers(0, len(whole), 20).tolist()}
    for place in places:
        path.write_bytes(flipped(whole, place, 1 << int(rng.integers(8))))
        refused(path, saved.verify)
        refused(path, lambda: load(saved))
    path.write_bytes(whole)
    load(saved)


@pytest.mark.parametrize("name", FILES)
def test_a_cut_grown_or_missing_file(copy: Path, name: str) -> None:
    path = copy / NEWEST / name
    saved, whole = checkpoint.read(path.parent), path.read_bytes()
    for content in (b"", whole[:1], whole[: len(whole) // 2], whole[:-1], whole + b"\0"):
        path.write_bytes(content)
        refused(path, saved.verify)
        refused(path, lambda: load(saved))
    path.unlink()
    refused(path, saved.verify)
    refused(path, lambda: load(saved))
    path.mkdir()
    refused(path, lambda: load(saved))


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
@pytest.mark.parametrize("damage", ["flipped", "cut", "missing"])
def test_a_training_does_not_go_on_with_it_and_leaves_everything_as_it_is(copy: Path, name: str, damage: str) -> None:
    path = copy / NEWEST / name
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(flipped(content, len(content) // 2) if damage == "flipped" else content[: len(content) // 2])
    before = contents(copy)
    refused(path, lambda: unpaired.resume(copy, images=10))
    assert contents(copy) == before
    if name.startswith("generator") and "ema" in name:
        way = "a2b" if "ab" in name else "b2a"
        grey = np.zeros((32, 32, 3), np.uint8)
        refused(path, lambda: unpaired.Translator.load(copy, direction=way, device="cpu")(grey))


def test_exchanged_files_are_noticed(copy: Path) -> None:
    one, two = (copy / NEWEST / f"generator_{way}.safetensors" for way in ("ab", "ba"))
    contents = one.read_bytes(), two.read_bytes()
    one.write_bytes(contents[1])
    two.write_bytes(contents[0])
    refused(one, lambda: checkpoint.read(copy / NEWEST).weights("generator_ab"))


def test_one_flipped_byte_anywhere_in_the_manifest(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    content = (whole / NEWEST / path.name).read_bytes()
    assert sum(noticed(content, flipped(content, place), path) for place in range(len(content))) >= len(content) - 1


@given(place=st.floats(0, 1, exclude_max=True), mask=st.integers(1, 255))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_flip_in_the_manifest(whole: Path, tmp_path: Path, place: float, mask: int) -> None:
    content = (whole / NEWEST / "manifest.json").read_bytes()
    noticed(content, flipped(content, int(place * len(content)), mask), tmp_path / "manifest.json")


def noticed(content: bytes, changed: bytes, path: Path) -> bool:
    """Whether a changed manifest is refused. If not it has to mean the same: a line break that became a space, or
    the 17th digit of the seconds.
    """
    path.write_bytes(changed)
    told = complaint(lambda: checkpoint.read(path.parent))
    if told is None:
        assert json.loads(changed) == json.loads(content)
        return False
    assert str(path) in told or (str(path.parent) in told and "newer version" in told)
    return True


@pytest.mark.parametrize("content", [
    b"", b"[]", b"{}", b"null", b"1", b'"format"', b"\x89PNG\r\n\x1a\n", b'{"format": 1}', b'{"format": "1"}',
    b'{"format": null}', b'{"format": 1, "name": "an app", "version": "2.0.1"}', b'{"format": 1, "checksum": null}',
])  # fmt: skip
def test_a_foreign_manifest(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(content)
    refused(tmp_path / "manifest.json", lambda: checkpoint.read(tmp_path))


def test_sealed_but_not_ours(tmp_path: Path) -> None:
    """All checksums right, and yet nothing that this version can mean."""
    folder = write(tmp_path, 3)
    whole = json.loads((folder / "manifest.json").read_text())
    for changes in ({"images": None, "files": 3}, {"config": []}, {"config": {"generator": {"kind": "other"}}},
                    {"config": {"new": 1}}):  # fmt: skip
        record = {k: v for k, v in (whole | changes).items() if k != "checksum"}
        record["checksum"] = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
        (folder / "manifest.json").write_text(json.dumps(record))
        refused(folder / "manifest.json", lambda: checkpoint.read(folder))


def test_a_newer_format_asks_for_an_upgrade(copy: Path) -> None:
    path = copy / NEWEST / "manifest.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps(record | {"format": checkpoint.FORMAT + 1, "files": "unheard of"}))
    for action in (lambda: unpaired.resume(copy), lambda: unpaired.Translator.load(copy)):
        with pytest.raises(UserError, match=r"images-000000008.* newer version .*upgrade"):
            action()


def test_a_file_that_was_not_written_is_not_there(tmp_path: Path) -> None:
    saved = checkpoint.read(write(tmp_path, 3))
    for missing in (lambda: saved.weights("generator_ba"), lambda: saved.weights("generator_ab", averaged=True),
                    lambda: saved.state("../../run"), lambda: saved.state("rank-1")):  # fmt: skip
        refused(saved.folder, missing)


# Somebody's code.


class Payload:
    """Touches a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("name", ["state", "rank-0"])
@pytest.mark.parametrize("how", ["torch", "legacy", "pickle"])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(copy: Path, tmp_path: Path, name: str, how: str) -> None:
    path, mark = copy / NEWEST / f"{name}.pt", tmp_path / "mark"
    if how == "pickle":
        path.write_bytes(pickle.dumps({"optimizers": Payload(mark)}))
    else:
        torch.save({"optimizers": Payload(mark)}, path, _use_new_zipfile_serialization=how == "torch")
    seal(path.parent)
    checkpoint.read(path.parent).verify()  # nothing but the content is wrong
    refused(path, lambda: unpaired.resume(copy, images=10))
    assert not mark.exists()
    torch.load(path, weights_only=False) if how != "pickle" else pickle.loads(path.read_bytes())
    assert mark.exists(), "the payload is a live one"


def test_any_damage_behind_right_checksums_is_one_sentence(copy: Path) -> None:
    """Readers of pickles and archives fail in many ways; none of them reaches the user."""
    folder = copy / NEWEST
    rng = np.random.default_rng(1)
    for name in ("rank-0.pt", "generator_ab.safetensors"):
        path = folder / name
        content = path.read_bytes()
        for _ in range(60):
            place = int(rng.integers(min(len(content), 1500)))
            path.write_bytes(flipped(content, place, int(rng.integers(1, 256))))
            seal(folder)
            saved = checkpoint.read(folder)
            read = saved.state if name.endswith(".pt") else saved.weights
            told = complaint(lambda read=read, path=path: read(path.stem))
            assert told is None or str(path) in told
        path.write_bytes(content)


# Writing.


@contextmanager
def disk_full_at(n: int) -> Iterator[list[int]]:
    """The n-th flush finds no space left; so do those that follow."""
    calls: list[int] = []
    fsync = os.fsync

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) >= n:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(handle)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", full)
        yield calls


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """The system refuses to write files of more bytes (Python ignores the signal that goes with it)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_leaves_the_earlier_checkpoints_whole(tmp_path: Path) -> None:
    earlier = write(tmp_path, 2)
    before = contents(earlier)
    with disk_full_at(1000) as calls:
        write(tmp_path, 4)
    shutil.rmtree(tmp_path / "checkpoints" / "images-000000004")
    assert len(calls) >= 5, "two files, the manifest and two folders"
    for n in range(1, len(calls) + 1):
        with disk_full_at(n), pytest.raises(UserError, match=r"images-000000004 .*No space left.*free some space"):
            write(tmp_path, 4)
        assert contents(earlier) == before
        assert not list((tmp_path / "checkpoints").glob(".*"))
        for folder in checkpoints.of(tmp_path):
            checkpoint.read(folder).verify()
        if n < len(calls):  # the last flush comes when all is in its place
            assert checkpoints.latest(tmp_path) == earlier
    write(tmp_path, 4)
    checkpoint.read(tmp_path / "checkpoints" / "images-000000004").verify()


@pytest.mark.parametrize("n", [1, 2, 5, 9, 10, 12, 13, 15, 20])
def test_a_training_on_a_full_disk_ends_with_a_sentence_and_goes_on_later(copy: Path, whole: Path, n: int) -> None:
    for images in (4, 6, 8):
        shutil.rmtree(copy / "checkpoints" / f"images-{images:09d}")
    with disk_full_at(n), pytest.raises(UserError, match=r"No space left on device"):
        unpaired.resume(copy)
    for images in seen(copy):
        assert bits(copy, images) == bits(whole, images)
    assert 2 in seen(copy)
    unpaired.resume(copy)
    assert bits(copy, 8) == bits(whole, 8)
    assert not list((copy / "checkpoints").glob(".*"))


@pytest.mark.parametrize("largest", ["state.pt", "generator_ab.safetensors", "rank-0.pt", "manifest.json"])
def test_a_system_that_refuses_to_write_more(tmp_path: Path, largest: str) -> None:
    """Not a pretended error: the kernel cuts the write of one file short."""
    manifest = checkpoint.Manifest(images=4, seconds=1.5, world=1, config=TINY, provenance={})
    sizes = dict.fromkeys(["state.pt", "generator_ab.safetensors", "rank-0.pt"], 1000) | {largest: 200_000}
    numbers = {name: torch.zeros(size // 4) for name, size in sizes.items()}
    if largest == "manifest.json":
        manifest = checkpoint.Manifest(images=4, seconds=1, world=1, config=TINY, provenance={"command": "x" * 200_000})
    earlier = write(tmp_path, 2)
    before = contents(earlier)

    def attempt() -> Path:
        weights = {"generator_ab": {"w": numbers["generator_ab.safetensors"]}}
        states = {"state": {"w": numbers["state.pt"]}, "rank-0": {"w": numbers["rank-0.pt"]}}
        return checkpoint.write(tmp_path, manifest, weights, states)

    with files_up_to(50_000), pytest.raises(UserError, match=r"images-000000004 could not be written \(.+\): free"):
        attempt()
    assert contents(tmp_path) == before, "no half of a file is left"
    load(checkpoint.read(attempt()))


def test_a_checkpoint_that_is_written_again_replaces_the_old_one(tmp_path: Path) -> None:
    write(tmp_path, 4, 1.0)
    folder = write(tmp_path, 4, 2.0)
    assert checkpoints.of(tmp_path) == [folder]
    assert checkpoint.read(folder).weights("generator_ab")["w"].unique().tolist() == [2.0]
    assert not list((tmp_path / "checkpoints").glob(".*"))


def test_half_written_folders_are_ignored_and_cleaned_up(copy: Path, whole: Path) -> None:
    parent = copy / "checkpoints"
    for leftover in (".writing-000000010", ".writing-000000012", ".deleting-images-000000002"):
        shutil.copytree(parent / "images-000000008", parent / leftover)
    (parent / ".writing-000000010" / "foreign").write_text("left by a kill")
    assert seen(copy) == [2, 4, 6, 8]
    assert checkpoints.latest(copy) == copy / NEWEST
    unpaired.resume(copy, images=10)
    assert seen(copy) == [2, 4, 6, 8, 10]
    assert not list(parent.glob(".*"))
    assert bits(copy, 10).keys() == bits(whole, 8).keys(), "what lay in the folder is not part of it"


# Which stay.


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6), st.integers(1, 4))
@settings(max_examples=15, deadline=None)
def test_the_newest_and_the_best_stay(tmp_path_factory: pytest.TempPathFactory, values: list[float], keep: int) -> None:
    run = tmp_path_factory.mktemp("run")
    for images, value in enumerate(values, 1):
        checkpoints.mark_best(run, write(run, images), value, "distance")
        checkpoints.prune(run, keep)
        lowest = values.index(min(values[:images])) + 1
        assert seen(run) == sorted({lowest, *range(max(1, images - keep + 1), images + 1)})
        assert checkpoints.best(run) == run / "checkpoints" / f"images-{lowest:09d}"
        assert checkpoints.latest(run) == run / "checkpoints" / f"images-{images:09d}"


def test_a_damaged_mark_of_the_best(tmp_path: Path) -> None:
    write(tmp_path, 1)
    assert checkpoints.best(tmp_path) is None
    for content in ("", "{}", "[]", '{"checkpoint": 3}', '{"checkpoint": "images-000000001", "measure": "x"}'):
        (tmp_path / "best.json").write_text(content)
        refused(tmp_path / "best.json", lambda: checkpoints.best(tmp_path))
        refused(tmp_path / "best.json", lambda: checkpoints.mark_best(tmp_path, write(tmp_path, 2), 0.1, "x"))
    (tmp_path / "best.json").write_text('{"checkpoint": "images-000000009", "value": 1, "measure": "x"}')
    assert checkpoints.best(tmp_path) is None, "it was deleted by hand"


def test_values_of_another_measure_do_not_compare(tmp_path: Path) -> None:
    first, second, third = (write(tmp_path, images) for images in (1, 2, 3))
    assert checkpoints.mark_best(tmp_path, first, 0.1, "KID of 100 pictures") is None
    before = contents(first)
    aside = checkpoints.mark_best(tmp_path, second, 0.5, "KID of 20 pictures")
    assert aside is not None
    assert list(contents(aside / first.name).values()) == list(before.values()), "the best by the other is kept"
    assert checkpoints.best(tmp_path) == second
    assert checkpoints.mark_best(tmp_path, third, 0.6, "KID of 20 pictures") is None
    checkpoints.prune(tmp_path, 1)
    assert seen(tmp_path) == [2, 3]
    checkpoint.read(aside / first.name).verify()


def test_what_ranks_fail_at_is_not_called_a_full_disk(tmp_path: Path) -> None:
    """A lost connection is no reason to free some space."""

    @contextmanager
    def broken() -> Iterator[None]:
        yield
        raise RuntimeError("Connection closed by peer")

    manifest = checkpoint.Manifest(images=1, seconds=1, world=2, config=TINY, provenance={})
    with pytest.raises(RuntimeError, match="Connection closed"):
        checkpoint.write(tmp_path, manifest, {}, {}, together=broken)


# Nothing there.


def test_a_missing_checkpoint_is_never_replaced_by_random_weights(copy: Path) -> None:
    refused(copy / "checkpoints" / "images-000000003", lambda: checkpoint.read(copy / "checkpoints/images-000000003"))
    shutil.rmtree(copy / "checkpoints")
    assert checkpoints.latest(copy) is None
    for path in (copy, copy / "checkpoints", copy / NEWEST):
        refused(path, lambda path=path: unpaired.Translator.load(path))
    (copy / "checkpoints" / ".writing-000000002").mkdir(parents=True)
    refused(copy, lambda: unpaired.Translator.load(copy))
