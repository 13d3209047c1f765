"""Custom differentiable functions: ``torch.autograd.Function``.

The user's ``ctx`` and the graph's node are two objects, so that nothing a user stores on ``ctx`` can collide
with the engine's own names; each shows the other's attributes, since in PyTorch they are one.
"""

from __future__ import annotations

import functools
import warnings
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz_engine.autograd import anomaly, observer
from gradviz_engine.autograd.grad_mode import mode, no_grad
from gradviz_engine.autograd.node import Node, edge_of, next_sequence
from gradviz_engine.autograd.saved import FREED_MESSAGE, SavedTensor, version_counter
from gradviz_engine.autograd.views import mark_views, rebase
from gradviz_engine.ops.reporting import report_op, tensors_in
from gradviz_engine.tensor import Tensor

ONCE = "trying to differentiate twice a function that was marked with @once_differentiable"


class FunctionCtx:
    """What ``forward`` leaves for ``backward``: saved tensors and any attributes."""

    __module__ = "torch.autograd.function"
    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._dirty: tuple[Tensor, ...] = ()
        self._non_differentiable: tuple[Tensor, ...] = ()
        self._materialize = True
        self._saved: list[SavedTensor | None] = []
        self._node: Callable[[], CustomNode | None] = lambda: None

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``ctx.saved_tensors``, with version checks, freed after the backward pass."""
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor) -> None:
        """Accepted for programs that also define ``jvp``; forward mode is not in the built-in engine."""

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs ``forward`` changed in place."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether ``backward`` gets zeros (True) or None for outputs nobody used."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Tensor | None, ...]:
        node = self._node()
        if node is not None and node.freed and any(self._saved):
            raise RuntimeError(FREED_MESSAGE)
        return tuple(None if s is None else s.unpack(node) for s in self._saved)

    saved_variables = saved_tensors

    def __getattr__(self, name: str) -> Any:
        node = None if name.startswith("__") else self.__dict__.get("_node", lambda: None)()
        if node is not None and hasattr(type(node), name):
            return getattr(node, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")


class CustomNode(Node):
    """The node of one call of a custom function; subclasses are named after it."""

    makes_fresh = False
    function: type[Function]
    ctx: FunctionCtx

    def __repr__(self) -> str:
        return f"<torch.autograd.function.{type(self).__name__} object at {hex(id(self))}>"

    def __getattr__(self, name: str) -> Any:
        ctx = self.__dict__.get("ctx")
        if ctx is None or name.startswith("__"):
            raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
        if name in ctx.__dict__ or hasattr(type(ctx), name):
            return getattr(ctx, name)
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        given: list[Tensor | None] = list(gradients)
        if self.ctx._materialize:
            given = [self._zeros(i) if g is None else g for i, g in enumerate(given)]
        result = self.function._user_backward()(self.ctx, *given)
        return self._checked(result if isinstance(result, tuple) else (result,))

    def _zeros(self, output: int) -> Tensor | None:
        meta = self.meta[output]
        if meta is None:
            return None
        zeros = Tensor.__new__(Tensor)
        zeros._data = np.zeros(*meta)
        return zeros

    def _checked(self, results: tuple[Any, ...]) -> list[Tensor | None]:
        """One result for each argument of ``apply``; only those of tensor arguments go on."""
        takes = self.is_tensor
        name = self.name()
        extra = results[len(takes) :]
        if len(results) < len(takes) or any(e is not None for e in extra):
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients (expected {len(takes)}, got {len(results)})"
            )
        chosen: list[Tensor | None] = []
        for position, (result, is_tensor) in enumerate(zip(results, takes, strict=False)):
            if not is_tensor:
                if result is not None:
                    raise RuntimeError(
                        f"function {name} returned a gradient different than None at position {position + 1}, but "
                        "the corresponding forward input was not a Variable"
                    )
            elif result is None or isinstance(result, Tensor):
                chosen.append(result)
            else:
                raise RuntimeError(f"expected Variable or None (got {type(result).__name__})")
        return chosen

    is_tensor: tuple[bool, ...] = ()

    def release(self) -> bool:
        had = False
        for saved in self.ctx._saved:
            if saved is not None:
                saved.free()
                had = True
        self.freed = had or self.freed
        return had


class Function:
    """Subclass with static ``forward`` and ``backward``; call ``apply``."""

    __module__ = "torch.autograd.function"
    _node_class: type[CustomNode]
    _ctx_class: type[FunctionCtx]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        name = cls.__name__ + "Backward"
        cls._node_class = type(name, (CustomNode,), {"function": cls, "__module__": "torch.autograd.function"})
        cls._ctx_class = type(name, (FunctionCtx,), {"__module__": "torch.autograd.function"})

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions are all static, so you "
            "should invoke them on the class itself. Instantiating an autograd function will raise an error in "
            "a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            "function with static forward method. (Example: "
            "https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it "
            "with backward mode AD."
        )

    vjp = backward

    @classmethod
    def _user_backward(cls) -> Callable[..., Any]:
        has_backward, has_vjp = cls.backward is not Function.backward, cls.vjp is not Function.vjp
        if has_backward and has_vjp:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                "implement one of them."
            )
        return cls.vjp if has_vjp else cls.backward

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Run ``forward`` outside the graph and record one node for it."""
        tensors = [a for a in args if isinstance(a, Tensor)]
        recorded = mode.enabled and any(t.requires_grad for t in tensors)
        ctx = cls._ctx_class()
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        node = cls._new_node(ctx, args, tensors) if recorded else None
        with no_grad(), observer.paused():
            result = cls._run_forward(ctx, args)
        single = not isinstance(result, tuple)
        outputs = (result,) if single else result
        if node is not None:
            outputs = tuple(_with_history(node, ctx, i, o, tensors) for i, o in enumerate(outputs))
            node.meta = tuple((o._data.shape, o._data.dtype) if isinstance(o, Tensor) else None for o in outputs)
            _save(node, ctx, outputs)
        report_op(cls.__name__, node, tensors, tensors_in(outputs))
        return outputs[0] if single else outputs

    @classmethod
    def _new_node(cls, ctx: FunctionCtx, args: tuple[Any, ...], tensors: list[Tensor]) -> CustomNode:
        node = cls._node_class()
        node.sequence = next_sequence()
        node.edges = tuple(edge_of(t) for t in tensors)
        node.is_tensor = tuple(isinstance(a, Tensor) for a in args)
        node.ctx = ctx
        ctx._node = weakref.ref(node)
        if anomaly.enabled:
            anomaly.remember_creation(node)
        return node

    @classmethod
    def _run_forward(cls, ctx: FunctionCtx, args: tuple[Any, ...]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args)
        result = cls.forward(*args)
        cls.setup_context(ctx, args, result)
        return result


def _with_history(node: CustomNode, ctx: FunctionCtx, number: int, output: Any, inputs: list[Tensor]) -> Any:
    """Hang one output on the node; inputs that come back are views of themselves, or dirty."""
    if not isinstance(output, Tensor):
        return output
    if any(output is d for d in ctx._dirty):
        return _dirtied(node, number, output)
    returned = any(output is t for t in inputs)
    if any(output is n for n in ctx._non_differentiable) or output._data.dtype.kind not in "fc":
        return output.detach() if returned else output
    if returned:
        alias = output._alias(version_counter(output))
        mark_views("view_as", output, (alias,))
        output = alias
    output._leaf_requires_grad = False
    output._edge = (node, number)
    return output


def _dirtied(node: CustomNode, number: int, output: Tensor) -> Tensor:
    if output._leaf_requires_grad and output._edge is None:
        raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
    if output._base is None:
        output._edge = (node, number)
    else:
        node.meta = ((output._data.shape, output._data.dtype),)
        rebase(output, node)
    return output


def _save(node: CustomNode, ctx: FunctionCtx, outputs: tuple[Any, ...]) -> None:
    for index, tensor in enumerate(ctx._to_save):
        if tensor is None:
            ctx._saved.append(None)
        elif isinstance(tensor, Tensor):
            number = next((i for i, o in enumerate(outputs) if o is tensor), -1)
            ctx._saved.append(SavedTensor(tensor, number))
        else:
            raise TypeError(
                f"save_for_backward can only save variables, but argument {index} is of type {type(tensor).__name__}"
            )
    ctx._to_save = ()


class DelayedError(Node):
    """Raises when somebody differentiates through it."""

    def __init__(self, message: str, count: int) -> None:
        self.message = message
        self.meta = (None,) * count
        self.sequence = next_sequence()

    def name(self) -> str:
        return "torch::autograd::Error"

    def apply(self, gradients: list[Tensor | None], needed: Sequence[bool] | None) -> Sequence[Tensor | None]:
        raise RuntimeError(self.message)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a ``backward`` that is not written in differentiable operations."""

    @functools.wraps(function)
    def wrapper(ctx: Any, *gradients: Any) -> Any:
        with no_grad():
            results = function(ctx, *gradients)
        if not mode.enabled or not any(isinstance(g, Tensor) and g.requires_grad for g in gradients):
            return results
        outputs = results if isinstance(results, tuple) else (results,)
        error = DelayedError(ONCE, len(outputs))
        hung = []
        for number, output in enumerate(outputs):
            if isinstance(output, Tensor):
                output = output._alias(None)
                output._edge = (error, number)
            hung.append(output)
        return tuple(hung) if isinstance(results, tuple) else hung[0]

    return wrapper
