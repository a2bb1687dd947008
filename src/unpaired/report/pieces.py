"""What all sections of a page are made of: the names of things, pictures and sections in HTML."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any

from unpaired.report.images import Embedded
from unpaired.run.folder import Preview, Record, mapping


def names(record: Record) -> tuple[str, str]:
    """What people call the two domains: as the title does ("Flat ↔ 3D emoji"), or their folders, where those say
    something.
    """
    told = re.split(" [↔→] ", str(record.facts.get("title") or ""))
    if len(told) == 2:
        return told[0], told[1]
    folders = mapping(record.facts.get("folders"))
    found = [Path(str(folders.get(k) or "")).name for k in ("a", "b")]
    telling = all(found) and found[0] != found[1] and not all(n.lower() in _GENERIC for n in found)
    return (found[0], found[1]) if telling else ("A", "B")


_GENERIC = {"a", "b", "traina", "trainb", "testa", "testb"}
WAYS = {"a2b": "A → B", "b2a": "B → A"}


def title(record: Record) -> str:
    given = record.facts.get("title")
    return str(given) if given else (" ↔ " if len(record.directions) == 2 else " → ").join(names(record))


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
