"""What the documentation says can be typed, collected; and how much less of it a test does."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from pathlib import Path

from unpaired.config import Config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"sh", "python", "bibtex", ""}

NOT_RUN = {
    r"(python -m )?pip install |python -m venv |source ": "changes the environment that tests run in",
    r"python -m pytest": "is what runs this",
    r"unpaired demo": "five minutes; tests/system/test_wheel.py runs a shorter one",
    r"unpaired (serve|studio) |export UNPAIRED_TOKEN": "goes on until it is stopped: tests/system/test_serve.py",
    r"curl ": "asks a server: tests/web sends the same requests",
    r"tensorboard ": "a server of another project",
    r"(RUN=\w+ )?docker ": "no container engine; tests/system/test_containers.py reads the files",
    r"torchrun ": "several processes, or machines: tests/training/test_ranks.py, tests/system/test_many_pictures.py",
    r".* --engine ray": "starts a cluster: tests/translation/test_ray.py; and object storage",
    r"unpaired datasets get": "downloads",
    r".* --hub ": "publishes",
    r".* (rtsp://|tcp://|/dev/video)": "needs a camera or a stream: tests/translation/test_video.py",
    r".* --inception ": "needs a file of 96 MB",
    r"unpaired .*--help ": "tests/system/test_commands.py asks every command for help",
    r"if |fi ": "what stands between is run",
}
"""Lines of blocks that are only parsed (where they are ours), and why they are not run."""

PYTHON_NOT_RUN = {
    r"unpaired\.Client\(": "asks a server: tests/web/test_api.py",
    r"push_to_hub": "publishes: tests/interop/test_hub.py",
    r"Trust\.load": "needs 50 training pictures: tests/evaluation/test_trust.py",
    r"class Yours|METHODS = ": "tests/system/test_docs.py trains it",
}
"""Blocks of Python that are only compiled, and why."""

WITH_NUMBERS = {"--size": "36", "--crop": "32", "--steps": "2"}
"""Numbers that a test has in place of those that are written."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[tuple[str, str]]:
    """The language and the text of each block of code, with lines that end in a backslash joined."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(r"^ *```(\w*)[^\n]*\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


def lines(page: Path) -> list[str]:
    """What is typed, line by line, without comments."""
    typed = [line for language, text in blocks(page) if language == "sh" for line in text.splitlines()]
    parts = [part for line in typed for part in re.sub(r"\s+#.*", "", line).split(" && ")]
    return [re.sub(r"^(then|else) ", "", part.strip()) for part in parts if part.strip()]


def not_run(line: str) -> list[str]:
    """The patterns by which a line is not run."""
    return [pattern for pattern in NOT_RUN if re.match(pattern, f"{line} ")]


def smaller(words: list[str], resumed: int) -> list[str]:
    """The words of a command with limits that take a second; the `resumed`th resuming goes on a little longer."""
    made = [WITH_NUMBERS.get(before, word) for before, word in zip(["", *words], words, strict=False)]
    if words[0] == "train":
        made += ["--images", str(8 + 4 * resumed if "--resume" in words else 8), "--device", "cpu"]
    elif words[0] == "bakeoff":
        made += ["--minutes", "0.02", "--methods", "cyclegan", "cut"]
    elif words[0] == "import" and "--pictures" in words:
        made += ["--crop", "32"]
    elif words[0] == "style":
        made += ["--size", "48", "--steps", "2"]
    elif words[:3] == ["evaluate", "fcn", "train"]:
        made += ["--size", "32", "--images", "12"]
    elif words[0] == "evaluate" and not {"--measures", "--labels"} & set(words):
        made += ["--measures", "kid"]
    for i, word in enumerate(made):  # checkpoints that are only examples become the oldest that is there
        if found := re.fullmatch(r"(.*/checkpoints)/images-\d+", word):
            made[i] = str(min(Path(found[1]).glob("images-*")))
    return made


def shrunk(preset: Callable[[], Config]) -> Callable[[], Config]:
    """A preset with networks that take a millisecond, and with its own docstring, which the help of `train` reads."""

    @wraps(preset)
    def small() -> Config:
        c = preset()
        kind = "patchgan" if c.discriminator.kind.startswith("projected") else c.discriminator.kind
        return replace(
            c,
            data=replace(c.data, size=36, crop=32),
            generator=replace(c.generator, width=4, blocks=1, depth=3),
            discriminator=replace(c.discriminator, kind=kind, width=4, layers=1),
            nce=replace(c.nce, layers=(0, 2, 3), dimension=8, patches=16),
            training=replace(c.training, batch=2),
        )

    return small


def split(line: str) -> list[str]:
    """The words after `unpaired`."""
    return shlex.split(line)[1:]
