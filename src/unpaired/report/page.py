"""The report of a run: one HTML file that needs nothing else, to look at and to send."""

from __future__ import annotations

import importlib.resources
import os
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path

from unpaired.errors import UserError
from unpaired.report import sections
from unpaired.report.gallery import gallery, usual
from unpaired.report.losses import curves
from unpaired.report.pieces import title
from unpaired.report.progress import best_and_last, measures_over_time, signs_over_time
from unpaired.report.results import results_section
from unpaired.run.folder import Record, read_record

LARGEST = 5_000_000
"""Bytes that a report may have, so that it can be sent by mail."""
FRAMES = 24
"""Moments that the grids over time show at most."""

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
"""What a browser may load for the page: nothing from anywhere."""


def write_report(run: Path) -> Path:
    """Write RUN/report.html from what the run folder holds, finished or not, and return its path.

    Raises `UserError` where `run` is no run, or the report can't be written.
    """
    record = read_record(run)
    text = page(record, frames=FRAMES, quality=82)
    # Pictures are what a report weighs: show fewer moments, then coarser ones, until it is light enough.
    for frames, quality in ((12, 76), (6, 66), (3, 50), (0, 40)):
        if len(text.encode()) <= LARGEST:
            break
        text = page(record, frames=frames, quality=quality)
    path = run / "report.html"
    write_page(path, text)
    return path


def write_page(path: Path, text: str) -> None:
    """Write a page, whole or not at all. Raises `UserError` where it can't be written."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.writing")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as e:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{path} can't be written ({e.strerror}).") from e


def page(record: Record, *, frames: int, quality: int) -> str:
    """The whole document; `frames` moments over time, pictures at WebP `quality`."""
    body = [
        sections.results_pictures(record, quality=min(96, quality + 8)),
        results_section(record),
        measures_over_time(record),
        best_and_last(record, quality=quality),
        gallery(record, quality=min(92, quality + 4)),
        usual(record, quality=quality),
        sections.film(record, frames=frames, quality=quality),
        signs_over_time(record),
        curves(record),
        sections.commands(record),
        sections.cost(record),
        sections.about(record),
    ]
    return document(title(record), sections.heading(record), body)


def document(title: str, header: str, body: Sequence[str]) -> str:
    """A page that needs nothing else; `header` and `body` are HTML."""
    files = importlib.resources.files("unpaired.report")
    style, script = (files.joinpath(f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<title>{escape(title)} · unpaired</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
{header}
<main>
{"".join(part for part in body if part)}</main>
<footer><p>Written by <b>unpaired</b> on {time.strftime("%Y-%m-%d at %H:%M")}.
This file needs nothing else: send it as it is.</p></footer>
<script>
{script}</script>
</body>
</html>
"""
