"""Runs side by side: one table, one page, the same pictures through all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unpaired.config import DIRECTIONS, Direction, source
from unpaired.data.discover import discover
from unpaired.data.grid import preview_grid, spread
from unpaired.errors import UserError
from unpaired.evaluation.measures import STANDARD
from unpaired.evaluation.result import LEGEND
from unpaired.evaluation.run import evaluate, read_pages, showing
from unpaired.report.curves import chart
from unpaired.report.images import embedded
from unpaired.report.page import document, write_page
from unpaired.report.pieces import WAYS, img, section, thousands
from unpaired.report.progress import measured
from unpaired.report.record import Record, Series, mapping, read_record
from unpaired.run.held_out import unseen
from unpaired.run.record import RunRecord
from unpaired.text import duration, number
from unpaired.translation.translator import Translator

if TYPE_CHECKING:
    from rich.table import Table

SETTINGS = 12
"""Settings in which runs differ that are shown."""
SHOWN = ("method", "data.crop", "generator.kind", "generator.width")
"""Settings that are shown anyway."""
ROWS = 6  # pictures of the grid
MOST = 6
"""Runs that a page has room and colours for."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One run."""

    name: str
    record: Record
    scores: dict[tuple[Direction, str], dict[str, Any]]
    """What `Score` holds, by direction and measure."""
    pictures: str | None
    """Which pictures that was measured on: runs with the same compare."""
    checkpoint: str = ""
    """The one that was measured, by what it had seen."""
    measured_on: str = ""
    """How many pictures of each domain."""

    @property
    def settings(self) -> dict[str, str]:
        """Every value of the configuration by its dotted name."""
        return dict(_flat(self.record.config))

    def facts(self) -> dict[str, str]:
        """What the run is and what it cost."""
        config = self.record.config
        parameters = mapping(config.get("generator"))
        return {
            "method": str(config.get("method", "")),
            "checkpoint measured": self.checkpoint or "–",
            "pictures measured": self.measured_on or "–",
            "preset": str(self.record.facts.get("preset") or "–"),
            "size": f"{mapping(config.get('data')).get('crop', '–')} px",
            "generator": f"{parameters.get('kind', '–')}, width {parameters.get('width', '–')}",
            "images seen": thousands(self.record.images),
            "time": duration(self.record.seconds),
            "energy": f"{self.record.joules / 3.6e6:.3g} kWh" if self.record.joules else "–",
        }


@dataclass(frozen=True, slots=True)
class Comparison:
    """Several runs, in the order in which they were named."""

    entries: list[Entry]
    remarks: list[str]
    """What has to be known beside the numbers."""

    def facts(self) -> list[dict[str, str]]:
        """What each run is and cost, and the settings in which they differ, by name."""
        settings = [entry.settings for entry in self.entries]
        shared = [name for name in settings[0] if all(name in s for s in settings) and name not in SHOWN]
        differing = [name for name in shared if len({s[name] for s in settings}) > 1]
        facts = [
            entry.facts() | {name: entry.settings[name] for name in differing[:SETTINGS]} for entry in self.entries
        ]
        more = len(differing) - SETTINGS
        return [f | {"other settings": f"{more} more differ"} for f in facts] if more > 0 else facts

    @property
    def comparable(self) -> bool:
        """Whether all that were measured were measured on the same pictures."""
        return len({entry.pictures for entry in self.entries if entry.scores}) <= 1

    def best(self, scores: Sequence[dict[str, Any]]) -> int | None:
        """Which run is the best of a row: None where that can't be said, also for noise."""
        return _best(scores) if self.comparable else None

    def rows(self) -> Iterator[tuple[Direction, str, list[dict[str, Any]]]]:
        """Direction, measure, and the score of each run (empty where it has none)."""
        keys = dict.fromkeys(key for entry in self.entries for key in entry.scores)
        for direction, name in sorted(keys, key=lambda key: DIRECTIONS.index(key[0])):
            yield direction, name, [entry.scores.get((direction, name), {}) for entry in self.entries]

    def table(self) -> Table:
        """For a terminal: a column for each run."""
        from rich.table import Table

        table = Table(title="Side by side", caption="\n".join([LEGEND, *self.remarks]), caption_justify="left")
        table.caption_style = ""
        table.add_column("", overflow="fold")
        for entry in self.entries:
            table.add_column(entry.name, justify="right", overflow="fold")
        for column in ("do nothing", "floor"):
            table.add_column(column, justify="right")
        facts = self.facts()
        for name in facts[0]:
            table.add_row(name, *(fact[name] for fact in facts), "", "")
        table.add_section()
        for direction, name, scores in self.rows():
            best = self.best(scores)
            cells = [f"[bold]{_cell(s)}[/bold]" if i == best else _cell(s) for i, s in enumerate(scores)]
            known = next(s for s in scores if s)
            yardsticks = (number(known.get("do_nothing")), number(known.get("floor")))
            table.add_row(f"{direction} {name} {_arrow(known)}", *cells, *yardsticks)
        return table

    def to_dict(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            entry.name: {
                "run": str(entry.record.run), "images": entry.record.images, "seconds": entry.record.seconds,
                "scores": {f"{d} {n}": s for (d, n), s in entry.scores.items()},
            }
            for entry in self.entries
        }  # fmt: skip


def compare(
    runs: Sequence[Path], *, out: Path, test_a: Path | None = None, test_b: Path | None = None, paired: bool = False,
    device: str = "auto", tell: Callable[[str], None] = lambda _: None,
) -> Comparison:  # fmt: skip
    """Put runs side by side and write the page `out`.

    Args:
        runs: two runs or more.
        test_a, test_b: measure all of them anew on these pictures; else what each training measured of its best
            checkpoint counts.
        paired: files of one name in both test folders show the same.

    Raises:
        UserError: fewer than two runs, one that is none, test folders that don't come in two.
    """
    if not 2 <= len({run.resolve() for run in runs}) == len(runs) <= MOST:
        raise UserError(f"Name two to {MOST} different runs to compare.")
    if (test_a is None) != (test_b is None):
        raise UserError("Test folders come in two: name both with --test-a and --test-b.")
    names = [run.name for run in runs]
    names = names if len({*names}) == len(names) else [str(run) for run in runs]
    entries: list[Entry] = []
    remarks: list[str] = []
    for run, name in zip(runs, names, strict=True):
        record = read_record(run)
        if test_a and test_b:
            tell(f"measuring {name}")
            result = evaluate(run, test_a, test_b, paired=paired, measures=STANDARD, device=device).to_dict()
            marked = "best" if (run / "best.json").is_file() else "latest"
            entries.append(Entry(name, record, _scores(result), "given", marked, _counts(result)))
            for directed in result["directions"].values():
                remarks += [told for why in directed["left_out"] if (told := f"Left out: {why}.") not in remarks]
            continue
        found = measured(record)
        event = next((e for e in reversed(found) if e.get("best") is True), found[-1] if found else None)
        if event is None:
            remarks.append(f"{name} was never measured: name test pictures with --test-a and --test-b.")
        pictures = str(event.get("pictures")) if event else None
        found_there = mapping(event["result"]) if event else {}
        checkpoint = f"after {thousands(event['images'])} images" if event else ""
        entries.append(Entry(name, record, _scores(found_there), pictures, checkpoint, _counts(found_there)))
    result = Comparison(entries, remarks)
    if vain := [WAYS[direction] for direction, name, scores in result.rows() if _in_vain(name, scores)]:
        remarks.append(
            f"{' and '.join(vain)}: by KID, no run is better than leaving the pictures as they are; train longer."
        )
    if not result.comparable:
        remarks.append(
            "These runs were measured on different pictures, so their numbers do not compare: "
            "measure all on the same ones with --test-a and --test-b."
        )
    tell("translating the same pictures with each")
    write_page(out, _page(result, _grids(result, test_a, test_b, device)))
    return result


def _flat(values: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(mapping(value), f"{above}{name}.")
        else:
            yield f"{above}{name}", ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _counts(result: dict[str, Any]) -> str:
    """Pictures of A and of B that were measured."""
    for direction, scores in mapping(result.get("directions")).items():
        counts = [mapping(scores).get(name) for name in ("inputs", "reals")]
        return " and ".join(map(thousands, counts if direction == "a2b" else counts[::-1]))
    return ""


def _scores(result: dict[str, Any]) -> dict[tuple[Direction, str], dict[str, Any]]:
    directions = mapping(result.get("directions"))
    return {
        (d, name): mapping(score)
        for d in DIRECTIONS
        for name, score in mapping(mapping(directions.get(d)).get("measures")).items()
    }


def _grids(found: Comparison, test_a: Path | None, test_b: Path | None, device: str) -> dict[Direction, str]:
    """A picture by direction: a few inputs, and what each run makes of them."""
    records = [RunRecord.read(entry.record.run) for entry in found.entries]
    if test_a and test_b:
        files = {"a": discover(test_a), "b": discover(test_b)}
    elif folders := next((record.folders for record in records if record.folders), None):
        files = unseen(folders, records[0].config)
    else:
        raise UserError("None of these runs knows pictures: name some with --test-a and --test-b.")
    grids: dict[Direction, str] = {}
    for direction in DIRECTIONS:
        domain = source(direction)
        chosen = spread(files[domain].files, ROWS)
        columns: dict[str, list[Any]] = {}
        for entry, record in zip(found.entries, records, strict=True):
            translator = Translator.load(entry.record.run, device=device)
            if direction not in translator.directions:
                continue
            inputs = [page for path in chosen for page in read_pages(path, record.config, domain, most=1)]
            made = translator.translate_arrays(inputs, direction)
            shown = showing(record.config, {domain: inputs})
            if not columns:
                columns["input"] = list(shown[domain](inputs) if domain in shown else inputs)
            other = showing(record.config, {"b" if domain == "a" else "a": made})
            columns[entry.name] = list(next(iter(other.values()))(made) if other else made)
        if columns:
            grid = embedded(preview_grid(list(columns.values()), list(columns)), side=1600, quality=86)
            grids[direction] = img(grid, f"Rows of pictures, {WAYS[direction]} by each run")
    return grids


def _page(found: Comparison, grids: dict[Direction, str]) -> str:
    names = [entry.name for entry in found.entries]
    title = " beside ".join(names) if len(names) == 2 else f"{len(names)} runs side by side"
    notes = "".join(f"<li>{escape(remark)}</li>" for remark in found.remarks)
    notice = f'<div class="notice" role="note"><p><b>Worth knowing</b></p><ul>{notes}</ul></div>' if notes else ""
    header = f'<header class="top">\n<h1>{escape(title)}</h1>\n{notice}</header>\n'
    figures = "".join(
        f'<figure class="card">{picture}<figcaption><b>{WAYS[direction]}</b></figcaption></figure>'
        for direction, picture in grids.items()
    )
    order = f"from left to right: as it is, {', '.join(names)}"
    pictures = section("The same pictures", f"Each row is one picture, and what each run makes of it; {order}.",
                       f'<div class="pair">{figures}</div>')  # fmt: skip
    return document(title, header, [pictures, _numbers(found), _curves(found)])


def _numbers(found: Comparison) -> str:
    head = "".join(f'<th scope="col">{_breakable(entry.name)}</th>' for entry in found.entries)
    facts = found.facts()
    rows = "".join(
        f'<tr><th scope="row">{_breakable(name)}</th>'
        f"{''.join(f'<td>{escape(fact[name])}</td>' for fact in facts)}<td></td><td></td></tr>"
        for name in facts[0]
    )
    for direction, name, scores in found.rows():
        best, known = found.best(scores), next(s for s in scores if s)
        cells = "".join(
            f'<td class="ours{" better" if i == best else ""}">{escape(_cell(s))}</td>' for i, s in enumerate(scores)
        )
        rows += (
            f'<tr><th scope="row">{escape(WAYS[direction])}, {escape(name)} {_arrow(known)}</th>{cells}'
            f"<td>{number(known.get('do_nothing'))}</td><td>{number(known.get('floor'))}</td></tr>"
        )
    return section(
        "The numbers",
        "Below the cost stand the settings in which the runs differ. An arrow says which way is better; ± is what "
        "chance gives or takes, and the best of a row is green where it is so beyond that. “Do nothing” leaves the "
        "pictures as they are; the floor compares real pictures with real ones.",
        f'<div class="card scroll"><table><thead><tr><th></th>{head}<th scope="col">Do nothing</th>'
        f'<th scope="col">Floor</th></tr></thead><tbody>{rows}</tbody></table></div>',
    )


def _breakable(name: str) -> str:
    """HTML of a name that a narrow table may break, where it has a joint."""
    return escape(name).replace(".", ".<wbr>").replace("_", "_<wbr>")


def _curves(found: Comparison) -> str:
    """KID of held-out pictures over images seen, of the runs that measured it on the same pictures."""
    lines: dict[str, Series] = {}
    for entry in found.entries:
        events = [e for e in measured(entry.record) if "value" in e]
        if events:
            lines[entry.name] = Series([e["images"] for e in events], [float(e["value"]) for e in events])
    pictures = {e.get("pictures") for entry in found.entries for e in measured(entry.record)}
    if all(len(line.images) < 2 for line in lines.values()) or len(pictures) > 1:
        return ""
    legend = "".join(f'<span class="s{i}"><i></i>{escape(name)}</span>' for i, name in enumerate(lines))
    svg = chart(lines, "KID of held-out pictures over images seen", smooth=False)
    return section(
        "How they got there",
        "KID of the held-out pictures over images seen, the mean of the directions: lower is better.",
        f'<article class="card chart wide"><div class="legend">{legend}</div>{svg}</article>',
    )


def _in_vain(name: str, scores: Sequence[dict[str, Any]]) -> bool:
    """Whether a row is KID, and no run of it is better than doing nothing."""
    known = [(s["translator"], s.get("do_nothing")) for s in scores if "translator" in s]
    return name.startswith("KID") and all(nothing is not None and value > nothing for value, nothing in known)


def _best(scores: Sequence[dict[str, Any]]) -> int | None:
    values = {i: float(s["translator"]) for i, s in enumerate(scores) if "translator" in s}
    if len(values) < 2:
        return None
    higher = any(s.get("better") == "higher" for s in scores)
    first, second, *_ = sorted(values, key=lambda i: values[i], reverse=higher)
    spreads = [float(s) for i in (first, second) if (s := scores[i].get("spread")) is not None]
    if len(spreads) < 2:  # nobody knows what chance does to it
        return None
    return first if abs(values[first] - values[second]) > math.hypot(*spreads) else None


def _cell(score: dict[str, Any]) -> str:
    return number(score.get("translator"), score.get("spread"))


def _arrow(score: dict[str, Any]) -> str:
    return "↑" if score.get("better") == "higher" else "↓"
