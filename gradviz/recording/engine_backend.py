"""Records the built-in engine, which in a recorded program answers to the name ``torch``."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

from numpy.typing import NDArray

from gradviz.recording.alias import engine_as_torch
from gradviz.recording.identity import IdentityNotes
from gradviz.recording.nouns import Notes
from gradviz.recording.places import Places
from gradviz.recording.recorder import Recorder
from gradviz.recording.values import plain
from gradviz.trace.model import GraphNode, NodeKind
from gradviz.trace.protocol import TraceSink
from gradviz.trace.tensors import dtype_name
from gradviz_engine.autograd import observer
from gradviz_engine.autograd.accumulate import AccumulateGrad
from gradviz_engine.autograd.function import CustomNode
from gradviz_engine.tensor import Tensor


class EngineBackend:
    """Answers the recorder's questions about the engine's tensors and nodes."""

    name = "numpy"

    def content(self, tensor: Tensor) -> tuple[NDArray[Any], str]:
        """The array itself: the recorder copies it at once."""
        return tensor._data, dtype_name(tensor._data.dtype)

    def form(self, tensor: Tensor) -> tuple[tuple[int, ...], str]:
        """Shape and dtype."""
        return tensor._data.shape, dtype_name(tensor._data.dtype)

    def memory(self, tensor: Tensor) -> int:
        """The identity of the array that owns the memory."""
        array = tensor._data
        while array.base is not None:
            array = array.base
        return id(array)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, Tensor)

    def describe(self, node: Any) -> GraphNode:
        """Name, kind, sequence number, shape, dtype and formula of a node."""
        first = node.meta[0] if node.meta else None
        leaf = isinstance(node, AccumulateGrad)
        return GraphNode(
            0,
            node.name().removeprefix("torch::autograd::"),
            NodeKind.CUSTOM if isinstance(node, CustomNode) else NodeKind.FUNCTION,
            None if leaf else node.sequence,
            shape=None if first is None else tuple(first[0]),
            dtype=None if first is None else dtype_name(first[1]),
            formula=tuple(node.formula),
        )

    def saved(self, node: Any) -> list[tuple[str, Any]]:
        """What the node saved; what cannot be read any more is left out."""
        if isinstance(node, CustomNode):
            return [(f"saved_tensors[{i}]", t) for i, t in enumerate(_saved_by_user(node)) if t is not None]
        found = []
        for name in node.saved_names:
            try:
                value = getattr(node, "_saved_" + name)
            except (AttributeError, RuntimeError):
                continue
            if isinstance(value, (list, tuple)) and any(isinstance(entry, Tensor) for entry in value):
                found += [(f"{name}[{index}]", entry) for index, entry in enumerate(value)]
            else:
                found.append((name, value if isinstance(value, Tensor) else plain(value)))
        return found

    def variable(self, node: Any) -> Tensor | None:
        """The leaf of an AccumulateGrad node."""
        return node.variable if isinstance(node, AccumulateGrad) else None

    def weak(self, tensor: Tensor) -> Callable[[], Any]:
        return weakref.ref(tensor)

    def new_notes(self) -> Notes:
        return IdentityNotes()

    def gradient_edge(self, tensor: Tensor) -> tuple[Any, int] | None:
        """``grad_fn`` and ``output_nr`` of a result.

        As they are: asked for its ``grad_fn``, a view whose base was written makes a new one, which takes a number.
        """
        return tensor._edge


def _saved_by_user(node: CustomNode) -> tuple[Any, ...]:
    try:
        return tuple(node.saved_tensors)
    except RuntimeError:
        return ()


class EngineRecorder(Recorder, observer.Observer):
    """A recorder that the engine's observer hook accepts."""


@contextmanager
def recording(sink: TraceSink, places: Places, as_torch: bool) -> Iterator[Recorder]:
    """The engine reports to the recorder inside the block; with ``as_torch`` it is ``torch``, too."""
    recorder = EngineRecorder(sink, EngineBackend(), places)
    with observer.observing(recorder), engine_as_torch() if as_torch else nullcontext():
        yield recorder
