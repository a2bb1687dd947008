"""A comparison as one HTML file."""

from __future__ import annotations

import re
from html import escape

from unpaired.compare.comparison import Comparison, arrow, cell
from unpaired.config import Direction
from unpaired.report.curves import chart
from unpaired.report.page import document
from unpaired.report.pieces import WAYS, section
from unpaired.report.progress import measured
from unpaired.run.folder import Series
from unpaired.text import number


def page(found: Comparison, grids: dict[Direction, str]) -> str:
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
            f'<td class="ours{" better" if i == best else ""}">{escape(cell(s))}</td>' for i, s in enumerate(scores)
        )
        rows += (
            f'<tr><th scope="row">{escape(WAYS[direction])}, {escape(name)} {arrow(known)}</th>{cells}'
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
    return re.sub(r"(?<=\w)([._-])(?=\w)", r"\1<wbr>", escape(name))


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
