"""The parts of a report: functions from the record of a run to HTML, empty where there is nothing to say."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from unpaired.config import DIRECTIONS
from unpaired.report.curves import chart, count, number
from unpaired.report.grid import spread
from unpaired.report.images import Embedded, embed
from unpaired.report.record import Preview, Record, Series, is_number, mapping
from unpaired.text import duration
from unpaired.training.schedule import twice

ENDINGS = {
    "images": "finished: all planned images were seen",
    "minutes": "finished: the planned time is over",
    "flat": "finished: nothing got better any more",
    "interrupted": "interrupted, and ready to go on",
}


@dataclass(frozen=True, slots=True)
class Panel:
    """One chart: which terms, what it is called, and what good looks like."""

    terms: tuple[str, ...]
    names: tuple[str, ...]
    heading: str
    meaning: str


PANELS = (
    Panel(
        ("cycle_a", "cycle_b"), ("A → B → A", "B → A → B"), "There and back",
        "How far a picture is from itself after both translations. "
        "Good: falls quickly, then slowly, and stays low.",
    ),
    Panel(
        ("gan_ab", "gan_ba"), ("A → B", "B → A"), "How well translations fool",
        "What the discriminators still hold against the translations. Good: hovers around a level; "
        "a steady climb means that the generators are losing.",
    ),
    Panel(
        ("discriminator_a", "discriminator_b"), ("in A", "in B"), "How badly real is told from fake",
        "The discriminators' own error. Good: "
        "neither near zero, where they teach nothing any more, nor climbing: a draw.",
    ),
    Panel(
        ("identity_a", "identity_b"), ("in A", "in B"), "Leaving alone what is right",
        "How much a generator changes a picture that already is of its target domain. "
        "Good: falls, which keeps colours in place.",
    ),
    Panel(
        ("outside_a", "outside_b"), ("A → B", "B → A"), "Outside the masks",
        "How much of what masks leave out is changed all the same. Good: falls towards 0.",
    ),
    Panel(
        ("nce_a", "nce_b"), ("A", "B"), "Which place is which",
        "How hard it is to say from a place of a translation which place of its source it is. "
        "Good: falls quickly, then slowly.",
    ),
    Panel(
        ("structure_a", "structure_b"), ("A → B", "B → A"), "Structure lost",
        "How much of what lies where in a picture its translation does not share, from 0 to 1. "
        "Good: falls, and does not reach 0 where the domains differ in more than colours.",
    ),
    Panel(
        ("inversion_a", "inversion_b"), ("A → B", "B → A"), "Light and dark swapped",
        "By how much translations darken where their sources brighten. Good: falls to 0 within the first steps.",
    ),
    Panel(
        ("content_a", "style_b"), ("shows what A shows", "painted as B is"), "Style",
        "How far translations are, through a frozen network, from what their sources show and from how B is painted. "
        "Good: the second falls, the first stays below 1.",
    ),
    Panel(
        ("warm_up_a2b", "warm_up_b2a"), ("A → B", "B → A"), "Warm-up",
        "How far what is filled in is from what was masked. Good: falls.",
    ),
    Panel(
        ("l1_b",), ("in B",), "Distance to the true counterpart",
        "Of the pairs that are learnt from. Good: falls; only new pairs tell how much of that is learnt by heart.",
    ),
    Panel(
        ("r1_a", "r1_b"), ("in A", "in B"), "How steep the discriminators are",
        "Squared slope at real pictures, which the penalty holds down. Good: small and steady.",
    ),
)  # fmt: skip


def names(record: Record) -> tuple[str, str]:
    """What people call the two domains: their folders' names, where those say something."""
    folders = mapping(record.facts.get("folders"))
    found = [Path(str(folders.get(k) or "")).name for k in ("a", "b")]
    telling = all(found) and found[0] != found[1] and not all(n.lower() in _GENERIC for n in found)
    return (found[0], found[1]) if telling else ("A", "B")


_GENERIC = {"a", "b", "traina", "trainb", "testa", "testb"}
WAYS = {"a2b": "A → B", "b2a": "B → A"}


def title(record: Record) -> str:
    given = record.facts.get("title")
    return str(given) if given else (" ↔ " if len(record.directions) == 2 else " → ").join(names(record))


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
        f'<p class="small soft">{escape(state(record))}</p>\n'
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
        lines = "1 line" if record.damaged == 1 else f"{record.damaged} lines"
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


def curves(record: Record) -> str:
    """Smoothed loss terms, each with what good looks like; unknown terms are drawn without a comment."""
    terms = record.terms()
    figures: list[str] = []
    for panel in PANELS:
        lines = {name: terms.pop(term) for term, name in zip(panel.terms, panel.names, strict=True) if term in terms}
        if lines:
            figures.append(_figure(panel.heading, lines, panel.meaning))
    figures += [_figure(name, {name: series}, "") for name, series in terms.items()]
    rate = record.series("learning_rate")
    if rate.values and figures:
        meaning = "How large the steps are. Where it falls to zero, the translators settle."
        figures.append(_figure("Learning rate", {"generators": rate}, meaning))
    if not figures:
        return ""
    return section(
        "The curves",
        "Over images seen; faint as measured, bold smoothed. These losses tell whether a training is "
        "healthy, not how good its pictures are: that is for the eyes and the table.",
        f'<div class="charts">{"".join(figures)}</div>',
    )


def _figure(name: str, lines: dict[str, Series], meaning: str) -> str:
    last = ", ".join(f"{n} ends at {number(s.values[-1])}" for n, s in lines.items())
    legend = "".join(f'<span class="s{i}"><i></i>{escape(n)}</span>' for i, n in enumerate(lines))
    shown = f'<div class="legend">{legend}</div>' if list(lines) != [name] else ""
    explained = f'<p class="small soft">{escape(meaning)}</p>' if meaning else ""
    smooth = name != "Learning rate"  # a schedule has no noise to smooth away
    svg = chart(
        lines,
        f"{name} over images seen, up to {count(max(s.images[-1] for s in lines.values()))}: {last}",
        smooth=smooth,
    )
    return f'<article class="card chart"><h3>{escape(name)}</h3>{shown}{svg}{explained}</article>\n'


def commands(record: Record) -> str:
    """What to type next."""
    run = shlex.quote(str(record.run))
    folders = mapping(record.facts.get("folders"))
    measured = [folders.get(f"test_{k}") or folders.get(k) for k in ("a", "b")]
    minutes = mapping(record.config.get("training")).get("minutes")
    finished = any(e.get("reason") in ("images", "minutes") for e in record.of("end")[-1:])
    longer = f" {twice(minutes if is_number(minutes) else None, record.images)}" if finished else ""
    steps = [
        ("Train on from exactly where it stands:", f"unpaired train --resume {run}{longer}"),
        ("Translate pictures of your own; files and folders, any size:",
         f"unpaired translate {run} my-pictures --out translated --direction a2b"),
    ]  # fmt: skip
    if all(measured):
        # One folder may hold both domains.
        where = " ".join(shlex.quote(str(f)) for f in dict.fromkeys(measured))
        steps.append(("Measure how good it is:", f"unpaired evaluate {run} {where}"))
    steps.append(("Write this page anew:", f"unpaired report {run}"))
    items = "".join(
        f'<li><p>{text}</p><div class="command"><code>{escape(line)}</code></div></li>' for text, line in steps
    )
    return section("Go on", "", f'<ol class="steps">{items}</ol>')


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


def thousands(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def ends(record: Record, direction: str) -> tuple[str, str]:
    """What people call the domain that is translated from, and the one that is translated to."""
    a, b = names(record)
    return (a, b) if direction == "a2b" else (b, a)


def alt(record: Record, direction: str, preview: Preview) -> str:
    source, target = ends(record, direction)
    what = f"Rows of pictures of {source}, each beside its translation to {target}"
    return f"{what}, after {thousands(preview.images)} images"


def img(picture: Embedded, alt: str, more: str = "") -> str:
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{picture.address}" {size} alt="{escape(alt)}"{more}>'


def section(name: str, text: str, content: str) -> str:
    """A part of the page under its heading; `content` is HTML."""
    told = f'<p class="soft">{escape(text)}</p>' if text else ""
    return f"<section>\n<h2>{escape(name)}</h2>\n{told}{content}\n</section>\n"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in mapping(value).items())
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(_plain(v) for v in value)
    return str(value)
