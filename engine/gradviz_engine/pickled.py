"""Reads a pickle of plain data without Python's unpickler: no class is looked up, no attribute is set.

The opcodes of containers, numbers and text are followed; each global must stand in a table of the caller's, and
what stands there is either a value or a ``Maker``, the only thing ``REDUCE`` calls. Everything else is refused:
``NEWOBJ``, ``INST``, ``OBJ``, ``EXT``, buffers, and ``BUILD``, which sets attributes on whatever it is given;
an OrderedDict's ``_metadata`` (every state dict of PyTorch has one) is the one state that is taken over.
Source: torch/_weights_only_unpickler.py, which reads PyTorch's own files the same way.
"""

from __future__ import annotations

import pickletools
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

VALUES = frozenset({
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING",
    "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES",
    "BINBYTES8",
})  # fmt: skip
CONSTANTS: dict[str, Any] = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False, "EMPTY_TUPLE": ()}
EMPTY: dict[str, Callable[[], Any]] = {"EMPTY_LIST": list, "EMPTY_DICT": dict, "EMPTY_SET": set}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
IGNORED = ("PROTO", "FRAME")


class PickleError(ValueError):
    """The pickle is damaged, or wants more than data."""


class Maker:
    """A global that ``REDUCE`` may call with a tuple of arguments; it must do no more than build a value."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make


class _Machine:
    """The unpickler's stack and memo. ``_mark`` holds where each open MARK stands."""

    def __init__(self, named: Mapping[tuple[str, str], Any], referred: Callable[[Any], Any]) -> None:
        self._named = named
        self._referred = referred
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: dict[int, Any] = {}

    def run(self, content: bytes) -> Any:
        for opcode, argument, _ in pickletools.genops(content):
            name = opcode.name
            if name == "STOP":
                (result,) = self._stack
                return result
            if name in VALUES:
                self._stack.append(argument)
            elif name in CONSTANTS:
                self._stack.append(CONSTANTS[name])
            elif name in EMPTY:
                self._stack.append(EMPTY[name]())
            elif name in TUPLES:
                self._stack.append(self._popped(TUPLES[name]))
            elif name in _STEPS:
                _STEPS[name](self, argument)
            elif name not in IGNORED:
                raise PickleError(f"the file's pickle uses {name}, which data does not need")
        raise PickleError("the file's pickle has no end")

    def _popped(self, count: int) -> tuple[Any, ...]:
        if len(self._stack) < count + (self._marks[-1] if self._marks else 0):
            raise PickleError("the file's pickle takes more than it has given")
        items = tuple(self._stack[len(self._stack) - count :])
        del self._stack[len(self._stack) - count :]
        return items

    def _since_mark(self) -> list[Any]:
        mark = self._marks.pop()
        items = self._stack[mark:]
        del self._stack[mark:]
        return items

    def mark(self, _: Any) -> None:
        self._marks.append(len(self._stack))

    def tuple_(self, _: Any) -> None:
        self._stack.append(tuple(self._since_mark()))

    def list_(self, _: Any) -> None:
        self._stack.append(self._since_mark())

    def dict_(self, _: Any) -> None:
        items = self._since_mark()
        self._stack.append(dict(zip(items[::2], items[1::2], strict=True)))

    def append(self, _: Any) -> None:
        (item,) = self._popped(1)
        self._top(list).append(item)

    def appends(self, _: Any) -> None:
        items = self._since_mark()
        self._top(list).extend(items)

    def add_items(self, _: Any) -> None:
        items = self._since_mark()
        self._top(set).update(items)

    def set_item(self, _: Any) -> None:
        key, value = self._popped(2)
        self._top(dict)[key] = value

    def set_items(self, _: Any) -> None:
        items = self._since_mark()
        self._top(dict).update(zip(items[::2], items[1::2], strict=True))

    def _top(self, kind: type) -> Any:
        top = self._stack[-1]
        if not isinstance(top, kind):
            raise PickleError(f"the file's pickle fills a {type(top).__name__} as if it were a {kind.__name__}")
        return top

    def put(self, place: Any) -> None:
        self._memo[len(self._memo) if place is None else place] = self._stack[-1]

    def get(self, place: Any) -> None:
        self._stack.append(self._memo[place])

    def pop(self, _: Any) -> None:
        self._popped(1)

    def global_(self, argument: Any) -> None:
        module, name = argument.split(" ", 1) if argument is not None else self._popped(2)
        if (module, name) not in self._named:
            raise PickleError(
                f"the file names {module}.{name}, which is not part of a state dict; torch.load runs no code"
            )
        self._stack.append(self._named[module, name])

    def reduce(self, _: Any) -> None:
        maker, arguments = self._popped(2)
        if not isinstance(maker, Maker) or not isinstance(arguments, tuple):
            raise PickleError("the file's pickle calls what is no part of a state dict; torch.load runs no code")
        self._stack.append(maker.make(*arguments))

    def build(self, _: Any) -> None:
        (state,) = self._popped(1)
        made = self._top(object)
        if type(made) is not OrderedDict or not isinstance(state, dict) or not state.keys() <= {"_metadata"}:
            raise PickleError(
                f"the file's pickle sets attributes of {type(made).__name__}; torch.load sets none and runs no code"
            )
        made.__dict__.update(state)

    def refer(self, _: Any) -> None:
        (reference,) = self._popped(1)
        self._stack.append(self._referred(reference))


_STEPS: dict[str, Callable[[_Machine, Any], None]] = {
    "MARK": _Machine.mark, "TUPLE": _Machine.tuple_, "LIST": _Machine.list_, "DICT": _Machine.dict_,
    "APPEND": _Machine.append, "APPENDS": _Machine.appends, "ADDITEMS": _Machine.add_items,
    "SETITEM": _Machine.set_item, "SETITEMS": _Machine.set_items, "POP": _Machine.pop,
    "PUT": _Machine.put, "BINPUT": _Machine.put, "LONG_BINPUT": _Machine.put, "MEMOIZE": _Machine.put,
    "GET": _Machine.get, "BINGET": _Machine.get, "LONG_BINGET": _Machine.get,
    "GLOBAL": _Machine.global_, "STACK_GLOBAL": _Machine.global_, "REDUCE": _Machine.reduce,
    "BUILD": _Machine.build, "BINPERSID": _Machine.refer,
}  # fmt: skip


def read(content: bytes, named: Mapping[tuple[str, str], Any], referred: Callable[[Any], Any]) -> Any:
    """The object that ``content`` describes.

    ``named`` gives the globals it may name, ``referred`` what its persistent ids stand for. Raises PickleError
    where it wants anything else, and whatever a damaged one makes Python raise (ValueError, LookupError, TypeError).
    """
    return _Machine(named, referred).run(content)
