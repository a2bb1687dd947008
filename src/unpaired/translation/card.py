"""A model card: what a published translator is, for people and for the Hub's search; counts of pictures, no picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unpaired.config import Config, Direction
from unpaired.run.folder import Record, is_number, mapping
from unpaired.text import counted


def model_card(
    name: str, config: Config, directions: tuple[Direction, ...], *, images: int, record: Record | None, licence: str
) -> str:
    """README.md of a repository on the Hub; `record` is the run's, where there is one to tell more."""
    facts = record.facts if record else {}
    title = str(facts.get("title") or name.rpartition("/")[2])
    lines = [
        "---", f"license: {licence or 'unknown'}", "library_name: unpaired", "pipeline_tag: image-to-image",
        "tags:", "- unpaired", f"- {config.method}", "- image-to-image", "---", "", f"# {title}", "",
        f"Translates pictures {' and '.join(_said(way) for way in directions)}, with "
        "`unpaired`.", "",
        "```python", "from unpaired import Translator", "",
        f'translator = Translator.from_pretrained("{name}", direction="{directions[0]}")',
        'translator("picture.jpg").save("translation.png")', "```", "",
        "## Training", "", *_training(config, images, facts), "",
    ]  # fmt: skip
    if record:
        lines += _measures(record)
    lines += [
        "## Licence and limits", "",
        "Licence: " + (licence or "**fill in** what the licences of the training pictures and "
        "your own choice allow, here and in the first lines of this file") + ".", "",
        "It has learnt what pictures of its two collections look like, and makes up what it can't know: translations "
        "are no measurements and no evidence.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _said(way: Direction) -> str:
    return "of A into B (`a2b`)" if way == "a2b" else "of B into A (`b2a`)"


def _training(config: Config, images: int, facts: dict[str, Any]) -> Iterator[str]:
    gen, data = config.generator, config.data
    size = {"resnet": f"{gen.blocks} blocks", "convnext": f"{gen.blocks} attention blocks"}.get(
        gen.kind, f"{gen.depth} halvings"
    )
    yield f"- Method: {config.method}; generator: {gen.kind} of {size}, width {gen.width}, norm {gen.norm}"
    yield f"- Crops of {data.crop} px; channels {data.channels_a} (A) and {data.channels_b} (B)"
    counts = mapping(facts.get("counts"))
    if {"a", "b"} <= counts.keys():
        yield (
            f"- {counted(counts['a'], 'picture')} of A and {counts['b']:,} of B, in no pairs"
            if config.method != "pix2pix"
            else f"- {counted(counts['a'], 'pair')}"
        )
    if images:
        yield f"- {counted(images, 'image')} of each domain seen"
    if facts.get("preset"):
        yield f"- Preset: {facts['preset']}"
    provenance = mapping(facts.get("provenance"))
    if command := provenance.get("command"):
        # Folders of a private machine are nobody's business.
        yield f"- Command: `{' '.join(Path(word).name for word in str(command).split())}`"
    if imported := provenance.get("imported"):
        yield f"- Imported from {', '.join(Path(part).name for part in str(imported).split(', '))}"
    versions = [f"{k} {provenance[k]}" for k in ("unpaired", "torch") if k in provenance]
    if versions:
        yield f"- Versions: {', '.join(versions)}"


def _measures(record: Record) -> Iterator[str]:
    """The newest evaluation as tables."""
    events = [e for e in record.of("evaluation") if mapping(mapping(e.get("result")).get("directions"))]
    if not events:
        return
    newest = events[-1]
    yield from ("## Measures", "", f"On held-out pictures, after {counted(newest['images'], 'image')}.", "")
    for way, scores in mapping(newest["result"]["directions"]).items():
        yield from (f"| {way} | do nothing | translator | floor |", "|---|---|---|---|")
        for name, score in mapping(mapping(scores).get("measures")).items():
            values = [mapping(score).get(k) for k in ("nothing", "value", "floor")]
            yield f"| {name} | {' | '.join(f'{v:.4g}' if is_number(v) else '–' for v in values)} |"
        yield ""
