"""What the audit of the dependencies says of what it was told."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    return import_module("audit")


FINE = {"name": "rich", "version": "15.0.0", "vulns": []}
BAD = {"name": "pillow", "version": "8.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["8.1"], "aliases": []}]}
UNKNOWN = {"name": "mine", "skip_reason": "not found"}


def test_a_finding_fails_and_is_named(audit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    status, told = audit.verdict([FINE, BAD, UNKNOWN])
    assert status == 1
    assert "pillow 8.0: PYSEC-1, mended in 8.1." in told
    assert "2 packages looked up, 1 known" in told
    assert "Not looked up: mine." in told
    monkeypatch.setitem(audit.ACCEPTED, "PYSEC-1", "is not reached")
    assert audit.verdict([FINE, BAD])[0] == 0


def test_nothing_found_is_not_nothing_asked(audit: Any) -> None:
    assert audit.verdict([FINE]) == (0, "1 packages looked up, 0 known vulnerabilities.")
    status, told = audit.verdict([UNKNOWN])
    assert status == 0
    assert told.startswith("NOT AUDITED")


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("import sys; sys.exit('ConnectionError: no way out')", "NOT AUDITED: ConnectionError: no way out"),
        (f"import sys, json; print(json.dumps(dict(dependencies=[{BAD!r}]))); sys.exit(1)", "1 known"),
    ],
)  # fmt: skip
def test_without_the_network_it_says_so(tmp_path: Path, answer: str, told: str) -> None:
    """pip-audit itself, which needs the network, is stood in for."""
    (tmp_path / "pip_audit.py").write_text(answer)
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "audit.py"],
        env={"PYTHONPATH": str(tmp_path), "PATH": ""}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told in done.stdout
    assert done.returncode == ("known" in told)
