"""Benchmarks are programs in folders of their own, whose modules find each other there."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

HOME = Path(__file__).parents[2] / "benchmarks"

Imported = Callable[..., Namespace]


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> Iterator[Imported]:
    """Import modules by name from benchmarks/ or a folder of it, and forget them after the test: several benchmarks
    have a module of the same name.
    """
    if not HOME.is_dir():
        pytest.skip("benchmarks are not part of a package")
    before = set(sys.modules)

    def modules(*names: str, folder: str = ".") -> Namespace:
        monkeypatch.syspath_prepend(HOME / folder)
        return Namespace(**{name: import_module(name) for name in names})

    yield modules
    for name in set(sys.modules) - before:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").is_relative_to(HOME):
            del sys.modules[name]
