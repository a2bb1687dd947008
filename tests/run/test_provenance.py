"""What a run remembers of how it was started."""

from __future__ import annotations

import pytest

from unpaired.run.provenance import typed


@pytest.mark.parametrize("program", ["/opt/env/bin/unpaired", "unpaired", "/opt/env/lib/unpaired/__main__.py"])
def test_the_command_is_what_a_user_types(program: str) -> None:
    assert typed([program, "train", "my horses", "zebras"]) == "unpaired train 'my horses' zebras"


def test_a_program_of_others_keeps_its_name() -> None:
    assert typed(["scripts/all.py", "--fast"]) == "scripts/all.py --fast"
    assert typed(["other/__main__.py"]) == "other/__main__.py"
