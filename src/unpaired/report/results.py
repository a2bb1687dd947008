"""The table of a run's newest evaluation: every number beside "do nothing" and the floor."""

from __future__ import annotations

from html import escape
from typing import Any

from unpaired.report.pieces import ends, section, thousands
from unpaired.run.folder import Record, is_number, mapping
from unpaired.text import number

MEANINGS = {
    "KID": "kernel distance between the looks of translations and of real pictures",
    "FID": "Fréchet distance between the looks of translations and of real pictures",
    "Fréchet distance": "another distance between the looks of translations and of real pictures",
    "precision": "translations that look like some real picture",
    "recall": "real pictures that some translation looks like",
    "density": "how densely translations lie among real pictures",
    "coverage": "real pictures with a translation near them",
    "colour distance": "how far colours have to move; 2 is just visible",
    "spectrum distance": "difference in coarse and fine detail: blur, noise, checkerboards",
    "perceptual distance": "difference from the true counterpart for an eye",
    "enlargement of faint noise": "how many times the way back enlarges it; 1 is honest, 4 is not",
    "L1 back": "what is lost to and fro when the translation is changed a little in between",
    "sensitivity": "how much more noise on translations moves what comes back; 1 is honest",
    "hidden information": "share of what the way back reads that faint noise destroys",
    "high-frequency information": "share of what the way back reads in details below 4 px",
    "edges kept": "edges that are where they were",
    "structure kept": "structure that is where it was",
    "light and dark kept": "correlation of brightness before and after",
    "share inverted": "translations that are dark where their inputs are bright",
    "sliced Wasserstein": "distance of textures and colours; no network looks",
    "L1 to true pairs": "mean difference to the true counterpart",
    "PSNR": "closeness to the true counterpart",
    "SSIM": "likeness in structure to the true counterpart",
    "L1 there and back": "what is lost by translating to and fro",
    "per-pixel": "pixels with the right label",
    "per-class": "right labels, each class counting the same",
    "class IoU": "overlap with the true regions",
}
DASH = "–"


def results_section(record: Record) -> str:
    """The newest evaluation as a table for each direction."""
    evaluations = [(e["images"], mapping(e.get("result"))) for e in record.of("evaluation")]
    evaluations = [(images, r) for images, r in evaluations if mapping(r.get("directions"))]
    if not evaluations:
        return ""
    images, newest = evaluations[-1]
    cards = [
        _table(record, direction, mapping(scores))
        for direction, scores in mapping(newest["directions"]).items()
        if mapping(scores).get("measures")
    ]
    undone = [
        " → ".join(ends(record, direction))
        for direction, scores in mapping(newest["directions"]).items()
        if _not_yet(mapping(mapping(scores).get("measures")))
    ]
    verdict = bool(undone) * (
        f" Not there yet: by KID, translations {' and '.join(undone)} are farther from real pictures than untranslated "
        "ones are; train longer."
    )
    side = newest.get("side")
    at = f" at {side[1]}×{side[0]} px" if isinstance(side, list) and len(side) == 2 else ""
    return section(
        "How good it is",
        f"Measured{at} after {thousands(images)} images. “Do nothing” leaves the pictures as they are; the "
        "floor compares real pictures with real pictures, and no translator can be expected to beat it. "
        f"An arrow says which way is better; what differs by no more than its ± is no different.{verdict}",
        f'<div class="pair">{"".join(cards)}</div>',
    )


def _not_yet(measures: dict[str, Any]) -> bool:
    """Whether translations are farther from real pictures than what they were made from, beyond chance."""
    for name, score in measures.items():
        known = mapping(score)
        ours, nothing, spread = (known.get(key) for key in ("translator", "do_nothing", "spread"))
        if name.startswith("KID") and is_number(ours) and is_number(nothing):
            return ours - nothing > (spread if is_number(spread) else 0)
    return False


def _table(record: Record, direction: str, scores: dict[str, Any]) -> str:
    source, target = ends(record, direction)
    rows = "".join(_row(str(name), mapping(score)) for name, score in mapping(scores.get("measures")).items())
    counted = (
        f"{thousands(scores['inputs'])} translations beside {thousands(scores['reals'])} real pictures."
        if "inputs" in scores and "reals" in scores
        else ""
    )
    left_out = scores.get("left_out")
    reasons = "; ".join(str(r) for r in left_out) if isinstance(left_out, list) else ""
    told = f"{counted} Left out: {reasons}." if reasons else counted
    return (
        f'<article class="card"><h3>{escape(source)} <span class="arrow">→</span> {escape(target)}</h3>'
        '<table><thead><tr><th scope="col">Measure</th><th scope="col">Do nothing</th>'
        '<th scope="col">Translator</th><th scope="col">Floor</th></tr></thead>'
        f'<tbody>{rows}</tbody></table><p class="small soft told">{escape(told)}</p></article>\n'
    )


def _row(name: str, score: dict[str, Any]) -> str:
    lower = score.get("better") != "higher"
    ours, nothing, floor = (v if is_number(v) else None for v in map(score.get, ("translator", "do_nothing", "floor")))
    verdict, kind = "", ""
    noise = float(score["spread"]) if is_number(score.get("spread")) else 0.0
    if ours is not None and nothing is not None and ours != nothing and abs(ours - nothing) <= noise:
        verdict = '<small class="soft">no different</small>'
    elif ours is not None and nothing is not None and ours != nothing:
        better = (ours < nothing) == lower
        kind = " better" if better else " worse"
        verdict = f"<small>{'▲' if better else '▼'} {'better' if better else 'worse'}</small>"
    spread = f" ± {number(ours, noise).partition(' ± ')[2]}" if ours is not None and noise else ""
    meaning = next((m for start, m in MEANINGS.items() if name.startswith(start)), "")
    told = "; ".join(n for n in (meaning, str(score.get("note") or "")) if n)
    way, sign = ("lower", "↓") if lower else ("higher", "↑")
    arrow = f'<span class="soft" role="img" aria-label="({way} is better)">{sign}</span>'
    return (
        f'<tr><th scope="row">{escape(name)} {arrow}<small>{escape(told)}</small></th>'
        f"<td>{number(nothing)}</td>"
        f'<td class="ours{kind}">{number(ours)}<small class="soft">{spread}</small>{verdict}</td>'
        f"<td>{number(floor)}</td></tr>"
    )
