"""What the documentation says can be typed, can be typed; what it links to is there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
import tyro
from documented import ROOT, blocks, name_of

import unpaired
from unpaired.cli import SUMMARIES, command
from unpaired.compute.ranks import Ranks
from unpaired.methods import METHODS
from unpaired.methods.base import Method
from unpaired.training.engine import Engine

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
OPTION = re.compile(r"(?<![\w-])--[a-z][\w.-]*")


def _code(page: Path) -> list[str]:
    """Code spans and the lines of code blocks."""
    text = re.sub(r"^ *```.*?^ *```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [line.strip() for _, block in blocks(page) for line in block.splitlines()] + re.findall(r"`([^`\n]+)`", text)


def _commands(page: Path) -> list[list[str]]:
    """The words after `unpaired` of each command line. With … in it, or alone in running text, it is none."""
    found: list[list[str]] = []
    for code in _code(page):
        for match in re.finditer(r"(?:^|&& |-m |then |else )unpaired ([a-z]+\b[^&|#]*)", code):
            words = shlex.split(match[1])
            if "…" not in words and (len(words) > 1 or words[0] in ("demo", "doctor")):
                found.append(words)
    return found


class Parsed(Exception):
    """Ends a command once its words are understood."""


class _Record:
    config = unpaired.Config()


@pytest.fixture
def only_parse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands parse their words and stop there; runs that are only examples count as there."""
    original = tyro.cli

    def cli(*args: Any, **options: Any) -> NoReturn:
        original(*args, **options)
        raise Parsed

    monkeypatch.setattr(tyro, "cli", cli)
    monkeypatch.setattr("unpaired.run.record.RunRecord.read", lambda run: _Record)


@pytest.mark.usefixtures("only_parse")
@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_line_parses(page: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in _commands(page):
        line = f"{name_of(page)}: unpaired {shlex.join(words)}"
        assert words[0] in SUMMARIES, line
        with pytest.raises((Parsed, SystemExit)) as ending:
            command(words[0]).main(words[1:])
        told = capsys.readouterr()
        assert isinstance(ending.value, Parsed) or ending.value.code == 0, f"{line}\n{told.err}{told.out}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_to_something(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.exists(), f"{name_of(page)} links to {target}, which is not there"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", there.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings]
            assert anchor in slugs, f"{name_of(page)} links to {target}: no such heading"


def test_the_documentation_has_commands() -> None:
    """The search for command lines finds some: of every command, at least one."""
    typed = {words[0] for page in PAGES for words in _commands(page)}
    assert typed >= set(SUMMARIES)


THEIRS = """
    dataroot name checkpoints_dir model input_nc output_nc ngf ndf netD netG n_layers_D norm init_type init_gain
    no_dropout dataset_mode direction serial_batches num_threads batch_size load_size crop_size max_dataset_size
    preprocess no_flip display_winsize epoch load_iter verbose suffix use_wandb wandb_project_name
    display_freq update_html_freq print_freq no_html save_latest_freq save_epoch_freq save_by_iter continue_train
    epoch_count phase n_epochs n_epochs_decay beta1 lr gan_mode pool_size lr_policy lr_decay_iters
    results_dir aspect_ratio eval num_test lambda_A lambda_B lambda_identity lambda_L1 model_suffix
"""
"""The flags of pytorch-CycleGAN-and-pix2pix (August 2025): of base_options, train_options, test_options, the models."""


def test_the_other_projects_table_is_whole_and_names_options_that_exist(capsys: pytest.CaptureFixture[str]) -> None:
    ours: set[str] = set()
    for name in ("train", "translate"):
        with pytest.raises(SystemExit):
            command(name).main(["--help"])
        ours |= set(OPTION.findall(capsys.readouterr().out)) | {"--out"}
    page = (ROOT / "docs" / "moving-from-pytorch-CycleGAN-and-pix2pix.md").read_text()
    rows = [line.split("|") for line in page.split("## The flags")[1].splitlines() if line.startswith("| `")]
    told = {flag for row in rows for flag in re.findall(r"--(\w+)", row[1])}
    assert told - {"gpu_ids"} == set(THEIRS.split())
    for row in rows:
        for code in re.findall(r"`([^`]+)`", re.sub("not needed because it belongs to .*", "", row[2])):
            assert set(OPTION.findall(code)) <= ours, row


def test_python_in_the_readme_is_public() -> None:
    text = (ROOT / "README.md").read_text()
    names = set(re.findall(r"\bunpaired\.(\w+)\(|\bunpaired\.(\w+)\.", text))
    used = {name for pair in names for name in pair if name}
    assert used >= {"train", "Translator", "evaluate"}
    assert used <= set(unpaired.__all__)


def test_the_example_method_is_one() -> None:
    """The page on adding a method holds a method that the engine can train."""
    text = (ROOT / "docs" / "how-to-add-a-method.md").read_text()
    source = next(b for b in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "class Yours" in b)
    namespace: dict[str, object] = {"__name__": "yours"}
    exec(compile(source, "yours.py", "exec"), namespace)
    config = unpaired.Config(
        data=unpaired.DataConfig(size=32, crop=32, colours_b=4),
        generator=unpaired.GeneratorConfig(width=4, blocks=1),
        discriminator=unpaired.DiscriminatorConfig(width=4, layers=1),
        training=unpaired.TrainingConfig(device="cpu"),
    )
    method = namespace["Yours"](config)  # pyright: ignore
    assert isinstance(method, Method)
    assert "yours" not in METHODS
    alone = type(method).translator(config, "a2b").state_dict()
    assert method.generators()["generator_ab"].state_dict().keys() == alone.keys(), "what it trains can translate"

    pictures = torch.randint(256, (1, 3, 32, 32), dtype=torch.uint8)
    before = [p.clone() for p in method.parameters()]
    terms = Engine(method, config, torch.device("cpu"), Ranks()).step(pictures, pictures, images=0, rate=1.0)
    assert set(terms) == {"gan_ab", "discriminator_b"}
    assert all(not torch.equal(p, q) for p, q in zip(before, method.parameters(), strict=True) if p.ndim > 1)


def test_every_line_of_the_threat_model_names_tests_that_exist() -> None:
    rows = [r for r in (ROOT / "docs" / "security.md").read_text().splitlines() if r.startswith("| ")][1:]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`([^`]+)`", row.rsplit("|", 2)[1])
        assert named, row
        file = ""
        for name in named:
            path, _, test = name.rpartition("::") if ".py::" in name else ("", "", name)
            file = path or (name if name.endswith(".py") else file)
            place = ROOT / file if "/" in file else ROOT / "tests" / "web" / file
            assert place.exists(), name
            assert name.endswith(".py") or f"def {test}(" in place.read_text(), name
