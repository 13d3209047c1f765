"""What the program calls its tensors: variables, entries of lists, attributes, parameters of modules."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import FrameType, ModuleType
from typing import Any

from gradviz.recording.identity import IdentityNotes

_ENTRIES = 256
"""How many entries of a list or dict are looked at."""


def scopes(frames: Sequence[FrameType]) -> Iterator[Mapping[str, Any]]:
    """The program's variables, from the outermost scope inwards: what is global has the clearest name."""
    seen: set[int] = set()
    for frame in frames:
        for scope in (frame.f_globals, frame.f_locals):
            if id(scope) not in seen:
                seen.add(id(scope))
                yield scope


def variables(scope: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """The scope's names that a person chose, and their values."""
    return [item for item in list(scope.items()) if not item[0].startswith("__") and item[0] != "_"]


def direct_names(wanted: Collection[int], frames: Sequence[FrameType]) -> dict[int, str]:
    """Variables bound to the objects of these ids."""
    found: dict[int, str] = {}
    for scope in scopes(frames):
        for name, value in variables(scope):
            if id(value) in wanted:
                found.setdefault(id(value), name)
    return found


def nested_names(wanted: Collection[int], frames: Sequence[FrameType]) -> dict[int, str]:
    """Entries of lists, tuples and dicts, and attributes of the program's own objects."""
    found: dict[int, str] = {}
    for scope in scopes(frames):
        for name, value in variables(scope):
            for path, entry in _entries(name, value):
                if id(entry) in wanted:
                    found.setdefault(id(entry), path)
    return found


def _entries(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    kind = type(value)
    if kind in (list, tuple):
        yield from ((f"{name}[{index}]", entry) for index, entry in enumerate(value[:_ENTRIES]))
    elif kind is dict:
        if len(value) <= _ENTRIES:
            yield from ((f"{name}[{key!r}]", entry) for key, entry in list(value.items()))
    elif not isinstance(value, (type, ModuleType)):
        attributes = _attributes(value)
        if len(attributes) <= _ENTRIES:
            yield from ((f"{name}.{key}", entry) for key, entry in list(attributes.items()))


def _attributes(value: Any) -> dict[str, Any]:
    """What the object holds, without asking any code of its own."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return {}
    return found if type(found) is dict else {}


def is_parameter(tensor: Any) -> bool:
    """Is it an ``nn.Parameter``, of whichever backend?"""
    return any(kind.__name__ == "Parameter" for kind in type(tensor).__mro__)


def is_module(value: Any) -> bool:
    """Is it an ``nn.Module``, of whichever backend?"""
    return callable(getattr(type(value), "named_parameters", None)) and hasattr(value, "_modules")


class ModulePaths:
    """Paths of modules and parameters (``layers.0.weight``) within the outermost module they were met in.

    Where two models share a path (a generator's and a discriminator's ``0.weight``), the later one's gets
    the variable's name in front.
    """

    def __init__(self) -> None:
        self._roots: IdentityNotes[dict[int, str]] = IdentityNotes()
        self._parameters: IdentityNotes[str] = IdentityNotes()
        self._taken: set[str] = set()

    def meet(self, root: Any, frames: Sequence[FrameType]) -> dict[int, str]:
        """Note the root's parameters; returns the path of each of its modules by ``id``."""
        known = self._roots.get(root)
        if known is None:
            known = {id(module): path for path, module in root.named_modules()}
            self._roots.set(root, known)
            self._note_parameters(root, frames)
        return known

    def _note_parameters(self, root: Any, frames: Sequence[FrameType]) -> None:
        parameters = [(path, tensor) for path, tensor in root.named_parameters() if self.of(tensor) is None]
        front = ""
        if self._taken.intersection(path for path, _ in parameters):
            front = direct_names([id(root)], frames).get(id(root), type(root).__name__) + "."
        for path, tensor in parameters:
            self._taken.add(front + path)
            self._parameters.set(tensor, front + path)

    def search(self, frames: Sequence[FrameType]) -> None:
        """Look again for parameters in every module that the program has in a variable."""
        for scope in scopes(frames):
            for _, value in variables(scope):
                if is_module(value):
                    self._note_parameters(value, frames)

    def of(self, parameter: Any) -> str | None:
        """The path of a parameter, None if no module with it was met."""
        return self._parameters.get(parameter)
