"""The losses over a training, each with what good looks like."""

from __future__ import annotations

from dataclasses import dataclass

from unpaired.report.curves import figure
from unpaired.report.pieces import section
from unpaired.run.folder import Record


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
        ("cycle_features_a", "cycle_features_b"), ("A → B → A", "B → A → B"), "There and back, in features",
        "How far a picture is from itself after both translations, as the discriminator sees it, beside the size of "
        "what it sees. Good: stays below 1. It looks ever closer, so this need not fall.",
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
        ("smoothness_b",), ("in B",), "How rough translations are",
        "Total variation: how much neighbouring pixels differ. Good: small and steady; 0 would be one flat colour.",
    ),
    Panel(
        ("distance_b",), ("A → B",), "How far the bridge has to go",
        "Squared distance between a step's state and the end that is guessed from it. Good: falls, then stays above 0, "
        "since B is not A.",
    ),
    Panel(
        ("entropy_b", "energy_b"), ("how varied ends are", "error of who says so"), "Entropy of the bridge",
        "How varied the ends are beside the states that they were guessed from, as a network estimates it that learns "
        "meanwhile. Good: both hover around a level.",
    ),
    Panel(
        ("diversity_b",), ("in B",), "How alike translations are that differ by their noise",
        "Minus the logarithm of the distance of two translations of a picture. Good: falls, then stays.",
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


def curves(record: Record) -> str:
    """Smoothed loss terms, each with what good looks like; unknown terms are drawn without a comment."""
    terms = record.terms()
    figures: list[str] = []
    for panel in PANELS:
        lines = {name: terms.pop(term) for term, name in zip(panel.terms, panel.names, strict=True) if term in terms}
        if lines:
            figures.append(figure(panel.heading, lines, panel.meaning, smooth=True))
    figures += [figure(name, {name: series}, "", smooth=True) for name, series in terms.items()]
    rate = record.series("learning_rate")
    if rate.values and figures:
        meaning = "How large the steps are. Where it falls to zero, the translators settle."
        figures.append(figure("Learning rate", {"generators": rate}, meaning))
    if not figures:
        return ""
    return section(
        "The curves",
        "Over images seen; faint as measured, bold smoothed. These losses tell whether a training is "
        "healthy, not how good its pictures are: that is for the eyes and the table.",
        f'<div class="charts">{"".join(figures)}</div>',
    )
