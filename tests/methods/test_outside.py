"""Outside given masks translations are held to their sources, by every method alike."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from test_registry import NAMES, TINY
from torch import Tensor

from unpaired.compute.ranks import Ranks
from unpaired.config import LossConfig
from unpaired.losses.cycle import outside
from unpaired.methods import METHODS
from unpaired.methods.asked import kept
from unpaired.methods.step import Step
from unpaired.training.engine import Engine


def test_the_loss_by_hand() -> None:
    made, source = torch.tensor([[[[1.0, 0.5, -1.0]]]]), torch.tensor([[[[0.0, 0.0, 1.0]]]])
    mask = torch.tensor([[[[0.0, 1.0, 0.5]]]])
    assert outside(made, source, mask).item() == pytest.approx((1 + 0 + 1) / 3)


def test_a_part_is_worth_what_it_was_and_the_distance() -> None:
    made = torch.full((1, 3, 4, 4), 0.5, requires_grad=True)
    part = Step(torch.tensor(2.0), {"gan_ab": torch.tensor(2.0)}, {}, {"a": made})
    reals, mask = {"a": torch.zeros(1, 3, 4, 4)}, torch.zeros(1, 1, 4, 4)
    held = part.asked(kept(part.made, reals, {"a": mask}, LossConfig()))  # pyright: ignore
    assert held.loss.item() == pytest.approx(2 + 10 * 0.5)
    assert held.terms["outside_a"].item() == pytest.approx(0.5)
    left = part.asked(kept(part.made, reals, {"b": mask}, LossConfig()))  # pyright: ignore
    assert left.terms.keys() == part.terms.keys()
    assert left.loss is part.loss


@pytest.mark.parametrize("name", NAMES)
def test_every_method_says_what_became_of_its_sources(name: str) -> None:
    """Masks that are white everywhere change no weight; black ones do."""
    config = replace(TINY, method=name, training=replace(TINY.training, batch=2))  # pyright: ignore
    rng = torch.Generator().manual_seed(0)
    a, b = (torch.randint(0, 256, (2, 3, 32, 32), generator=rng, dtype=torch.uint8) for _ in "ab")
    sources = {"a": "a2b", "b": "b2a"}.items()
    domains = [d for d, way in sources if way in METHODS[config.method].translators]

    def trained(value: int | None) -> tuple[dict[str, Tensor], list[Tensor]]:
        torch.manual_seed(0)
        engine = Engine(METHODS[config.method](config), config, torch.device("cpu"), Ranks())
        masks = None if value is None else {d: torch.full((2, 1, 32, 32), value, dtype=torch.uint8) for d in domains}
        terms = engine.step(a, b, images=0, rate=1.0, masks=masks)  # pyright: ignore
        return terms, [p.detach() for g in engine.method.generators().values() for p in g.parameters()]

    plain, white, black = trained(None), trained(255), trained(0)
    assert white[0].keys() - plain[0].keys() == {f"outside_{d}" for d in domains}
    assert all(white[0][f"outside_{d}"] == 0 < black[0][f"outside_{d}"] for d in domains)
    assert all(torch.equal(p, q) for p, q in zip(plain[1], white[1], strict=True))
    assert not all(torch.equal(p, q) for p, q in zip(plain[1], black[1], strict=True))
