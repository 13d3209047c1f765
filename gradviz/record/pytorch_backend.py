"""Records PyTorch itself, from outside: hooks on nodes, modules and optimizers, and a function mode.

The one file that imports PyTorch. What is known about its behaviour, and why things are done the way they
are: nodes are hooked for one backward call and released after it; gradients are copied at once, never
detached and held (AccumulateGrad would take their memory over); ids of nodes are kept in ``node.metadata``,
since the Python object of a node may go and come back as another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode
from torch.utils.weak import TensorWeakRef

from gradviz.record import pytorch_words as words
from gradviz.record.nouns import Notes
from gradviz.record.places import Places
from gradviz.record.pytorch_pass import LeafHooks, NodeHooks, Pass
from gradviz.record.recorder import Recorder
from gradviz.record.values import plain
from gradviz.trace.model import GraphNode, NodeKind
from gradviz.trace.protocol import TraceSink
from gradviz.trace.tensors import DTYPES

ACCUMULATE = "torch::autograd::AccumulateGrad"
_LAST = 2**64 - 1


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

    def content(self, tensor: Any) -> tuple[NDArray[Any], str]:
        """The numbers on the CPU; types that numpy lacks come as float32."""
        dense = tensor.detach()
        if dense.layout is not torch.strided:
            dense = dense.to_dense()
        if dense.is_meta:
            return np.zeros(0, np.float32), "float32"
        dtype = str(dense.dtype).removeprefix("torch.")
        if dtype == "bfloat16" or dtype not in DTYPES:
            dense, dtype = dense.float(), dtype if dtype in DTYPES else "float32"
        return dense.cpu().resolve_conj().resolve_neg().numpy(), dtype

    def memory(self, tensor: Any) -> int:
        """Where the numbers are: of a view, those of the tensor it looks at."""
        whole = tensor._base if tensor._is_view() else tensor
        if whole.layout is not torch.strided or whole.numel() == 0:
            return id(tensor)
        return int(whole.data_ptr())

    def is_tensor(self, value: Any) -> bool:
        return isinstance(value, torch.Tensor)

    def describe(self, node: Any) -> GraphNode:
        """Name, kind, sequence number, shape and dtype of a node; PyTorch has no formulas to tell."""
        first = next(iter(getattr(node, "_input_metadata", ())), None)
        dtype = None if first is None else str(first.dtype).removeprefix("torch.")
        return GraphNode(
            0,
            node.name().removeprefix("torch::autograd::"),
            NodeKind.CUSTOM if _is_custom(node) else NodeKind.FUNCTION,
            None if node.name() == ACCUMULATE else node._sequence_nr(),
            shape=None if first is None else tuple(int(size) for size in first.shape),
            dtype=dtype if dtype in DTYPES else None,
        )

    def saved(self, node: Any) -> list[tuple[str, Any]]:
        """What the node saved; what cannot be read (any more) is left out."""
        if _is_custom(node):
            return [(f"saved_tensors[{i}]", t) for i, t in enumerate(_saved_by_user(node)) if t is not None]
        found: list[tuple[str, Any]] = []
        for attribute in dir(node):
            if not attribute.startswith("_saved_"):
                continue
            try:
                value = getattr(node, attribute)
            except (AttributeError, RuntimeError):
                continue
            name = attribute.removeprefix("_saved_")
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
        node = tensor.grad_fn
        return None if node is None else (node, tensor.output_nr)


def _is_custom(node: Any) -> bool:
    return isinstance(node, torch.autograd.function.BackwardCFunction)


def _saved_by_user(node: Any) -> tuple[Any, ...]:
    try:
        return tuple(node.saved_tensors)
    except RuntimeError:
        return ()


def _tensors(value: Any) -> list[Any]:
    """The tensors in arguments or results, those in lists and dicts included, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for entry in value for tensor in _tensors(entry)]
    if isinstance(value, dict):
        return [tensor for entry in value.values() for tensor in _tensors(entry)]
    return []


class _Recorder(Recorder):
    """Takes events from other threads too while a backward call runs: each device has one of its own."""

    def _elsewhere(self) -> bool:
        return not self.listening or (not self._calls and super()._elsewhere())


class _Watch(TorchFunctionMode):
    """Sees every call of a torch function that the program makes: operations, writes, ``.grad = ...``."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder
        self.stepping = 0
        """Above 0 inside ``optimizer.step``, which is told as a whole."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if not self._recorder.listening:
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        if name == "__set__":
            return self._set(func, args, kwargs)
        written = [] if self.stepping else _written(name, args, kwargs)
        cause = words.cause(words.of_write(name), self._recorder.places) if written else ""
        for tensor in written:
            self._recorder.before_write(tensor, cause)
        first = torch._C._autograd._get_sequence_nr()
        result = func(*args, **kwargs)
        for tensor in written:
            self._recorder.after_write(tensor, cause)
        self._report(func, name, first, (args, kwargs), result)
        return result

    def _set(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An attribute is assigned to: ``grad``, or ``data``."""
        attribute = getattr(getattr(func, "__self__", None), "__name__", "")
        if attribute != "grad" or len(args) != 2 or not args[0].is_leaf:
            return func(*args, **kwargs)
        variable, after = args
        before = variable.grad
        result = func(*args, **kwargs)
        if before is not after:
            default = "set_to_none" if after is None else "assign"
            self._recorder.grad_assigned(variable, before, after, words.cause(default, self._recorder.places))
        return result

    def _report(self, func: Any, name: str, first: int, given: Any, result: Any) -> None:
        made = _tensors(result)
        nodes = _new_nodes(made, first)
        if name in ("__get__", "__set__"):
            name = func.__self__.__name__ if nodes else name
        if name in words.NO_OPERATION or name.endswith("_like") or not made:
            return
        if self.stepping and not nodes:  # the optimizer's own arithmetic, not a closure's forward pass
            return
        inputs = _tensors(given)
        if nodes or any(tensor.requires_grad for tensor in inputs):
            self._recorder.op(words.of_operation(name), nodes, inputs, made)


def _written(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """The tensors a function writes in place, as far as its name tells."""
    out = _tensors(kwargs.get("out"))
    first = args[0] if args else kwargs.get("tensor")  # torch.nn.init hands its tensor on by name
    return _tensors(first) if not out and words.writes_first_argument(name) else out


def _new_nodes(results: Sequence[Any], first: int) -> list[Any]:
    """The nodes behind the results that were numbered from ``first`` on, in the order they were made."""
    found: dict[Any, None] = {}
    stack = [tensor.grad_fn for tensor in results]
    while stack:
        node = stack.pop()
        if node is None or node in found or node.name() == ACCUMULATE or node._sequence_nr() < first:
            continue
        found[node] = None
        stack.extend(target for target, _ in node.next_functions)
    return sorted(found, key=lambda node: int(node._sequence_nr()))


class _BackwardWatch:
    """Stands in for the call into PyTorch's engine and hooks every node that the call may run."""

    def __init__(self, recorder: Recorder, engine: Callable[..., Any]) -> None:
        self._recorder = recorder
        self._engine = engine

    def __call__(self, outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        if not self._recorder.listening:
            return self._engine(outputs, *args, **kwargs)
        gradients, retain_graph, create_graph, inputs = args[:4]
        with torch._C.DisableTorchFunction():
            roots = [_edge(output) for output in outputs]
            following = Pass(roots, _queue_number, _add, list(inputs) if inputs else None, _leads_to)
            tensors = [tensor for tensor in inputs or () if isinstance(tensor, torch.Tensor)]
            self._recorder.backward_begin(
                roots, outputs, gradients, retain_graph, create_graph, tensors if inputs else None,
                following.dependencies,
            )  # fmt: skip
            # An edge of autograd.grad is captured: its node does not run, hence has no events.
            handles = [handle for node in following.nodes for handle in self._hook(node, following, retain_graph)]
        try:
            result = self._engine(outputs, *args, **kwargs)
        except BaseException as error:
            self._recorder.backward_end(error)
            raise
        finally:
            for handle in handles:
                handle.remove()
        self._recorder.backward_end(None)
        return result

    def _hook(self, node: Any, following: Pass, retain_graph: bool) -> list[Any]:
        kind = LeafHooks if node.name() == ACCUMULATE else NodeHooks
        frees = not retain_graph and _saves_tensors(node)
        hooks = kind(self._recorder, node, following, frees, _unseen)
        return [node.register_prehook(hooks.before), node.register_hook(hooks.after)]


@contextmanager
def _unseen() -> Iterator[None]:
    """What the recorder computes inside is neither differentiated nor seen by itself."""
    with torch._C.DisableTorchFunction(), torch.no_grad():
        yield


def _edge(output: Any) -> tuple[Any, int]:
    """Node and slot of a tensor, or of the GradientEdge that may stand for it."""
    edge = torch.autograd.graph.get_gradient_edge(output) if isinstance(output, torch.Tensor) else output
    return edge.node, edge.output_nr


def _leads_to(node: Any, wanted: Any) -> bool:
    """Is ``wanted``, a tensor or a GradientEdge, what this node's gradient is for?"""
    if not isinstance(wanted, torch.Tensor):
        return wanted.node is node
    return node.variable is wanted if node.name() == ACCUMULATE else wanted.grad_fn is node


def _queue_number(node: Any) -> int:
    return _LAST if node.name() == ACCUMULATE else int(node._sequence_nr())


def _add(total: Any, gradient: Any) -> Any:
    return total + gradient


def _saves_tensors(node: Any) -> bool:
    """Does the node hold tensors that the engine lets go after it ran?"""
    if _is_custom(node):
        return bool(_saved_by_user(node))
    for attribute in dir(node):
        if attribute.startswith("_saved_"):
            try:
                if _tensors(getattr(node, attribute)):
                    return True
            except RuntimeError:  # freed already
                continue
    return False


@contextmanager
def recording(sink: TraceSink, places: Places, as_torch: bool) -> Iterator[Recorder]:
    """PyTorch reports to the recorder inside the block."""
    recorder = _Recorder(sink, PyTorchBackend(), places)
    watch = _Watch(recorder)
    with ExitStack() as stack:
        for install in (_engine_calls, _custom_functions, _modules, _optimizers):
            stack.enter_context(install(recorder, watch))
        stack.enter_context(watch)
        yield recorder


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """``owner.name`` is ``value`` inside the block."""
    original = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


@contextmanager
def _engine_calls(recorder: Recorder, watch: _Watch) -> Iterator[None]:
    """``torch.autograd`` calls its engine through a name in each of two modules."""
    name = "_engine_run_backward"
    replacement = _BackwardWatch(recorder, torch.autograd.graph._engine_run_backward)
    with _replaced(torch.autograd, name, replacement), _replaced(torch.autograd.graph, name, replacement):
        yield


@contextmanager
def _custom_functions(recorder: Recorder, watch: _Watch) -> Iterator[None]:
    """``Function.apply`` is one operation; what its ``forward`` does inside is nobody's business."""
    original = torch.autograd.Function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        with torch._C.DisableTorchFunction():
            first = torch._C._autograd._get_sequence_nr()
            result = original.__get__(None, cls)(*args, **kwargs)
            inputs, outputs = _tensors((args, kwargs)), _tensors(result)
            nodes = _new_nodes(outputs, first)
            if nodes or any(tensor.requires_grad for tensor in inputs):
                recorder.op(cls.__name__, nodes, inputs, outputs)
        return result

    with _replaced(torch.autograd.Function, "apply", classmethod(apply)):
        yield


@contextmanager
def _modules(recorder: Recorder, watch: _Watch) -> Iterator[None]:
    """Which module runs."""

    def enter(module: Any, inputs: Any) -> None:
        with torch._C.DisableTorchFunction():
            recorder.enter_module(module)

    def leave(module: Any, inputs: Any, output: Any) -> None:
        recorder.exit_module(module)

    register = torch.nn.modules.module
    handles = [
        register.register_module_forward_pre_hook(enter),
        register.register_module_forward_hook(leave, always_call=True),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _optimizers(recorder: Recorder, watch: _Watch) -> Iterator[None]:
    """An optimizer's step is told parameter by parameter, however it computes (one by one, all at once)."""
    from torch.optim import optimizer as optimizers

    versions: dict[int, int] = {}

    def parameters(optimizer: Any) -> list[Any]:
        return [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]

    def before(optimizer: Any, args: Any, kwargs: Any) -> None:
        watch.stepping += 1
        with torch._C.DisableTorchFunction():
            for parameter in parameters(optimizer):
                versions[id(parameter)] = parameter._version
                recorder.before_write(parameter, "")

    def after(optimizer: Any, args: Any, kwargs: Any) -> None:
        watch.stepping -= 1
        cause = f"{type(optimizer).__name__}.step"
        with torch._C.DisableTorchFunction():
            for parameter in parameters(optimizer):
                if versions.pop(id(parameter), parameter._version) != parameter._version:
                    recorder.after_write(parameter, cause)

    handles = [
        optimizers.register_optimizer_step_pre_hook(before),
        optimizers.register_optimizer_step_post_hook(after),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
