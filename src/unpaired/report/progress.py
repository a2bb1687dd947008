"""What evaluations told while training: measures over time, signs of failures, the best against the last."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Any

from unpaired import text
from unpaired.report.curves import Level, figure, number
from unpaired.report.images import embed
from unpaired.report.pieces import WAYS, alt, ends, img, section, thousands
from unpaired.report.results import DASH, MEANINGS
from unpaired.run.folder import Event, Record, Series, is_number, mapping
from unpaired.training.watches import SIGNS

Scores = dict[str, dict[str, Any]]
"""What `Score` holds, by direction."""


def measured(record: Record) -> list[Event]:
    """Evaluations on held-out pictures while training, oldest first; all evaluations, where there are no such."""
    found = [e for e in record.of("evaluation") if mapping(mapping(e.get("result")).get("directions"))]
    return [e for e in found if "measure" in e] or found


def measures_over_time(record: Record) -> str:
    """A chart for each measure: both directions, and what doing nothing and the real pictures themselves reach."""
    events = measured(record)
    if len(events) < 2:
        return ""
    figures: list[str] = []
    for name in _names(events[-1]):
        lines: dict[str, Series] = {}
        for event in events:
            for direction, score in _scores(event, name).items():
                if is_number(score.get("translator")):
                    series = lines.setdefault(WAYS.get(direction, direction), Series())
                    series.images.append(event["images"])
                    series.values.append(float(score["translator"]))
        levels = list(_levels(_scores(events[-1], name)))
        arrow = "↑" if any(s.get("better") == "higher" for s in _scores(events[-1], name).values()) else "↓"
        meaning = next((m for start, m in MEANINGS.items() if name.startswith(start)), "")
        told = f"{meaning[:1].upper()}{meaning[1:]}. " if meaning else ""
        figures.append(figure(f"{name} {arrow}", lines, told + _good(arrow == "↑", levels), levels=levels))
    counts = mapping(mapping(mapping(events[-1]["result"])["directions"]))
    pictures = next((s.get("inputs") for s in counts.values() if isinstance(s, dict)), None)
    about = f"On {thousands(pictures)} held-out pictures of each domain. " if pictures else ""
    return section(
        "Is it getting better?",
        f"{about}Over images seen, with the weights that translate. Dashed: doing nothing; dotted: the floor, real "
        "pictures beside real pictures. These curves say when to stop: when they are flat for long, and no sooner.",
        f'<div class="charts">{"".join(figures)}</div>',
    )


def signs_over_time(record: Record) -> str:
    """A chart for each sign of a failure, with the limit that it should not cross; a table, of a single evaluation."""
    events = [e for e in measured(record) if mapping(e.get("signs"))]
    if len(events) == 1:
        return _signs(record, events[0])
    figures: list[str] = []
    for name, sign in SIGNS.items():
        lines: dict[str, Series] = {}
        for event in events:
            for direction, signs in mapping(event["signs"]).items():
                value: Any = mapping(signs).get(name)
                if is_number(value):
                    series = lines.setdefault(WAYS.get(direction, direction), Series())
                    series.images.append(event["images"])
                    series.values.append(float(value))
        if lines:
            # Diversity is compared with its own best, which is no fixed line.
            levels = [] if name == "diversity" else [Level(sign.limit, "limit", "warns beyond")]
            figures.append(figure(sign.heading, lines, sign.good, levels=levels))
    return section(WRONG, WATCHED, f'<div class="charts">{"".join(figures)}</div>') if figures else ""


WRONG = "What could go wrong"
WATCHED = (
    "Signs of the failures that translators are known for. Where one stays bad, the note at the top says so, and what "
    "to do."
)


def _signs(record: Record, event: Event) -> str:
    """Of one evaluation: a row for each sign."""
    found = {str(d): mapping(signs) for d, signs in mapping(event["signs"]).items()}
    rows = ""
    for name, sign in SIGNS.items():
        values: list[Any] = [signs.get(name) for signs in found.values()]
        if any(map(is_number, values)):
            cells = "".join(f"<td>{text.number(v) if is_number(v) else DASH}</td>" for v in values)
            limit = "falls by half" if name == "diversity" else f"{sign.bad} {number(sign.limit)}"
            rows += (
                f'<tr><th scope="row">{escape(sign.heading)}<small>{escape(sign.good)}</small></th>{cells}'
                f'<td class="whole">{limit.replace("-", "−")}</td></tr>'
            )
    head = "".join(f'<th scope="col">{WAYS.get(d, escape(d))}</th>' for d in found)
    table = f"<thead><tr><th></th>{head}<th scope=col>Warns if</th></tr></thead><tbody>{rows}</tbody>"
    return section(WRONG, WATCHED, f'<div class="card scroll"><table>{table}</table></div>') if rows else ""


def best_and_last(record: Record, *, quality: int) -> str:
    """The same pictures by the best and by the last checkpoint, and their numbers."""
    events = measured(record)
    best = next((e for e in reversed(events) if e.get("best") is True), None)
    if best is None or len(events) < 2:
        return ""
    last = events[-1]
    if best is last:
        return section(
            "Best against last",
            f"The last checkpoint measured best ({number(best['value'])}, {best['measure']}): it was still getting "
            "better, and more training may pay.",
            "",
        )
    previews = {p.images: p for p in record.previews()}
    figures: list[str] = []
    for direction in record.directions:
        for name, event in (("Best", best), ("Last", last)):
            preview = previews.get(event["images"])
            if preview is None or direction not in preview.files:
                continue
            picture = embed(preview.files[direction], side=720, quality=quality)
            if picture:
                source, target = ends(record, direction)
                figures.append(
                    f'<figure class="card">{img(picture, alt(record, direction, preview))}<figcaption><b>{name}</b>, '
                    f'{escape(source)} <span class="arrow">→</span> {escape(target)} after '
                    f"{thousands(event['images'])} images</figcaption></figure>\n"
                )
    rows = "".join(
        f'<tr><th scope="row">{name}</th><td>{thousands(e["images"])}</td>'
        f"<td>{text.number(e['value'], e['spread'])}</td></tr>"
        for name, e in (("Best", best), ("Last", last))
    )
    return section(
        "Best against last",
        "The best checkpoint is kept, and is the one that translates. Where the two differ by less than the deviation, "
        "take the one that you like.",
        '<div class="card wide"><table><thead><tr><th></th><th>Images seen</th>'
        f"<th>{escape(str(best['measure']))} ↓</th></tr></thead><tbody>{rows}</tbody></table></div>"
        f'<div class="pair">{"".join(figures)}</div>',
    )


def _names(event: Event) -> list[str]:
    found: dict[str, None] = {}
    for scores in mapping(mapping(event["result"]).get("directions")).values():
        found |= dict.fromkeys(map(str, mapping(mapping(scores).get("measures"))))
    return list(found)


def _scores(event: Event, name: str) -> Scores:
    directions = mapping(mapping(event["result"]).get("directions"))
    return {d: mapping(mapping(mapping(s).get("measures")).get(name)) for d, s in directions.items()}


def _levels(scores: Scores) -> Iterator[Level]:
    for index, score in enumerate(scores.values()):
        for key, kind, name in (("do_nothing", "nothing", "do nothing"), ("floor", "floor", "floor")):
            if is_number(score.get(key)):
                yield Level(float(score[key]), f"{kind} s{index}", name)


def _good(higher: bool, levels: list[Level]) -> str:
    named = {level.name for level in levels}
    verb = "rises" if higher else "falls"
    if "do nothing" not in named:
        return f"Good: {verb}, then stays."
    beyond = f"{verb} {'above' if higher else 'below'} “do nothing”"
    return f"Good: {beyond} and goes on towards the floor." if "floor" in named else f"Good: {beyond} and goes on."
