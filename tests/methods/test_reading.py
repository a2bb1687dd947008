"""Options that would change nothing are named."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, cast, get_args, get_type_hints

import pytest
import torch

from unpaired.config import Config, DiscriminatorConfig, GeneratorConfig, MethodName
from unpaired.config_json import to_dict
from unpaired.methods import METHODS
from unpaired.methods.reading import NETWORKS, PARTS, SOME, unread
from unpaired.networks import DISCRIMINATORS, GENERATORS, Discriminator, load_eyes, multiple_of
from unpaired.presets import PRESETS, demo, fast


def _changed(config: Config, group: str, **values: Any) -> Config:
    return replace(config, **{group: replace(getattr(config, group), **values)})


@pytest.mark.parametrize(
    ("method", "group", "values", "option"),
    [
        ("cut", "data", {"colours_a": 8}, "--colours-a"),
        ("cut", "loss", {"lambda_a": 20}, "--lambda-a"),
        ("pix2pix", "loss", {"cycle_noise": 0.1}, "--cycle-noise"),
        ("unsb", "nce", {"flip": True}, "--nce.flip"),
        ("dclgan", "nce", {"l1": 1.0}, "--nce.l1"),
        ("cyclegan", "nce", {"weight": 3.0}, "--nce.weight"),
        ("cyclegan", "bridge", {"steps": 3}, "--bridge.steps"),
        ("johnson", "discriminator", {"spectral": True}, "--discriminator.spectral"),
        ("johnson", "loss", {"gan_weight": 2.0}, "--gan-weight"),
        ("cyclegan", "generator", {"depth": 5}, "--generator.depth"),
        ("cyclegan", "generator", {"noise": True}, "--generator.noise"),
        ("cyclegan", "discriminator", {"scales": 2}, "--discriminator.scales"),
        ("cyclegan", "loss", {"structure_weight": 2.0}, "--structure-weight"),
        ("cyclegan", "loss", {"identity_every": 2}, "--identity-every"),
        ("cut", "loss", {"warm_up_mask": 0.2}, "--warm-up-mask"),
        ("pix2pix", "discriminator", {"r1_every": 4}, "--discriminator.r1-every"),
    ],
)
def test_an_option_that_would_change_nothing_is_named(
    method: MethodName, group: str, values: dict[str, Any], option: str
) -> None:
    base = fast()
    config = _changed(replace(base, method=method), group, **values)
    (sentence,) = unread(config, base)
    assert sentence.startswith((f"{option} changes nothing: ", f"{option} changes nothing without "))


def test_without_a_preset_it_is_what_no_preset_says() -> None:
    """A configuration made in Python brings none."""
    config = _changed(replace(demo(), method="cut"), "loss", lambda_a=7)
    (sentence,) = unread(config)
    assert sentence.startswith("--lambda-a changes nothing: ")
    assert not unread(replace(demo(), method="cut"))


@pytest.mark.parametrize("method", METHODS)
def test_what_only_the_preset_says_is_no_mistake(method: MethodName) -> None:
    assert not unread(replace(demo(), method=method), demo())


def test_options_that_are_read_are_taken() -> None:
    base = fast()
    assert not unread(_changed(base, "loss", lambda_a=20, structure="mind"), base)
    assert not unread(_changed(base, "loss", structure="mind", structure_weight=2.0, outside_mask=5.0), base)
    assert not unread(_changed(base, "loss", identity=0.5, identity_every=4), base)
    assert not unread(_changed(base, "loss", warm_up_images=100, warm_up_mask=0.2), base)
    assert not unread(_changed(base, "discriminator", r1=1.0, r1_every=4, patch_weight=2.0), base)
    assert not unread(_changed(base, "data", colours_a=8), base)
    assert not unread(_changed(replace(base, method="cut"), "nce", flip=True, l1=1.0), base)
    assert not unread(_changed(base, "generator", kind="unet", depth=6), base)
    assert not unread(_changed(base, "discriminator", kind="multiscale", scales=2), base)
    assert not unread(_changed(replace(base, method="unsb"), "discriminator", kind="projected", layers=2), base)


def test_an_option_of_masks_without_masks_is_named() -> None:
    (sentence,) = unread(_changed(fast(), "loss", outside_mask=5.0), fast(), masks=False)
    assert sentence == "--outside-mask changes nothing without --masks-a or --masks-b."


def test_names_of_options_are_those_of_the_configuration() -> None:
    names = {f"{group}.{name}" for group, found in _names(Config()).items() for name in found}
    assert names >= SOME
    assert names >= {f"{group}.{name}" for group, kinds in NETWORKS.items() for read in kinds.values() for name in read}
    assert names >= PARTS.keys()
    assert all(method in {p().method for p in PRESETS.values()} for method in METHODS)


def _names(config: Config) -> dict[str, list[str]]:
    return {name: [*group] for name, group in to_dict(config).items() if isinstance(group, dict)}


class _Noted:
    """A configuration that notes which of its fields are read."""

    def __init__(self, config: Any, read: set[str]) -> None:
        self._config, self._read = config, read

    def __getattr__(self, name: str) -> Any:
        self._read.add(name)
        return getattr(self._config, name)


def _each_way(config: Any) -> list[Any]:
    """A configuration, and all that differ from it by another choice in one field."""
    hints = get_type_hints(type(config))
    choices = {f.name: (True, False) if hints[f.name] is bool else get_args(hints[f.name]) for f in fields(config)}
    others = {name: values for name, values in choices.items() if name != "kind" and Ellipsis not in values}
    return [config, *(replace(config, **{name: value}) for name, values in others.items() for value in values)]


@pytest.mark.parametrize("kind", GENERATORS)
def test_a_generator_is_built_from_the_options_that_it_says(kind: Any) -> None:
    read = set[str]()
    for config in _each_way(GeneratorConfig(kind=kind, depth=6, dropout=0.5)):
        with torch.device("meta"):
            network = GENERATORS[kind](3, 3, cast(GeneratorConfig, _Noted(config, read)))
        assert network.multiple == multiple_of(config)
    assert read == NETWORKS["generator"][kind]


@pytest.mark.parametrize("kind", DISCRIMINATORS)
def test_a_discriminator_is_built_from_the_options_that_it_says(kind: Any) -> None:
    read = set[str]()
    eyes = load_eyes(DiscriminatorConfig(kind=kind))
    for config in _each_way(DiscriminatorConfig(kind=kind, width=4)):
        Discriminator(3, cast(DiscriminatorConfig, _Noted(config, read)), eyes)
    assert read - {"kind", "patch_weight"} == NETWORKS["discriminator"][kind]
