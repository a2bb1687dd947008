"""Configurations: to JSON and back, and no value that a training can't have."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import types
import typing
from dataclasses import replace
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unpaired.config import (
    Config,
    DataConfig,
    DiscriminatorConfig,
    GeneratorConfig,
    LossConfig,
    NceConfig,
    OptimizerConfig,
    Pix2PixConfig,
    TrainingConfig,
)
from unpaired.config_json import from_dict, to_dict
from unpaired.errors import UserError
from unpaired.presets import PRESETS, explained
from unpaired.validation import validate

GROUPS: dict[str, Any] = {
    "data": DataConfig, "generator": GeneratorConfig, "discriminator": DiscriminatorConfig, "loss": LossConfig,
    "nce": NceConfig, "pix2pix": Pix2PixConfig,
    "optimizer": OptimizerConfig, "training": TrainingConfig,
}  # fmt: skip


def _values(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a field's type allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(_values(arguments[0]), min_size=1, max_size=5).map(tuple)
    if origin in (typing.Union, types.UnionType):
        return st.one_of([_values(a) for a in arguments])
    simple: dict[Any, st.SearchStrategy[Any]] = {
        int: st.integers(0, 10**6), bool: st.booleans(), str: st.text(max_size=8), type(None): st.none(),
        float: st.floats(allow_nan=False, allow_infinity=False),
    }  # fmt: skip
    return simple[hint]


def _groups(cls: Any) -> st.SearchStrategy[Any]:
    return st.builds(cls, **{name: _values(hint) for name, hint in typing.get_type_hints(cls).items()})


@settings(deadline=None)
@given(st.builds(Config, **{name: _groups(cls) for name, cls in GROUPS.items()}))
def test_any_configuration_survives_json(config: Config) -> None:
    assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_usable_and_explained(name: str) -> None:
    config = PRESETS[name]()
    validate(config)
    assert from_dict(Config, json.loads(json.dumps(to_dict(config)))) == config
    line, more, command = inspect.cleandoc(PRESETS[name].__doc__ or "").split("\n\n")
    assert explained(name) == (line, " ".join(more.split()))
    assert len(line) <= 56, "longer lines break in the help, at 80 columns"
    assert command.startswith("unpaired "), "a preset's docstring ends with its command"
    assert re.search(r"\d", more), "and says what was measured"


def test_the_paper_preset_is_the_paper() -> None:
    c = PRESETS["paper"]()
    assert (c.generator.kind, c.generator.width, c.generator.blocks, c.generator.norm) == ("resnet", 64, 9, "instance")
    assert (c.generator.kernel, c.generator.upsample, c.generator.residual) == (7, "transposed", False)
    assert (c.discriminator.kind, c.discriminator.layers, c.discriminator.augment) == ("patchgan", 3, False)
    assert (c.loss.adversarial, c.loss.lambda_a, c.loss.lambda_b, c.loss.identity) == ("lsgan", 10, 10, 0.5)
    assert (c.loss.pool, c.loss.identity_every) == (50, 1)
    assert (c.optimizer.learning_rate, c.optimizer.beta1, c.optimizer.beta2) == (2e-4, 0.5, 0.999)
    assert (c.optimizer.decay_from, c.optimizer.init_gain, c.optimizer.ema_images) == (0.5, 0.02, 0)
    assert (c.data.size, c.data.crop, c.data.resize, c.data.flip) == (286, 256, "square", True)
    assert (c.training.batch, c.training.passes) == (1, 200)


@pytest.mark.parametrize("group", GROUPS)
def test_every_field_is_frozen_keyword_only_and_documented(group: str) -> None:
    cls = GROUPS[group]
    source = inspect.getsource(cls)
    for f in dataclasses.fields(cls):
        assert f.kw_only
        declared = source.partition(f"\n    {f.name}: ")[2].splitlines()
        assert declared[1].lstrip().startswith('"""'), f"{group}.{f.name} has no help text"
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(cls(), dataclasses.fields(cls)[0].name, None)


@pytest.mark.parametrize(
    ("group", "values", "told"),
    [
        ("data", {"crop": 300}, "exceeds size"),
        ("data", {"crop": 254}, "multiple of 4"),
        ("data", {"crop": 0}, "crop 0"),
        ("data", {"crop": 4, "size": 4}, "too small for a resnet"),
        ("data", {"crop": 16, "size": 16}, "too small for a patchgan"),
        ("data", {"channels_a": 1}, "identity"),
        ("generator", {"kind": "unet", "depth": 9}, "multiple of 512"),
        ("generator", {"width": 0}, "width"),
        ("generator", {"blocks": -1}, "blocks"),
        ("generator", {"kernel": 4}, "odd"),
        ("generator", {"dropout": 1.0}, "dropout"),
        ("discriminator", {"stages": ()}, "stages"),
        ("discriminator", {"stages": (5,)}, "stages"),
        ("discriminator", {"layers": 0}, "layers"),
        ("discriminator", {"patch_weight": 0.0}, "patch-weight"),
        ("discriminator", {"view": 8}, "view"),
        ("loss", {"identity_every": 0}, "identity-every"),
        ("loss", {"pool": -1}, "pool"),
        ("loss", {"structure_weight": -1.0}, "structure-weight"),
        ("loss", {"inversion": -1.0}, "inversion"),
        ("loss", {"cycle_coarse": 0}, "cycle-coarse"),
        ("loss", {"cycle_coarse": 257}, "cycle-coarse"),
        ("loss", {"cycle_floor": 1.5}, "cycle-floor"),
        ("loss", {"lambda_a": -1.0}, "lambda-a"),
        ("loss", {"gan_weight": 0.0, "lambda_a": 0.0, "lambda_b": 0.0}, "all losses"),
        ("optimizer", {"learning_rate": 0.0}, "learning-rate"),
        ("optimizer", {"learning_rate": float("nan")}, "learning-rate"),
        ("optimizer", {"discriminator_learning_rate": -1.0}, "discriminator-learning-rate"),
        ("optimizer", {"decay_from": 1.5}, "decay-from"),
        ("optimizer", {"beta1": 1.0}, "beta1"),
        ("optimizer", {"ema_images": -1.0}, "ema-images"),
        ("training", {"batch": 0}, "batch"),
        ("training", {"images": 0}, "images"),
        ("training", {"minutes": 0.0}, "minutes"),
        ("training", {"passes": 0.0}, "passes"),
        ("training", {"keep": 0}, "keep"),
        ("training", {"checkpoint_minutes": 0.0}, "checkpoint-minutes"),
        ("training", {"checkpoint_images": 0}, "checkpoint-images"),
    ],
)
def test_what_no_training_can_have_is_refused(group: str, values: dict[str, Any], told: str) -> None:
    config = replace(Config(), **{group: GROUPS[group](**values)})
    with pytest.raises(UserError, match=told) as caught:
        validate(config)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "magic"}, "method"),
        ({"colour": 1}, "colour"),
        ({"generator": {"kind": "vit"}}, "generator.kind"),
        ({"generator": {"wings": 2}}, "wings"),
        ({"training": {"images": "many"}}, "training.images"),
        ({"training": {"batch": 1.5}}, "training.batch"),
        ({"optimizer": {"learning_rate": None}}, "optimizer.learning_rate"),
    ],
)
def test_unknown_fields_and_values_are_named(change: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told) as caught:
        from_dict(Config, change, "run.json")
    assert "run.json" in str(caught.value)


def test_a_whole_number_is_a_fine_float() -> None:
    assert from_dict(Config, {"loss": {"lambda_a": 10}}).loss.lambda_a == 10


@pytest.mark.parametrize(
    ("kind", "crop", "told"),
    [("unet", 128, "give --generator.depth 7"), ("pyramid", 96, "give --generator.depth 4"),
     ("convnext", 100, "give --crop 96"), ("unet", 50, "give --crop 256"), ("resnet", 30, "give --crop 28")],
)  # fmt: skip
def test_a_crop_that_does_not_fit_is_told_what_would(kind: Any, crop: int, told: str) -> None:
    config = Config(generator=GeneratorConfig(kind=kind), data=DataConfig(crop=crop))
    with pytest.raises(UserError, match=told):
        validate(config)
    value = int(told.split()[-1])
    if "depth" in told:
        validate(replace(config, generator=replace(config.generator, depth=value)))
    else:
        validate(replace(config, data=replace(config.data, crop=value)))
