"""Tells the observer of each outermost operation, with all the nodes it created.

A composite such as ``linear`` runs several declared operators; PyTorch users know it by its own name, so
it is reported once, with the nodes of its parts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import mode

if TYPE_CHECKING:
    from gradviz_engine.autograd.node import Node

F = TypeVar("F", bound=Callable[..., Any])

_parts: list[Node] | None = None
"""Nodes created so far inside the composite that runs; None outside of one."""

silent: int = 0
"""Above 0 while derivatives run without create_graph: their operations are no operations of the program."""


def report_op(name: str, node: Node | None, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
    """Report one declared operator, or add its node to the composite around it."""
    if _parts is not None:
        if node is not None:
            _parts.append(node)
        return
    watcher = observer.current
    if watcher is None or silent:
        return
    tensors = tensors_in(inputs)
    if node is not None or any(t.requires_grad for t in tensors):
        watcher.op(name, [] if node is None else [node], tensors, list(outputs))


def tensors_in(values: Any) -> list[Any]:
    """The tensors among arguments, those in lists, tuples and dicts included."""
    from gradviz_engine.tensor import Tensor

    found: list[Any] = []
    stack = [values]
    while stack:
        value = stack.pop()
        if isinstance(value, Tensor):
            found.append(value)
        elif isinstance(value, (list, tuple)):
            stack.extend(reversed(value))
        elif isinstance(value, dict):
            stack.extend(reversed(list(value.values())))
    return found


def composite(function: F, name: str = "") -> F:
    """Report calls of this function as one operation under its own name, or ``name``, as PyTorch's users know it.

    Without an observer: no cost but a read.
    """
    told = name or function.__name__

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if observer.current is None or _parts is not None or silent:
            return function(*args, **kwargs)
        return _reported(told, function, args, kwargs)

    return wrapped  # type: ignore[return-value]


def _reported(name: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    global _parts
    nodes: list[Node] = []
    _parts = nodes
    try:
        result = function(*args, **kwargs)
    finally:
        _parts = None
    watcher = observer.current
    inputs = tensors_in((args, kwargs))
    if watcher is not None and (nodes or any(t.requires_grad for t in inputs)):
        watcher.op(name, nodes, inputs, tensors_in((result,)))
    return result


def composite_write(function: F) -> F:
    """As ``composite``, and what the function writes is told as written by it, not by its parts."""
    name = function.__name__

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        with observer.cause(name):
            return function(*args, **kwargs)

    return composite(wrapped)  # type: ignore[return-value]


def derivative_begins() -> int:
    """Called before a node's derivative runs; the returned token goes to ``derivative_ends``."""
    global silent
    before = silent
    if not mode.enabled:
        silent += 1
    return before


def derivative_ends(token: int) -> None:
    global silent
    silent = token
