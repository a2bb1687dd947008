"""Options that a training would not read: a person who gives one should hear of it, not wonder why nothing changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from unpaired.config import Config, option
from unpaired.config_json import to_dict
from unpaired.methods import METHODS
from unpaired.networks import DISCRIMINATORS, GENERATORS
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
    kinds = [kind for kind, names in NETWORKS.get(group, {}).items() if field in names]
    if kinds and getattr(config, group).kind not in kinds and name not in METHODS[config.method].reads:
        return f"{typed} changes nothing: it is read with {option('kind', group)} {' or '.join(kinds)} only."
    if name in PARTS and not PARTS[name][1](config):
        return f"{typed} changes nothing without {PARTS[name][0]}."
    return ""


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

NETWORKS: dict[str, dict[str, set[str]]] = {
    "generator": {kind: {*network.reads} for kind, network in GENERATORS.items()},
    "discriminator": {kind: {name for part in parts for name in part.reads} for kind, parts in DISCRIMINATORS.items()},
}
"""Options that each kind of network reads; those of its group that none does are read whatever the kind."""

PARTS: dict[str, tuple[str, Callable[[Config], bool]]] = {
    "generator.noise": ("--generator.dropout", lambda c: c.generator.dropout > 0),
    "loss.identity_every": ("--identity", lambda c: c.loss.identity > 0),
    "loss.structure_weight": ("--structure", lambda c: c.loss.structure != "none"),
    "loss.warm_up_mask": ("--warm-up-images", lambda c: c.loss.warm_up_images > 0),
    "discriminator.patch_weight": (
        "--discriminator.kind projected+patchgan", lambda c: c.discriminator.kind == "projected+patchgan",
    ),
    "discriminator.r1_every": ("--discriminator.r1", lambda c: c.discriminator.r1 > 0),
}  # fmt: skip
"""Options of a part of the training that another option switches on: which, and whether it is on."""
