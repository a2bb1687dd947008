"""Options that a training would not read: a person who gives one should hear of it, not wonder why nothing changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from unpaired.config import Config, option
from unpaired.config_json import to_dict
from unpaired.methods import METHODS
from unpaired.presets import PRESETS


def unread(config: Config, base: Config | None = None) -> list[str]:
    """A sentence for each option of `config` that differs from `base`, the preset that it began as (the one that it is
    nearest to, if nobody knows), and that neither its method nor its networks read.
    """
    bases = [preset() for preset in PRESETS.values()] if base is None else [base]
    changed = min((_changed(config, each) for each in bases), key=len)
    return [why for name in changed if (why := _why(config, name))]


def read(config: Config, name: str) -> bool:
    """Whether a training with `config` reads the option `name`, such as "generator.depth", if it is given."""
    return not _why(config, name)


def _changed(config: Config, base: Config) -> list[str]:
    before = _fields(base)
    return [name for name, value in _fields(config).items() if value != before[name]]


def _why(config: Config, name: str) -> str:
    """Why an option changes nothing; empty where it does."""
    group, _, field = name.partition(".")
    typed = option(field, group)
    if name in SOME and name not in _read(METHODS[config.method].reads):
        readers = ", ".join(sorted(m for m, kind in METHODS.items() if name in _read(kind.reads)))
        return f"{typed} changes nothing: {config.method} does not read it ({readers} would)."
    if name in NETWORKS and not _wanted(config, name):
        of, kinds = NETWORKS[name]
        return f"{typed} changes nothing: it is read with {option('kind', of)} {' or '.join(kinds)} only."
    return ""


def _wanted(config: Config, name: str) -> bool:
    group, kinds = NETWORKS[name]
    kind = config.generator.kind if group == "generator" else config.discriminator.kind
    return any(part in kinds for part in kind.split("+"))


def _fields(config: Config) -> dict[str, Any]:
    """Every option by group and name."""
    groups = ((name, group) for name, group in to_dict(config).items() if isinstance(group, Mapping))
    return {f"{name}.{field}": value for name, group in groups for field, value in group.items()}


def _read(names: tuple[str, ...]) -> set[str]:
    """The options that `Method.reads` names, one by one."""
    default = Config()
    groups = {f.name: getattr(default, f.name) for f in fields(default) if is_dataclass(getattr(default, f.name))}
    return {
        each
        for name in names
        for each in ([f"{name}.{f.name}" for f in fields(groups[name])] if name in groups else [name])
    }


SOME = {name for method in METHODS.values() for name in _read(method.reads)}
"""Options that some methods read and others do not."""

_PATCHES, _FROZEN = ("patchgan", "multiscale"), ("projected",)
NETWORKS: dict[str, tuple[str, tuple[str, ...]]] = {
    "generator.blocks": ("generator", ("resnet", "convnext")),
    "generator.kernel": ("generator", ("resnet", "convnext")),
    "generator.depth": ("generator", ("unet", "pyramid")),
    "generator.downsample": ("generator", ("resnet",)),
    "generator.upsample": ("generator", ("resnet", "unet")),
    "discriminator.width": ("discriminator", (*_PATCHES, "pixel")),
    "discriminator.layers": ("discriminator", _PATCHES),
    "discriminator.downsample": ("discriminator", _PATCHES),
    "discriminator.spectral": ("discriminator", _PATCHES),
    "discriminator.norm": ("discriminator", (*_PATCHES, "pixel")),
    "discriminator.scales": ("discriminator", ("multiscale",)),
    "discriminator.eyes": ("discriminator", _FROZEN),
    "discriminator.stages": ("discriminator", _FROZEN),
    "discriminator.mixing": ("discriminator", _FROZEN),
    "discriminator.view": ("discriminator", _FROZEN),
}
"""Options of one kind of network or another, and of which."""
