"""Nodes of the backward graph.

A node is one differentiable operation that ran. ``edges`` are its ``next_functions``: for each input of
the operation the node that made it, and which of that node's outputs it was. Nodes of declared operators
are subclasses made by ``ops.registry`` (one class an operator, so that ``type(node).__name__`` is
PyTorch's name); custom functions, AccumulateGrad, CopySlices and GraphRoot have classes of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from gradviz_engine.autograd.grad_mode import mode

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor

Edge = tuple["Node | None", int]
Meta = tuple[tuple[int, ...], Any]
NO_EDGE: Edge = (None, 0)


class InputMetadata:
    """What a node knows of one of its forward outputs: the gradient it receives must look like this."""

    __slots__ = ("dtype", "shape")

    def __init__(self, meta: Meta) -> None:
        from gradviz_engine import dtypes
        from gradviz_engine.tensor import Size

        self.shape = Size(meta[0])
        self.dtype = dtypes.of_numpy(meta[1])

    @property
    def device(self) -> Any:
        from gradviz_engine.device import CPU

        return CPU


class Node:
    """One recorded operation. Class attributes are the defaults of a node that nobody has touched.

    ``makes_fresh`` is False where the derivative is the user's: what it returns may be held elsewhere.
    ``watched`` is True once any hook or retained gradient hangs on the node.
    """

    edges: tuple[Edge, ...] = ()
    meta: tuple[Meta | None, ...] = ()
    sequence: int = 0
    freed: bool = False
    formula: tuple[str, ...] = ()
    saved_names: tuple[str, ...] = ()
    tensor_hooks: dict[int, list[dict[int, Callable[..., Any]]]] | None = None
    retained: dict[int, Any] | None = None
    prehooks: dict[int, Callable[..., Any]] | None = None
    posthooks: dict[int, Callable[..., Any]] | None = None
    makes_fresh: bool = True
    watched: bool = False
    _metadata: dict[Any, Any] | None = None

    def name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        return f"<{type(self).__name__} object at {hex(id(self))}>"

    @property
    def next_functions(self) -> tuple[Edge, ...]:
        return self.edges

    @property
    def metadata(self) -> dict[Any, Any]:
        if self._metadata is None:
            self._metadata = {}
        return self._metadata

    @property
    def requires_grad(self) -> bool:
        return True

    @property
    def _input_metadata(self) -> tuple[InputMetadata, ...]:
        return tuple(InputMetadata(m) for m in self.meta if m is not None)

    def _sequence_nr(self) -> int:
        return self.sequence

    def _set_sequence_nr(self, number: int) -> None:
        self.sequence = number

    def register_hook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook(grad_inputs, grad_outputs)`` after the node; what it returns replaces grad_inputs."""
        from gradviz_engine.autograd.hooks import RemovableHandle

        self.watched = True
        if self.posthooks is None:
            self.posthooks = {}
        return RemovableHandle.add(self.posthooks, hook)

    def register_prehook(self, hook: Callable[..., Any]) -> Any:
        """Call ``hook(grad_outputs)`` before the node; what it returns replaces grad_outputs."""
        from gradviz_engine.autograd.hooks import RemovableHandle

        self.watched = True
        if self.prehooks is None:
            self.prehooks = {}
        return RemovableHandle.add(self.prehooks, hook)

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        """The gradients for ``edges``, given one for each forward output (None: undefined).

        ``needed`` is None when all edges count; an entry that is False need not be computed.
        """
        raise NotImplementedError

    def __call__(self, *gradients: Tensor | None) -> Any:
        """Run the node by hand, as PyTorch allows."""
        results = tuple(self.apply(list(gradients), None))
        return results[0] if len(results) == 1 else results

    def release(self) -> bool:
        """Let saved tensors go; True if there were any."""
        return False


def next_sequence() -> int:
    """The number of a new node, counted per thread."""
    number = mode.sequence
    mode.sequence = number + 1
    return number


def edge_of(tensor: Tensor) -> Edge:
    """Where this tensor's gradient goes: its ``grad_fn``, a leaf's AccumulateGrad, or nowhere."""
    if tensor._base is not None:
        from gradviz_engine.autograd.views import refresh

        refresh(tensor)
    if tensor._edge is not None:
        return tensor._edge
    if tensor._leaf_requires_grad:
        return accumulator_of(tensor), 0
    return NO_EDGE


def accumulator_of(leaf: Tensor) -> Node:
    """The leaf's AccumulateGrad: the living one, or a new one (graphs own it, the leaf only remembers it)."""
    remembered = leaf._accumulator
    node: Node | None = remembered() if remembered is not None else None
    if node is None:
        from gradviz_engine.autograd.accumulate import AccumulateGrad

        node = AccumulateGrad(leaf)
    return node


class GraphRoot(Node):
    """Starts a backward call that has several roots; takes a sequence number like any node."""

    def __init__(self, edges: tuple[Edge, ...], gradients: list[Tensor | None]) -> None:
        self.edges = edges
        self.gradients = gradients
        self.sequence = next_sequence()

    @classmethod
    def unnumbered(cls, edges: tuple[Edge, ...]) -> GraphRoot:
        """A root that only serves to walk the graph."""
        root = cls.__new__(cls)
        root.edges = edges
        return root

    def name(self) -> str:
        return "torch::autograd::GraphRoot"

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        return self.gradients
