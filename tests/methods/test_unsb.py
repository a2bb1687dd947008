"""UNSB against the objective of its paper."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from unpaired.config import (
    BridgeConfig,
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    TrainingConfig,
)
from unpaired.errors import UserError
from unpaired.losses.entropy import energy_loss, entropy
from unpaired.methods.unsb import UNSB

TINY = Config(
    method="unsb",
    data=DataConfig(size=16, crop=16),
    generator=GeneratorConfig(width=4, blocks=2),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    loss=LossConfig(pool=0, identity=0),
    nce=NceConfig(layers=(0, 3), patches=10**6, dimension=8, weight=3.0, identity=0.0),
    bridge=BridgeConfig(steps=4, tau=0.5, weight=2.0),
    training=TrainingConfig(batch=2),
)
A, B = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_the_objective_is_eq_12() -> None:
    torch.manual_seed(0)
    method = UNSB(TINY)
    seen: set[int] = set()
    for seed in range(6):
        torch.manual_seed(seed)
        [step] = method.generator_step(A, B, 0)
        fake, state, k = step.fakes["fake_b"], step.fakes["state_b"], int(step.fakes["step_b"])
        seen.add(k)
        pair = torch.cat([state, fake], dim=1)
        when = torch.full((2, 1, 16, 16), k / 4)
        own = method.energy(torch.cat([pair, pair, when], dim=1))[0]
        other = method.energy(torch.cat([pair, pair.flip(0), when], dim=1))[0]
        bridge = 0.5 * ((state - fake).square().mean() - (4 - k) / 4 * entropy(own, other))
        fooled = (method.way.adversary_b.discriminator(fake)[0] - 1).square().mean()
        torch.testing.assert_close(step.loss, fooled + 2.0 * bridge + 3.0 * step.terms["nce_a"], rtol=1e-4, atol=1e-5)
        if k == 0:
            assert torch.equal(state, A)
        *_, last = method.discriminator_step(A, B, step.fakes, 0)
        torch.testing.assert_close(last.loss, energy_loss(own, other), rtol=1e-4, atol=1e-5)
    assert len(seen) > 1, "the step is drawn anew"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"generator": GeneratorConfig(kind="unet", depth=3)}, "give --generator.kind resnet"),
        ({"training": TrainingConfig(batch=1)}, "give --batch 2 or more"),
        ({"data": DataConfig(size=16, crop=16, channels_a=1)}, "the same channels"),
        ({"discriminator": DiscriminatorConfig(layers=3)}, "too small for 3 layers"),
        ({"nce": NceConfig()}, "stages from 0 to 4"),
    ],
)
def test_what_cannot_be_bridged_is_refused(change: dict[str, Any], told: str) -> None:
    UNSB.check(TINY)
    with pytest.raises(UserError, match=told):
        UNSB.check(replace(TINY, **change))


def test_what_translates_is_built_alone() -> None:
    alone = UNSB.translator(TINY, "a2b")
    alone.load_state_dict(UNSB(TINY).way.generator_ab.state_dict())
