"""How what is typed becomes a command's arguments: tyro, with a few rules of our own."""

from __future__ import annotations

import os
import shutil
import types
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from functools import cache, partial
from inspect import cleandoc
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import tyro
from tyro.constructors import (
    ConstructorRegistry,
    PrimitiveConstructorSpec,
    PrimitiveTypeInfo,
    StructConstructorSpec,
    StructFieldSpec,
    StructTypeInfo,
)

from unpaired.errors import UserError
from unpaired.text import perhaps

T = TypeVar("T")
REGISTRY = ConstructorRegistry()
WIDEST = 120  # columns of a help text


def parsed(arguments: list[str], cls: type[T], command: str, *, default: T | None = None, speak: bool = True) -> T:
    """An instance of the dataclass `cls`; a mistake is told, if we `speak`, and ends the program with status 2."""
    prog = f"unpaired {command}"
    with _one_column():
        told = tyro.cli(cls, args=arguments, prog=prog, default=default, registry=REGISTRY, console_outputs=speak)
    return cast(T, told)


def refuse(refusals: Iterable[tuple[object, str]]) -> None:
    """Raise `UserError` with the sentence of the first that is so."""
    for wrong, sentence in refusals:
        if wrong:
            raise UserError(sentence)


@contextmanager
def _one_column() -> Generator[None]:
    """On a wide terminal tyro lays groups of options beside each other, where nobody finds one: it is told of less."""
    before = os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(min(shutil.get_terminal_size().columns, WIDEST))
    try:
        yield
    finally:
        if before is None:
            del os.environ["COLUMNS"]
        else:
            os.environ["COLUMNS"] = before


@REGISTRY.struct_rule
def _dataclass(info: StructTypeInfo) -> StructConstructorSpec | None:
    """Fields of a dataclass, with two differences to tyro's own. Docstrings are running text: tyro takes the
    indentation of a second line for the beginning of a new paragraph. And where nothing is the default, the help does
    not say so.
    """
    if not is_dataclass(info.type):
        return None
    kinds = get_type_hints(info.type, include_extras=True)

    def told(knob: Field[Any]) -> StructFieldSpec:
        default = _default(knob, info.default)
        kind = _silent(kinds[knob.name]) if default is None or default in ((), "") else kinds[knob.name]
        text = partial(_running, info.type, knob.name)
        return StructFieldSpec(name=knob.name, type=kind, default=default, helptext=text)

    return StructConstructorSpec(instantiate=info.type, fields=tuple(map(told, fields(info.type))))


def _default(knob: Field[Any], whole: Any) -> Any:
    """What a field is if not given: that of the `whole`, where there is one."""
    if isinstance(whole, type) or not is_dataclass(whole):
        factory = knob.default_factory
        given = knob.default if factory is MISSING else factory()
        return tyro.MISSING if given is MISSING else given
    return getattr(whole, knob.name)


def _silent(kind: Any) -> Any:
    """A type whose option's help does not tell the default; what is said of the type already counts more."""
    base, *said = (kind.__origin__, *kind.__metadata__) if get_origin(kind) is Annotated else (kind,)
    return Annotated[(base, tyro.conf.arg(help_behavior_hint=""), *said)]


def _running(cls: type, name: str) -> str | None:
    """The docstring of a field, in one line."""
    text = _docstrings(cls).get(name)
    return text and " ".join(cleandoc(text).split())


@cache
def _docstrings(cls: type) -> dict[str, str | None]:
    import docstring_parser

    return {told.arg_name: told.description for told in docstring_parser.parse_from_object(cls).params}


@REGISTRY.primitive_rule
def _optional(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """`int | None` is typed and explained as `int`; `none` is what it is if not given."""
    kinds = get_args(info.type)
    if get_origin(info.type) not in (Union, types.UnionType) or len(kinds) != 2 or kinds[1] is not types.NoneType:
        return None
    info = PrimitiveTypeInfo.make(raw_annotation=kinds[0], parent_markers=info.markers)
    found = _chosen(info) or ConstructorRegistry.get_primitive_spec(info)
    assert isinstance(found, PrimitiveConstructorSpec)
    spec = cast("PrimitiveConstructorSpec[Any]", found)

    def read(words: list[str]) -> Any:
        return None if words == ["none"] else spec.instance_from_str(words)

    def fits(value: Any) -> bool | Literal["~"]:
        return value is None or spec.is_instance(value)

    def said(value: Any) -> list[str]:
        return ["none"] if value is None else spec.str_from_instance(value)

    return replace(spec, choices=None, instance_from_str=read, is_instance=fits, str_from_instance=said)


@REGISTRY.primitive_rule
def _chosen(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """A word that is none of the choices gets a suggestion."""
    if get_origin(info.type) is not Literal:
        return None
    known = {str(choice): choice for choice in get_args(info.type)}

    def chosen(words: list[str]) -> Any:
        if words[0] not in known:
            raise ValueError(f"{words[0]!r} is none of {', '.join(known)}{perhaps(words[0], known)}.")
        return known[words[0]]

    return PrimitiveConstructorSpec(
        nargs=1, metavar=f"{{{','.join(known)}}}", instance_from_str=chosen,
        is_instance=lambda value: value in known.values(), str_from_instance=lambda value: [str(value)],
    )  # fmt: skip


@REGISTRY.primitive_rule
def _several(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """So does each of several words."""
    kinds = get_args(info.type)
    if get_origin(info.type) is not tuple or len(kinds) != 2 or kinds[1] is not Ellipsis:
        return None
    info = PrimitiveTypeInfo.make(raw_annotation=kinds[0], parent_markers=info.markers)
    one = cast("PrimitiveConstructorSpec[Any] | None", _chosen(info))
    if one is None:
        return None

    def read(words: list[str]) -> Any:
        return tuple(one.instance_from_str([word]) for word in words)

    def fits(value: Any) -> bool | Literal["~"]:
        return isinstance(value, tuple)

    def said(value: Any) -> list[str]:
        return [str(each) for each in value]

    return replace(
        one, nargs="*", metavar=f"[{one.metavar} …]", instance_from_str=read, is_instance=fits, str_from_instance=said
    )


@REGISTRY.primitive_rule
def _numbers(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Any] | None:
    """Any number of numbers; where there are none, the help says so and `none` can be typed."""
    if info.type != tuple[float, ...]:
        return None
    return PrimitiveConstructorSpec(
        nargs="*", metavar="[FLOAT …]",
        instance_from_str=lambda words: () if words == ["none"] else tuple(map(float, words)),
        is_instance=lambda value: isinstance(value, tuple),
        str_from_instance=lambda value: [str(number) for number in value] or ["none"],
    )  # fmt: skip
