"""Ask whether a pinned version has a known vulnerability: python scripts/audit.py

Every line of constraints.txt is looked up in PyPI's advisories (pip-audit, of the extra `dev`). A finding ends with
status 1. Where the advisories can't be reached it says so, and the status is 0: nothing was found, and nothing was
looked up either.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]

ACCEPTED: dict[str, str] = {}
"""Advisories that do not concern this project, and why."""

WORDS = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json"]


def verdict(dependencies: list[dict[str, Any]]) -> tuple[int, str]:
    """The exit status and the sentences for what pip-audit says of each dependency."""
    unknown = [d["name"] for d in dependencies if "skip_reason" in d]
    found = [
        f"{d['name']} {d['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no version yet'}."
        for d in dependencies
        for v in d.get("vulns", [])
        if v["id"] not in ACCEPTED
    ]
    known = len(dependencies) - len(unknown)
    if not known:
        return 0, "NOT AUDITED: the advisories know none of the packages, or could not be reached."
    told = [*found, f"{known} packages looked up, {len(found)} known vulnerabilities."]
    if unknown:
        told.append(f"Not looked up: {', '.join(unknown)}.")
    return int(bool(found)), "\n".join(told)


def main() -> int:
    command = [sys.executable, "-m", "pip_audit", "-r", str(ROOT / "constraints.txt"), *WORDS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        print("NOT AUDITED: no answer in five minutes.")
        return 0
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except ValueError:
        print(f"NOT AUDITED: {(done.stderr.strip() or 'no answer').splitlines()[-1]}")
        return 0
    status, told = verdict(dependencies)
    print(told)
    return status


if __name__ == "__main__":
    sys.exit(main())
