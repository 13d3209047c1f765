"""What the fields of nouns and events hold, read from their declarations.

A class whose objects a trace keeps is a frozen dataclass. From the annotations of its fields follow the columns
they are stored in, their encoding, the checks of what is read and the JSON of the command line::

    @dataclass(frozen=True, slots=True, kw_only=True)
    class NodeEnd(Event):
        call: CallNumber                      # an id: a column of int32, checked against what it refers to
        node: NodeId
        freed: bool

===================== ================================================================
annotation            column
===================== ================================================================
``int``               int32, from 0; `Wide`: int64, from 0; with `Ref`: an id
``float``             float64
``bool``              bool
``Literal``, an enum  uint8: the place of the word among its words
``str``               the id of a text, int32; with `Name` cut where it is long
`Json`                the same, of its JSON: equal values are stored once
``X | None``          -1 for None; nan for None where X is float
``tuple[X, ...]``     how many (int32), and all the entries one after the other; of a
                      dataclass a column for each field, with `Pairs` one for each name
`Position`            nothing: it is the number of the row
===================== ================================================================
"""

from __future__ import annotations

import types
import typing
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import numpy as np


@dataclass(frozen=True, slots=True)
class Ref:
    """The id of a ``node``, ``leaf``, ``value``, ``tensor`` or of a backward ``call`` that runs."""

    to: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names for the two numbers of the pairs in a list, and what the first one refers to."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One of the marks below."""

    name: str


Position, Wide, Name, Json, Changes = map(Mark, ("position", "wide", "name", "json", "changes"))
"""`Changes`, on a list: stored is what differs from the list of the event before it in the same call (``changes``)."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: a number a row, or for each entry of the list ``of``."""

    name: str
    dtype: np.dtype[Any]
    optional: bool = False
    ref: str | None = None
    words: tuple[Any, ...] = ()
    text: Literal["text", "name", "json"] | None = None
    of: str | None = None

    @property
    def lowest(self) -> int:
        """The lowest number that may stand in it."""
        return -1 if self.optional else 0


REQUIRED = object()


@dataclass(frozen=True, slots=True)
class Field:
    """A field and its columns; of a list the first one tells how many entries each row has (-1: it is None).

    ``make`` puts an entry of a list together from the numbers of several columns, or makes what is kept as JSON
    what it was. ``default`` is what files that were written before there was such a field have in it; REQUIRED where
    all have one.
    """

    name: str
    columns: tuple[Column, ...]
    listed: bool = False
    make: Any = None
    optional: bool = False
    changes: bool = False
    default: Any = REQUIRED


@dataclass(frozen=True, slots=True)
class Layout:
    """The stored fields of a class; ``position`` is the name of the one that is the row's own number."""

    kind: type
    fields: tuple[Field, ...]
    position: str | None

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns in order."""
        return tuple(column for field in self.fields for column in field.columns)


_layouts: dict[type, Layout] = {}


def layout_of(kind: type) -> Layout:
    """The layout of a dataclass. TypeError for a field whose annotation says nothing of a column."""
    if kind not in _layouts:
        _layouts[kind] = _read(kind)
    return _layouts[kind]


def _read(kind: type) -> Layout:
    hints = typing.get_type_hints(kind, include_extras=True)
    found, position = [], None
    for field in fields(kind):
        hint, marks, optional = _unwrap(hints[field.name])
        if Position in marks:
            position = field.name
        else:
            found.append(
                _field(field.name, hint, marks, optional, REQUIRED if field.default is MISSING else field.default)
            )
    return Layout(kind, tuple(found), position)


def _unwrap(hint: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """The bare type, its marks, and whether None is allowed."""
    marks: tuple[Any, ...] = ()
    optional = False
    while True:
        if get_origin(hint) is Annotated:
            hint, *more = get_args(hint)
            marks += tuple(more)
        elif get_origin(hint) in (Union, types.UnionType):
            (hint,) = [each for each in get_args(hint) if each is not types.NoneType]
            optional = True
        else:
            return hint, marks, optional


def _field(name: str, hint: Any, marks: tuple[Any, ...], optional: bool, default: Any) -> Field:
    make: Any
    if get_origin(hint) is not tuple or Json in marks:
        make = tuple if get_origin(hint) is tuple else None
        return Field(name, (_column(name, hint, marks, optional),), make=make, optional=optional, default=default)
    entry = get_args(hint)[0]
    pairs = next((mark for mark in marks if isinstance(mark, Pairs)), None)
    make = None
    if pairs is not None:
        parts = list(zip((pairs.first, pairs.second), get_args(entry), strict=True))
        make = tuple
    elif is_dataclass(entry):
        hints = typing.get_type_hints(entry, include_extras=True)
        parts = [(field.name, hints[field.name]) for field in fields(entry)]
        make = entry
    else:
        parts = [("", entry)]
    changes = Changes in marks
    return Field(
        name,
        _changes(name, parts) if changes else _list(name, parts, optional),
        listed=True,
        make=make,
        optional=optional,
        changes=changes,
        default=default,
    )


def _list(name: str, parts: list[tuple[str, Any]], optional: bool = False) -> tuple[Column, ...]:
    count = Column(f"{name}#", np.dtype(np.int32), optional)
    return (count, *(_column(f"{name}.{part}" if part else name, *_unwrap(of), of=name) for part, of in parts))


def _changes(name: str, parts: list[tuple[str, Any]]) -> tuple[Column, ...]:
    """Is it told whole; the first part of the entries that went; the entries that came (see ``changes``)."""
    came = parts if len(parts) == 2 else [("at", int), ("entry", parts[0][1])]
    whole = Column(f"{name}!", np.dtype(np.bool_))
    return (whole, *_list(f"{name}-", [("", parts[0][1])]), *_list(f"{name}+", came))


def _column(name: str, hint: Any, marks: tuple[Any, ...], optional: bool, of: str | None = None) -> Column:
    ref = next((mark.to for mark in marks if isinstance(mark, Ref)), None)
    if Json in marks or hint is str:
        text: Any = "json" if Json in marks else "name" if Name in marks else "text"
        return Column(name, np.dtype(np.int32), optional, text=text, of=of)
    if get_origin(hint) is Literal:
        return Column(name, np.dtype(np.uint8), words=get_args(hint), of=of)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return Column(name, np.dtype(np.uint8), words=tuple(hint), of=of)
    plain = {bool: np.bool_, int: np.int64 if Wide in marks else np.int32, float: np.float64}
    if hint not in plain:
        raise TypeError(f"no column holds {name}: {hint}")
    return Column(name, np.dtype(plain[hint]), optional, ref=ref, of=of)
