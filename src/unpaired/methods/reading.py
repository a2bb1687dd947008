"""Options that a training would not read: a person who gives one should hear of it, not wonder why nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from unpaired.config import Config, option
from unpaired.config_json import to_dict
from unpaired.methods import METHODS
from unpaired.presets import PRESETS


def unread(config: Config, base: Config | None = None, *, masks: bool = True) -> list[str]:
    """A sentence for each option of `config` that differs from `base`, the preset that it began as (the one that it is
    nearest to, if nobody knows), and that neither its method nor its networks read, or that is of something that is not
    there. `masks` says whether there are some.
    """
    bases = [preset() for preset in PRESETS.values()] if base is None else [base]
    changed = min((_changed(config, each) for each in bases), key=len)
    told = [why for name in changed if (why := _why(config, name))]
    if not masks and "loss.outside_mask" in changed:
        told.append("--outside-mask changes nothing without --masks-a or --masks-b.")
    return told


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
    if name in PARTS and not PARTS[name][1](config):
        return f"{typed} changes nothing without {PARTS[name][0]}."
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

_PATCHES, _FROZEN = ("patchgan", "multiscale", "projected+patchgan"), ("projected", "projected+patchgan")
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

PARTS: dict[str, tuple[str, Callable[[Config], bool]]] = {
    "loss.identity_every": ("--identity", lambda c: c.loss.identity > 0),
    "loss.structure_weight": ("--structure", lambda c: c.loss.structure != "none"),
    "loss.warm_up_mask": ("--warm-up-images", lambda c: c.loss.warm_up_images > 0),
    "discriminator.patch_weight": (
        "--discriminator.kind projected+patchgan", lambda c: c.discriminator.kind == "projected+patchgan",
    ),
    "discriminator.r1_every": ("--discriminator.r1", lambda c: c.discriminator.r1 > 0),
}  # fmt: skip
"""Options of a part of the training that another option switches on: which, and whether it is on."""
