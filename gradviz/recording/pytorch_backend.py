"""Records PyTorch itself, from outside: hooks on nodes, modules and optimizers, and a function mode.

What is known about its behaviour, and why things are done the way they are: nodes are hooked for one backward
call and released after it; gradients are copied at once, never held (AccumulateGrad and the engine's buffers
count references); ids of nodes are kept in ``node.metadata``, since the Python object of a node may go and come
back as another one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.weak import TensorWeakRef

from gradviz.recording.nouns import Notes
from gradviz.recording.places import Places
from gradviz.recording.pytorch_calls import BackwardWatch
from gradviz.recording.pytorch_compile import beside_the_compiler
from gradviz.recording.pytorch_facts import (
    ACCUMULATE,
    LAST,
    Aside,
    grad_fn_of,
    has_numbers,
    is_custom,
    is_packed,
    raw_saved,
)
from gradviz.recording.pytorch_hooks import Hooks
from gradviz.recording.pytorch_mode import Watch
from gradviz.recording.recorder import Recorder
from gradviz.recording.values import plain
from gradviz.trace.model import GraphNode, NodeKind
from gradviz.trace.protocol import TraceSink
from gradviz.trace.tensors import DTYPES

PACKED = "packed by a hook of the program's"
"""Told in place of a saved tensor that a hook would have to unpack."""


class _NodeNotes:
    """Ids in the nodes' own metadata, which lives as long as the node does."""

    def get(self, item: Any) -> int | None:
        found: int | None = item.metadata.get(self)
        return found

    def set(self, item: Any, note: int) -> None:
        item.metadata[self] = note


class PyTorchBackend:
    """Answers the recorder's questions about PyTorch's tensors and nodes."""

    name = "pytorch"

    def content(self, tensor: Any) -> tuple[NDArray[Any], str] | None:
        """The numbers on the CPU, None where there are none; types that numpy lacks come as float32."""
        if not has_numbers(tensor):
            return None
        try:
            return self._numbers(tensor)
        except (RuntimeError, BufferError):  # a kind that cannot be read (nested, batched)
            return None

    def _numbers(self, tensor: Any) -> tuple[NDArray[Any], str]:
        dense = tensor.detach()
        if dense.layout is not torch.strided:
            dense = dense.to_dense()
        dtype = str(dense.dtype).removeprefix("torch.")
        if dtype == "bfloat16" or dtype not in DTYPES:
            dense, dtype = dense.float(), dtype if dtype in DTYPES else "float32"
        # Not `numpy()`, after which the program could resize its storage no more.
        return np.from_dlpack(dense.cpu().resolve_conj().resolve_neg()), dtype

    def form(self, tensor: Any) -> tuple[tuple[int, ...], str]:
        """Shape and dtype."""
        dtype = str(tensor.dtype).removeprefix("torch.")
        try:
            shape = _sizes(tensor.shape)
        except RuntimeError:  # nested tensors have none
            shape = None
        return shape or (), dtype if dtype in DTYPES else "float32"

    def memory(self, tensor: Any) -> int:
        """Where the numbers are: of a view, those of the tensor it looks at."""
        if not has_numbers(tensor):
            return id(tensor)
        whole = tensor._base if tensor._is_view() else tensor
        if whole.layout is not torch.strided or whole.numel() == 0:
            return id(tensor)
        try:
            return int(whole.data_ptr())
        except RuntimeError:  # a kind without memory of its own
            return id(tensor)

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def describe(self, node: Any) -> GraphNode:
        """Name, kind, sequence number, shape and dtype of a node; PyTorch has no formulas to tell."""
        first = next(iter(getattr(node, "_input_metadata", ())), None)
        dtype = None if first is None else str(first.dtype).removeprefix("torch.")
        return GraphNode(
            0,
            node.name().removeprefix("torch::autograd::"),
            NodeKind.CUSTOM if is_custom(node) else NodeKind.FUNCTION,
            None if node.name() == ACCUMULATE or node._sequence_nr() == LAST else node._sequence_nr(),
            shape=None if first is None else _sizes(first.shape),
            dtype=dtype if dtype in DTYPES else None,
        )

    def saved(self, node: Any) -> list[tuple[str, Any]]:
        """What the node saved; what cannot be read (any more) is left out, what hooks packed is only named."""
        raw = raw_saved(node)
        packed = {name for name, held in raw if is_packed(held)}
        found: list[tuple[str, Any]] = [(name, PACKED) for name, _ in raw if name in packed]
        unpacked = {name.partition("[")[0] for name in packed}
        if is_custom(node):
            saved = () if packed else _saved_by_user(node)
            return found + [(f"saved_tensors[{i}]", t) for i, t in enumerate(saved) if t is not None]
        for attribute in dir(node):
            name = attribute.removeprefix("_saved_")
            if not attribute.startswith("_saved_") or name in unpacked:
                continue
            try:
                value = getattr(node, attribute)
            except (AttributeError, RuntimeError):
                continue
            if isinstance(value, (list, tuple)) and any(isinstance(entry, torch.Tensor) for entry in value):
                found += [(f"{name}[{index}]", entry) for index, entry in enumerate(value)]
            else:
                found.append((name, value if isinstance(value, torch.Tensor) else plain(value)))
        return found

    def variable(self, node: Any) -> Any:
        """The leaf of an AccumulateGrad node."""
        return node.variable if node.name() == ACCUMULATE else None

    def weak(self, tensor: Any) -> Callable[[], Any]:
        """PyTorch's own kind: a tensor's Python object may be revived by the C++ side."""
        reference: Callable[[], Any] = TensorWeakRef(tensor)
        return reference

    def new_notes(self) -> Notes:
        return _NodeNotes()

    def gradient_edge(self, tensor: Any) -> tuple[Any, int] | None:
        """``grad_fn`` and ``output_nr`` of a result.

        Not ``get_gradient_edge``: for a leaf that makes a node and so takes a sequence number.
        """
        node = grad_fn_of(tensor)
        return None if node is None else (node, tensor.output_nr)


def _sizes(shape: Any) -> tuple[int, ...] | None:
    """None where they are symbols, as those of nested tensors are."""
    try:
        return tuple(int(size) for size in shape)
    except (RuntimeError, AttributeError):
        return None


def _saved_by_user(node: Any) -> tuple[Any, ...]:
    try:
        return tuple(node.saved_tensors)
    except RuntimeError:
        return ()


class _Recorder(Recorder):
    """Takes events from the engine's threads too while a backward call runs: each device has one of its own."""

    def _elsewhere(self) -> bool:
        if not super()._elsewhere():
            return False
        here = threading.get_ident()
        is_engines = self._calls and all(thread.ident != here for thread in threading.enumerate())
        return not (self.listening and is_engines)


@contextmanager
def recording(sink: TraceSink, places: Places, as_torch: bool) -> Iterator[Recorder]:
    """PyTorch reports to the recorder inside the block."""
    recorder = _Recorder(sink, PyTorchBackend(), places, Aside)
    watch = Watch(recorder)
    hooks = Hooks(recorder, watch)
    calls = BackwardWatch(recorder, torch.autograd.graph._engine_run_backward)
    with ExitStack() as stack:
        stack.enter_context(beside_the_compiler(recorder, (calls, hooks, watch)))
        yield recorder
