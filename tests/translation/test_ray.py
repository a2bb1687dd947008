"""A real Ray on this machine, two workers: the same bytes as without, and a killed worker costs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import fsspec.implementations.memory
import numpy as np
import pytest
from PIL import Image
from small import write_checkpoint

from unpaired.errors import UserError
from unpaired.translation.batch import translate_files
from unpaired.translation.history import History
from unpaired.translation.manifest import Manifest
from unpaired.translation.outcome import MANIFEST, outcomes
from unpaired.translation.ray import translate_on_ray
from unpaired.translation.remote import plan_urls
from unpaired.translation.staging import translate_staged
from unpaired.translation.translator import Translator

SCRIPT = Path(__file__).with_name("on_ray.py")
slow = pytest.mark.slow


def fill(folder: Path, count: int, side: int = 16) -> Path:
    for n in range(count):
        path = folder / f"{n % 3}" / f"{n:03}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (side, side, 3), np.uint8)).save(path)
    return folder


def tree(folder: Path) -> dict[str, bytes]:
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def on_ray(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """All jobs of on_ray.py, and beside them what this process makes of the same pictures."""
    pytest.importorskip("ray", reason="Ray is an extra")
    root = tmp_path_factory.mktemp("ray")
    write_checkpoint(root / "run")
    few = fill(root / "few", 20)
    (few / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    (few / "notes.txt").write_text("no picture")
    fill(root / "many", 60, side=96)
    eager = {**os.environ, "RAY_worker_niceness": "0"}  # Ray's default of 15 starves on a machine that others use
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(SCRIPT), str(root)],
        env=eager,
        capture_output=True,
        text=True,
        timeout=550,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    translator = Translator.load(root / "run", direction="a2b", device="cpu")
    for name in ("few", "many"):
        translate_files(translator, root / name, root / f"{name} alone", batch=1)
    return root, json.loads((root / "told.json").read_text())


def check_manifest(out: Path, files: int) -> None:
    """One line a file, one manifest, nothing unfinished."""
    told = list(outcomes(out / MANIFEST))
    assert len({o.input for o in told}) == len(told) == files
    assert [p.name for p in out.iterdir() if p.name.startswith((".", "manifest"))] == [MANIFEST]


@slow
def test_two_workers_give_the_same_bytes_and_go_on(on_ray: tuple[Path, dict[str, Any]]) -> None:
    root, told = on_ray
    assert told["plain"] == [20, 0, 1, 1, str(root / "plain")]
    assert told["plain failed"] == [str(root / "few/bad.png")]
    assert told["again"] == [1, 19, 1, 1, str(root / "plain")]
    assert tree(root / "plain") == tree(root / "few alone")
    check_manifest(root / "plain", 22)
    translator = Translator.load(root / "run", direction="a2b", device="cpu")
    assert translate_files(translator, root / "few", root / "plain", batch=1).kept == 20, "without Ray, the same job"


@slow
def test_a_killed_worker_loses_nothing_and_nothing_is_there_twice(on_ray: tuple[Path, dict[str, Any]]) -> None:
    root, told = on_ray
    assert 8 <= told["killed_at"] < 60, told
    translated, kept, *_ = told["killed"]
    assert translated == 60
    assert kept == 0
    assert tree(root / "killed") == tree(root / "many alone")
    check_manifest(root / "killed", 60)


@slow
def test_addresses_go_through_fsspec(on_ray: tuple[Path, dict[str, Any]]) -> None:
    root, told = on_ray
    assert told["far"] == [20, 0, 1, 1, f"file://{root}/far"]
    assert told["far failed"][0].endswith("few/bad.png")
    assert told["far again"] == [1, 19, 1, 1, f"file://{root}/far"]
    assert tree(root / "far") == tree(root / "few alone")
    check_manifest(root / "far", 22)
    assert "exists already" in told["far back"]


# Without Ray


def put(url: str, data: bytes) -> None:
    import fsspec

    with fsspec.open(url, "wb") as file:
        file.write(data)


def test_a_plan_of_addresses(tmp_path: Path) -> None:
    for name in ("a.png", "deep/b.jpg", "notes.txt"):
        put(f"memory://plans/in/{name}", b"x")
    planned = plan_urls(["memory://plans/in"], "memory://plans/in/out", "job")
    pairs = [(job.source, job.target) for job in planned.jobs]
    assert pairs == [
        ("memory:///plans/in/a.png", "memory:///plans/in/out/a.png"),
        ("memory:///plans/in/deep/b.jpg", "memory:///plans/in/out/deep/b.jpg"),
    ]
    assert [why for _, why in planned.skipped] == ["not a picture by its name"]
    put("memory://plans/in/out/a.png", b"y")
    assert len(plan_urls(["memory://plans/in"], "memory://plans/in/out", "job", overwrite=True).jobs) == 2
    with pytest.raises(UserError, match="exists already"):
        plan_urls(["memory://plans/in"], "memory://plans/in/out", "job")
    with pytest.raises(UserError, match="would be overwritten"):
        plan_urls(["memory://plans/in"], "memory://plans/in", "job", overwrite=True)
    with pytest.raises(UserError, match="no file or folder"):
        plan_urls(["memory://nowhere"], "memory://plans/out", "job")
    with pytest.raises(UserError, match="no picture"):
        plan_urls(["memory://plans/in/notes.txt"], "memory://plans/out", "job")


@pytest.mark.parametrize("url", ["s3://bucket/pictures", "nonsense://bucket/pictures"])
def test_an_address_that_nothing_here_can_reach(url: str) -> None:
    pytest.importorskip("fsspec")
    try:
        import s3fs  # noqa: F401  # pyright: ignore
    except ImportError:
        with pytest.raises(UserError, match="can't be reached"):
            plan_urls([url], "memory://out", "job")


class Remembering(fsspec.implementations.memory.MemoryFileSystem):
    """Remembers listings, as s3fs and gcsfs do."""

    protocol = "remembering"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    listings: ClassVar[dict[str, Any]] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return super()._strip_protocol(path.removeprefix("remembering://"))

    def unstrip_protocol(self, name: str) -> str:
        return f"remembering://{name}"

    def find(self, path: str, *words: Any, **options: Any) -> Any:
        key = f"{path} {words} {options}"
        if key not in self.listings:
            self.listings[key] = super().find(path, *words, **options)
        return self.listings[key]

    def invalidate_cache(self, path: str | None = None) -> None:
        self.listings.clear()


def test_what_workers_put_is_seen_through_listings_that_are_remembered(tmp_path: Path) -> None:
    """Twice, as on S3; a world file travels, too; and what fails the second time is told the second time."""
    fsspec.register_implementation("remembering", Remembering, clobber=True)
    write_checkpoint(tmp_path / "run")
    translator = Translator.load(tmp_path / "run", direction="a2b", device="cpu")
    content = BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(content, "PNG")
    away = {"scan.png": content.getvalue(), "scan.pgw": b"1", "broken.png": b"none", "notes.txt": b"x"}
    (tmp_path / "in").mkdir()
    for name, data in away.items():
        (tmp_path / "in" / name).write_bytes(data)
    for kept in (0, 1):
        planned = plan_urls([str(tmp_path / "in")], "remembering://out", "job")
        here = dict(Remembering.listings)
        Remembering.listings.clear()  # workers are other processes
        translate_staged(planned.jobs, translator, "a2b", 1, "remembering://out", "job")
        Remembering.listings.update(here)
        report = planned.joined("job", {}, "a2b", ended=True)
        assert (report.translated, report.kept, report.failures) == (1 - kept, kept, 1)
        assert sorted((Path(path).name, why) for path, why in report.skipped) == [
            ("notes.txt", "not a picture by its name"),
            ("scan.pgw", "a sidecar of scan.png; copied beside its translation"),
        ]
        assert sorted(Remembering.store) == ["/out/manifest.jsonl", "/out/scan.pgw", "/out/scan.png"]


def test_whatever_a_file_system_raises_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoCredentialsError(Exception):
        """As botocore's: of no class that others share."""

    def refuse(*_: Any, **__: Any) -> None:
        raise NoCredentialsError("Unable to locate credentials\nand more")

    monkeypatch.setattr(fsspec.implementations.memory.MemoryFileSystem, "exists", refuse)
    with pytest.raises(UserError, match=r"^memory://out can't be reached: Unable to locate credentials\.$"):
        plan_urls(["memory://in"], "memory://out", "job")


def test_parts_of_dead_workers_count(tmp_path: Path) -> None:
    source = tmp_path / "a.png"
    source.write_bytes(b"x")
    part = Manifest(tmp_path / "out", "job", {}, "ray-1")
    temporary = part.temporary(tmp_path / "out/a.png")
    temporary.write_bytes(b"y")
    part.finish(source, tmp_path / "out/a.png", temporary)
    part.close()
    assert History(tmp_path / "out", "job").is_done(source, tmp_path / "out/a.png")


def test_workers_are_at_least_one(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="workers 0"):
        translate_on_ray(tmp_path, [str(tmp_path)], str(tmp_path / "out"), workers=0)
