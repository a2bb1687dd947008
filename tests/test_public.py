"""The public names: all there, and none of them costs anything before it is used."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import unpaired


def test_every_exported_name_is_there_and_every_home_is_exported() -> None:
    assert sorted(unpaired.__all__) == sorted(unpaired._HOME)
    for name, home in unpaired._HOME.items():
        assert getattr(unpaired, name) is getattr(import_module(home), name)
    assert set(dir(unpaired)) == set(unpaired.__all__)
    assert len(set(unpaired.__all__)) == len(unpaired.__all__)


def test_what_type_checkers_see_is_what_is_exported() -> None:
    source = Path(unpaired.__file__).read_text(encoding="utf-8")
    block = source.partition("if TYPE_CHECKING:")[2].partition("_HOMES")[0]
    names = block.replace("(", " ").replace(")", " ").replace(",", " ").split()
    seen = {n for n in names if n not in ("from", "import") and not n.startswith("unpaired.")}
    assert seen == set(unpaired.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'Transmogrifier'"):
        unpaired.Transmogrifier  # noqa: B018


def test_light_modules_import_nothing_heavy() -> None:
    program = (
        "import sys, unpaired, unpaired.config, unpaired.errors, unpaired.cli\n"
        "assert unpaired.PRESETS['paper']() == unpaired.Config()\n"
        "heavy = {'torch', 'numpy', 'PIL', 'tyro', 'rich', 'safetensors'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
