"""What people install: a wheel, built from the tree, in an environment where there is no source."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run([*pip, "-w", folder, ROOT], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("unpaired-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel, and sees the packages that it depends on. Returns its `bin`.

    Installing torch anew would take minutes. A .pth line adds this environment's packages without reading
    their .pth files, so that an editable install of the source stays out of sight.
    """
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip = [sys.executable, "-m", "pip", "--python", home, "install", "--quiet", "--no-deps", "--no-index"]
    done = subprocess.run(
        [*pip, "--ignore-installed", wheel], capture_output=True, text=True, timeout=120, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return home / "bin"


def _run(*words: object, folder: Path, limit: float = 60) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run(
        [str(w) for w in words], cwd=folder, env=environment,
        capture_output=True, text=True, timeout=limit, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "unpaired",
        next(n for n in names if "dist-info" in n).split("/")[0],
    }
    assert not [name for name in names if "test" in name or "__pycache__" in name or "runs/" in name]
    assert any(name.endswith("licenses/LICENSE") for name in names)
    there = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    assert {path.relative_to(ROOT / "src").as_posix() for path in there} == {
        name for name in names if "dist-info" not in name
    }


def test_the_installed_command_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    where = _run(installed / "python", "-c", "import unpaired; print(unpaired.__file__)", folder=tmp_path)
    assert Path(where.strip()).is_relative_to(installed.parent)
    assert "unpaired demo" in _run(installed / "unpaired", "--help", folder=tmp_path)


@pytest.mark.slow
def test_the_installed_demo_runs(installed: Path, tmp_path: Path) -> None:
    """Everything in one go: unpack, train, translate the test pictures, measure, report."""
    out = _run(installed / "unpaired", "demo", "--minutes", "0.05", folder=tmp_path, limit=900)
    run = tmp_path / "runs" / "demo"
    assert "KID" in out
    assert "do nothing" in out
    assert (run / "preview.png").stat().st_size > 10_000
    assert (run / "report.html").stat().st_size > 10_000
    for direction in ("a2b", "b2a"):
        assert len(list((run / "translations" / direction).iterdir())) > 300
    told = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
    *_, measured = (event["result"]["directions"] for event in told if event["kind"] == "evaluation")
    for scores in measured.values():
        assert scores["inputs"] == 322
        assert {"KID", "PSNR"} <= {name.split()[0] for name in scores["measures"]}
        assert all(score["translator"] is not None for score in scores["measures"].values())
    report = (run / "report.html").read_text()
    assert "How good it is" in report
    assert "322 translations beside 322 real pictures" in report
    again = _run(installed / "unpaired", "demo", "--minutes", "0.05", folder=tmp_path)
    assert "holds a demo that was trained for" in again, "nothing is trained or measured twice"
