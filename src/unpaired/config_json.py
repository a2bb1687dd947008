"""Configurations as plain JSON values, as runs and files of weights keep them, and back."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any, Literal

from unpaired.errors import UserError


def to_dict(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON values."""
    return dataclasses.asdict(config)


RENAMED = {"judged": "held_out"}
"""Fields of runs that were begun before their names changed."""


def from_dict(cls: type[Any], values: dict[str, Any], where: str = "config") -> Any:
    """Rebuild a configuration from plain JSON values.

    Unknown fields and values raise `UserError`: a run of a newer version must never train or translate with something
    that it did not mean. A missing field takes its default: a field added later must default to what was done before.
    """
    if not isinstance(values, dict):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UserError(f"{where} is {values!r}, which is not a group of options.")
    values = {RENAMED.get(name, name): value for name, value in values.items()}
    hints = typing.get_type_hints(cls)
    names = {f.name for f in dataclasses.fields(cls)}
    if unknown := sorted(values.keys() - names):
        raise UserError(f"{where} has unknown fields {', '.join(unknown)}: a newer version of unpaired wrote it.")
    built: dict[str, Any] = {}
    for name, value in values.items():
        hint = hints[name]
        if dataclasses.is_dataclass(hint):
            built[name] = from_dict(typing.cast(type[Any], hint), value, f"{where}.{name}")
        elif typing.get_origin(hint) is tuple:
            if not isinstance(value, list | tuple):
                raise UserError(f"{where}.{name} is {value!r}, which is not a list.")
            built[name] = tuple(typing.cast(list[Any], value))
            for each in built[name]:
                _check(typing.get_args(hint)[0], each, f"{where}.{name}")
        else:
            built[name] = value
            _check(hint, value, f"{where}.{name}")
    return cls(**built)


def _check(hint: Any, value: Any, where: str) -> None:
    """Raise `UserError` where a JSON value is not of the type that `hint` names; true is no number here."""
    kinds = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if not any(_is(kind, value) for kind in kinds):
        raise UserError(f"{where} is {value!r}, which is not a {hint}.")


def _is(kind: Any, value: Any) -> bool:
    if typing.get_origin(kind) is Literal:
        return any(value == option and type(value) is type(option) for option in typing.get_args(kind))
    return type(value) is kind or (kind is float and type(value) is int)
