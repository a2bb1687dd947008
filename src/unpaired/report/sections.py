"""What a report says of the training itself: functions from the record of a run to HTML, empty where there is nothing
to say.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from html import escape
from typing import Any

from unpaired.config import DIRECTIONS
from unpaired.data.grid import spread
from unpaired.report.curves import number
from unpaired.report.images import embed
from unpaired.report.pieces import alt, ends, img, names, section, thousands, title
from unpaired.run.folder import Record, is_number, mapping
from unpaired.text import counted, duration
from unpaired.training.schedule import twice

ENDINGS = {
    "images": "finished: all planned images were seen",
    "minutes": "finished: the planned time is over",
    "flat": "finished: nothing got better any more",
    "interrupted": "interrupted, and ready to go on",
}


def heading(record: Record) -> str:
    """Title, one sentence on what was trained, the numbers of the training, and warnings."""
    config, counts = record.config, mapping(record.facts.get("counts"))
    training, data = mapping(config.get("training")), mapping(config.get("data"))
    provenance = mapping(record.facts.get("provenance"))
    a, b = names(record)
    sizes = "".join(f" from {escape(thousands(counts[k]))} pictures" if k in counts else "" for k in ("a",))
    sizes += f" and {escape(thousands(counts['b']))}" if sizes and "b" in counts else ""
    preset = f", preset <b>{escape(str(record.facts['preset']))}</b>" if record.facts.get("preset") else ""
    both = len(record.directions) == 2
    pairs = ", as pairs" if record.paired else " without a single matching pair"
    lead = (
        f"{'Two translators' if both else 'A translator'}, <b>{escape(a)}</b> <span class=arrow>→</span> "
        f"<b>{escape(b)}</b>{' and back' if both else ''}, learnt{sizes}{pairs}{preset}."
    )
    rates = record.series("rate").values
    tiles: list[tuple[str, str | None]] = [
        ("Images seen", thousands(record.images)),
        ("Training time", duration(record.seconds)),
        ("Images a second", number(sorted(rates)[len(rates) // 2]) if rates else None),
        ("Picture size", f"{data['crop']} px" if "crop" in data else None),
        ("Batch", str(training["batch"]) if "batch" in training else None),
        ("Device", str(provenance.get("device") or training.get("device") or "") or None),
    ]
    shown = "".join(f"<div><dt>{k}</dt><dd>{escape(v)}</dd></div>" for k, v in tiles if v is not None)
    return (
        f'<header class="top">\n<h1>{escape(title(record))}</h1>\n<p class="lead">{lead}</p>\n'
        f'<p class="small soft"><b>{escape(record.run.resolve().name)}</b>: {escape(state(record))}</p>\n'
        f'<dl class="tiles">{shown}</dl>\n{_notices(record)}</header>\n'
    )


def state(record: Record) -> str:
    """One sentence: how the training stands."""
    last = next((e for e in reversed(record.events) if e["kind"] in ("end", "start", "resume", "progress")), None)
    if last is None:
        return "This training has not told anything yet."
    if last["kind"] == "end":
        reason = str(last.get("reason", ""))
        return f"Training {ENDINGS.get(reason, f'ended ({reason})')}."
    done = max((e["done"] for e in record.of("progress") if isinstance(e.get("done"), int | float)), default=0)
    return f"Training is under way, or was cut off: {done:.0%} of the plan is done."


def _notices(record: Record) -> str:
    texts = [str(e.get("text") or "") for e in record.of("warning")]
    if record.damaged:
        lines = counted(record.damaged, "line")
        texts.append(f"{lines} of events.jsonl could not be read (a kill may cut one off) and were left out here.")
    if not any(texts):
        return ""
    items = "".join(f"<li>{escape(t)}</li>" for t in dict.fromkeys(texts) if t)
    return f'<div class="notice" role="note"><p><b>Worth knowing</b></p><ul>{items}</ul></div>\n'


def results_pictures(record: Record, *, quality: int) -> str:
    """The newest preview of each direction, large."""
    previews = record.previews()
    if not previews:
        return ""
    figures: list[str] = []
    for direction in DIRECTIONS:
        last = next((p for p in reversed(previews) if direction in p.files), None)
        picture = embed(last.files[direction], side=1400, quality=quality) if last else None
        if last and picture:
            source, target = ends(record, direction)
            figures.append(
                f'<figure class="card">{img(picture, alt(record, direction, last))}'
                f'<figcaption><b>{escape(source)} <span class="arrow">→</span> {escape(target)}</b> '
                f"after {thousands(last.images)} images</figcaption></figure>\n"
            )
    if not figures:
        return ""
    both = ", and translated back" if len(record.directions) == 2 else ""
    unused = "" if record.paired else "; training makes no use of it"
    return section(
        "What it does",
        f"Each row is one picture: as it is, translated{both}. "
        f"Where the true counterpart is known, it comes last{unused}.",
        f'<div class="pair">{"".join(figures)}</div>',
    )


def film(record: Record, *, frames: int, quality: int) -> str:
    """Previews over time behind a slider. Without scripts the last moment stays visible."""
    previews = record.previews()
    chosen = spread(previews, frames)
    if len(chosen) < 2:
        return ""
    figures: list[str] = []
    for direction in DIRECTIONS:
        images: list[str] = []
        for n, preview in enumerate(chosen):
            picture = embed(preview.files[direction], side=640, quality=quality) if direction in preview.files else None
            if picture:
                hidden = "" if n == len(chosen) - 1 else " hidden"
                images.append(img(picture, alt(record, direction, preview), f' data-moment="{n}"{hidden}'))
        if images:
            source, target = ends(record, direction)
            caption = f'<b>{escape(source)} <span class="arrow">→</span> {escape(target)}</b>'
            figures.append(f'<figure class="card">{"".join(images)}<figcaption>{caption}</figcaption></figure>\n')
    if not figures:
        return ""
    moments = [f"{thousands(p.images)} images · {duration(p.seconds)}" for p in chosen]
    last = len(chosen) - 1
    control = (
        f'<div class="control"><input type="range" min="0" max="{last}" value="{last}" step="1" '
        f'aria-label="Moment of the training"><output>{escape(moments[-1])}</output></div>'
    )
    return section(
        "How it got there",
        "Move the slider to see the same pictures earlier in the training.",
        f'<div class="film" data-moments="{escape(json.dumps(moments, ensure_ascii=False))}">{control}'
        f'<div class="pair">{"".join(figures)}</div></div>',
    )


def commands(record: Record) -> str:
    """What to type next."""
    run = shlex.quote(str(record.run))
    folders = mapping(record.facts.get("folders"))
    measured = [folders.get(f"test_{k}") or folders.get(k) for k in ("a", "b")]
    plan = mapping(record.config.get("training"))
    minutes, total = (plan.get(name) if is_number(plan.get(name)) else None for name in ("minutes", "images"))
    finished = any(e.get("reason") in ("images", "minutes") for e in record.of("end")[-1:])
    longer = f" {twice(minutes, total, record.images)}" if finished else ""
    steps = [
        ("Train on from exactly where it stands:", f"unpaired train --resume {run}{longer}"),
        ("Translate pictures of your own; files and folders, any size:",
         f"unpaired translate {run} my-pictures --out translated --direction a2b"),
    ]  # fmt: skip
    if all(measured):
        # One folder may hold both domains.
        where = " ".join(shlex.quote(str(f)) for f in dict.fromkeys(measured))
        pairs = " --paired" if _measured_pairs(record) else ""
        steps.append(
            ("Measure how good it is, by more than is on this page:", f"unpaired evaluate {run} {where}{pairs}")
        )
    steps.append(("Write this page anew:", f"unpaired report {run}"))
    items = "".join(
        f'<li><p>{text}</p><div class="command"><code>{escape(line)}</code></div></li>' for text, line in steps
    )
    return section("Go on", "", f'<ol class="steps">{items}</ol>')


def _measured_pairs(record: Record) -> bool:
    """Whether the newest evaluation knew true counterparts."""
    for event in record.of("evaluation")[-1:]:
        return any(mapping(s).get("pairs") for s in mapping(mapping(event.get("result")).get("directions")).values())
    return False


def cost(record: Record) -> str:
    """What the training took."""
    if not record.seconds:
        return ""
    measuring = sum(float(e["took"]) for e in record.of("evaluation") if is_number(e.get("took")))
    spent = f"{record.joules / 3.6e6:.3g} kWh of the processors" if record.joules else "not told by the machine"
    facts: list[tuple[str, Any]] = [
        ("Time", duration(record.seconds)),
        ("Of it measuring", f"{duration(measuring)} ({measuring / record.seconds:.0%})" if measuring else None),
        ("Images seen", f"{thousands(record.images)} of each domain"),
        ("Energy", spent),
    ]
    return section("What it cost", "", f'<div class="card">{_facts(facts)}</div>')


def _facts(facts: list[tuple[str, Any]]) -> str:
    shown = "".join(f"<dt>{escape(str(k))}</dt><dd>{escape(_plain(v))}</dd>" for k, v in facts if v is not None)
    return f'<dl class="facts">{shown}</dl>'


def about(record: Record) -> str:
    """Credits, where the pictures came from, versions, and the whole configuration."""
    folders = mapping(record.facts.get("folders"))
    labels = {
        "a": "Domain A",
        "b": "Domain B",
        "test_a": "Test pictures of A",
        "test_b": "Test pictures of B",
        "masks_a": "Masks of A",
        "masks_b": "Masks of B",
    }
    facts: list[tuple[str, Any]] = [(labels.get(k, k), v) for k, v in folders.items() if v]
    facts += [(str(k).replace("_", " ").capitalize(), v) for k, v in mapping(record.facts.get("provenance")).items()]
    for domain, digest in mapping(record.facts.get("digests")).items():
        facts.append((f"Hash of {str(domain).upper()}'s pictures", digest))
    facts.append(("Seed", mapping(record.config.get("training")).get("seed")))
    for event in record.of("checkpoint")[-1:]:
        facts.append(("Newest checkpoint", event.get("folder")))
    credit = record.facts.get("credits")
    credits = f"<p>{escape(str(credit))}</p>" if credit else ""
    config = escape(json.dumps(record.config, indent=2, ensure_ascii=False))
    return section(
        "About this run",
        "What it takes to do it again: on a CPU, with a plan in images, the same pictures, versions, configuration and "
        "seed give the same bits.",
        f'{credits}<div class="card">{_facts(facts)}'
        f"<details><summary>The whole configuration</summary>"
        f'<pre tabindex="0">{config}</pre></details></div>',
    )  # fmt: skip


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in mapping(value).items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(_plain(v) for v in value)
    return str(value)
