"""CUT and DCLGAN against the equations of their papers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    TrainingConfig,
)
from unpaired.errors import UserError
from unpaired.losses.contrastive import patch_nce
from unpaired.methods.cut import CUT
from unpaired.methods.dclgan import DCLGAN

EVERY = 10**6
"""More places than there are: all are taken, in an order of chance that does not matter."""
TINY = Config(
    method="cut",
    data=DataConfig(size=16, crop=16),
    generator=GeneratorConfig(width=4, blocks=2),
    discriminator=DiscriminatorConfig(width=4, layers=1),
    loss=LossConfig(pool=0, gan_weight=2.0),
    nce=NceConfig(layers=(0, 1, 3), patches=EVERY, dimension=8, weight=3.0),
)
A, B = torch.rand(2, 2, 3, 16, 16, generator=torch.Generator().manual_seed(1)) * 2 - 1


def _config(**nce: Any) -> Config:
    return replace(TINY, nce=replace(TINY.nce, **nce))


def _build(kind: Any, config: Config = TINY) -> Any:
    torch.manual_seed(0)
    return kind(config)


def _nce(made: Tensor, source: Tensor, looks: Any, of_made: Any, at: Any, of_source: Any, c: NceConfig) -> Tensor:
    """Eq. 4: the mean over the stages of the contrast of all places."""
    losses: list[Tensor] = []
    queries, keys = looks.stages(made, c.layers), at.stages(source, c.layers)
    for q, k, head_q, head_k in zip(queries, keys, of_made.heads, of_source.heads, strict=True):
        vectors = [head(x.flatten(2).transpose(1, 2)) for head, x in ((head_q, q), (head_k, k))]
        losses.append(patch_nce(*(v / v.norm(dim=-1, keepdim=True) for v in vectors), c.temperature))
    return torch.stack(losses).mean()


def _of_cut(m: Any, source: Tensor, made: Tensor, c: NceConfig) -> Tensor:
    return _nce(made, source, m.way.generator_ab, m.projector, m.way.generator_ab, m.projector, c)


@pytest.mark.parametrize("identity", [0.0, 1.0])
def test_cut_is_eq_6(identity: float) -> None:
    config = _config(identity=identity)
    method = _build(CUT, config)
    [step] = method.generator_step(A, B, 0)
    fake = method.way.generator_ab(A)
    contrast = _of_cut(method, A, fake, config.nce)
    if identity:  # the authors take the mean of both
        contrast = 0.5 * (contrast + _of_cut(method, B, method.way.generator_ab(B), config.nce))
    fooled = (method.way.adversary_b.discriminator(fake)[0] - 1).square().mean()
    torch.testing.assert_close(step.loss, 2.0 * fooled + 3.0 * contrast, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(step.fakes["fake_b"], fake.detach(), rtol=1e-4, atol=1e-5)
    assert step.terms.keys() == {"gan_ab", "nce_a"} | ({"nce_b"} if identity else set())


def test_fastcut_contrasts_mirrored_pictures_with_unmirrored_ones() -> None:
    config = _config(identity=0.0, flip=True)
    method = _build(CUT, config)
    losses: set[float] = set()
    for seed in range(8):
        torch.manual_seed(seed)
        [step] = method.generator_step(A, B, 0)
        losses.add(round(step.terms["nce_a"].item(), 4))
        mirrored = torch.allclose(step.fakes["fake_b"], method.way.generator_ab(A.flip(3)), atol=1e-5)
        made = method.way.generator_ab(A.flip(3) if mirrored else A)
        queries = [q.flip(3) if mirrored else q for q in method.way.generator_ab.stages(made, config.nce.layers)]
        keys = method.way.generator_ab.stages(A, config.nce.layers)
        parts: list[Tensor] = []
        for q, k, head in zip(queries, keys, method.projector.heads, strict=True):
            vectors = [torch.nn.functional.normalize(head(x.flatten(2).transpose(1, 2)), dim=-1) for x in (q, k)]
            parts.append(patch_nce(*vectors, config.nce.temperature))
        torch.testing.assert_close(step.terms["nce_a"], torch.stack(parts).mean(), rtol=1e-4, atol=1e-5)
    assert len(losses) == 2, "mirrored half of the time"


def test_sincut_contrasts_across_the_batch_and_holds_b_to_itself() -> None:
    config = _config(across=True, identity=0.0, l1=2.0)
    method = _build(CUT, config)
    [step] = method.generator_step(A, B, 0)
    fake = method.way.generator_ab(A)
    parts: list[Tensor] = []
    stages = [method.way.generator_ab.stages(x, config.nce.layers) for x in (fake, A)]
    for q, k, head in zip(*stages, method.projector.heads, strict=True):
        # All places of both pictures in one row: each has one key and all others against it.
        vectors = [torch.nn.functional.normalize(head(x.flatten(2).transpose(1, 2)), dim=-1) for x in (q, k)]
        parts.append(patch_nce(*(v.reshape(1, -1, v.shape[-1]) for v in vectors), config.nce.temperature))
    contrast, kept = torch.stack(parts).mean(), (method.way.generator_ab(B) - B).abs().mean()
    fooled = (method.way.adversary_b.discriminator(fake)[0] - 1).square().mean()
    torch.testing.assert_close(step.loss, 2.0 * fooled + 3.0 * contrast + 2.0 * kept, rtol=1e-4, atol=1e-5)
    assert step.terms.keys() == {"gan_ab", "nce_a", "identity_b"}


def test_one_place_of_each_picture_is_enough_across_a_batch() -> None:
    nce = NceConfig(layers=(0,), patches=1, across=True)
    CUT.check(replace(TINY, nce=nce, training=TrainingConfig(batch=2)))
    with pytest.raises(UserError, match=r"raise --nce\.patches, or --batch"):
        CUT.check(replace(TINY, nce=nce, training=TrainingConfig(batch=1)))


def test_dclgan_looks_at_each_domain_with_its_own_encoder() -> None:
    """Eq. 5: of A → B, queries through the encoder and the heads of B → A, keys through those of A → B."""
    config = _config(weight=2.0)
    m = _build(DCLGAN, config)
    steps = list(m.generator_step(A, B, 0))
    assert len(steps) == 2
    for (x, y), step, real_x, real_y in zip(("ab", "ba"), steps, (A, B), (B, A), strict=True):
        there, back = (m.generators()[f"generator_{way}"] for way in (x + y, y + x))
        of_x, of_y = (m.projector_a, m.projector_b) if x == "a" else (m.projector_b, m.projector_a)
        judge = m.discriminators()[f"discriminator_{y}"]
        fake = there(real_x)
        expected = (
            2.0 * (judge(fake)[0] - 1).square().mean()
            + 2.0 * _nce(fake, real_x, back, of_y, there, of_x, config.nce)
            + (there(real_y) - real_y).abs().mean()
        )
        torch.testing.assert_close(step.loss, expected, rtol=1e-4, atol=1e-5)
        assert step.terms.keys() == {f"gan_{x}{y}", f"nce_{x}", f"identity_{y}"}


def test_a_few_places_are_drawn_anew_in_each_step() -> None:
    method = _build(CUT, _config(patches=4, identity=0.0))

    def drawn(seed: int) -> float:
        torch.manual_seed(seed)
        return next(method.generator_step(A, B, 0)).terms["nce_a"].item()

    assert drawn(1) == drawn(1) != drawn(2)


@pytest.mark.parametrize("kind", [CUT, DCLGAN])
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"nce": NceConfig()}, "stages from 0 to 4, which this resnet has"),
        ({"nce": NceConfig(layers=(1, 1))}, "different stages"),
        ({"nce": NceConfig(layers=(0,), patches=1)}, "nce.patches"),
        ({"data": DataConfig(size=16, crop=16, channels_a=1)}, "nce.identity"),
    ],
)
def test_what_cannot_be_contrasted_is_refused(kind: Any, change: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        kind.check(replace(TINY, **change))


def test_other_generators_have_stages_of_their_own() -> None:
    CUT.check(replace(TINY, generator=GeneratorConfig(kind="unet", depth=4), nce=NceConfig(layers=(0, 4))))
    with pytest.raises(UserError, match="0 to 4, which this unet has"):
        CUT.check(replace(TINY, generator=GeneratorConfig(kind="unet", depth=4), nce=NceConfig(layers=(0, 5))))
