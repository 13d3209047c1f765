"""Backward calls: what stands in for the call into PyTorch's engine hooks every node that the call may run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import torch

from gradviz.recording.guard import entry
from gradviz.recording.pytorch_facts import ACCUMULATE, edge_of, grad_fn_of, has_numbers, saves_tensors, sequence_of
from gradviz.recording.pytorch_pass import LeafHooks, NodeHooks, Pass
from gradviz.recording.recorder import Recorder

_OWNERS = (torch.autograd, torch.autograd.graph)
"""``torch.autograd`` calls its engine through a name in each of two modules."""
_NAME = "_engine_run_backward"


class BackwardWatch:
    """Called in place of ``_engine_run_backward``."""

    def __init__(self, recorder: Recorder, engine: Callable[..., Any]) -> None:
        self.guard = recorder.guard
        self._recorder = recorder
        self._engine = engine

    def install(self) -> None:
        """Stand in for the engine."""
        for owner in _OWNERS:
            setattr(owner, _NAME, self)

    def remove(self) -> None:
        """Let the engine be called again."""
        for owner in _OWNERS:
            setattr(owner, _NAME, self._engine)

    def __call__(self, outputs: Sequence[Any], *args: Any, **kwargs: Any) -> Any:
        following = self.follow(outputs, *args[:4])
        if following is None:
            return self._engine(outputs, *args, **kwargs)
        gradients, retain_graph, create_graph, inputs = args[:4]
        handles: list[Any] = []
        self._recorder.backward_begin(
            following.roots, outputs, gradients, retain_graph, create_graph,
            [tensor for tensor in inputs if isinstance(tensor, torch.Tensor)] if inputs else None,
            following.dependencies,
        )  # fmt: skip
        self.hook(following, retain_graph, handles)
        try:
            result = self._engine(outputs, *args, **kwargs)
        except BaseException as error:
            self._end(handles, error)
            raise
        self._end(handles, None)
        return result

    def _end(self, handles: list[Any], error: BaseException | None) -> None:
        for handle in handles:
            handle.remove()
        self._recorder.backward_end(error)

    @entry("a backward call")
    def follow(
        self, outputs: Sequence[Any], gradients: Sequence[Any], retain_graph: Any, create_graph: Any, inputs: Any
    ) -> Pass | None:
        """The call's nodes; None where PyTorch refuses the call, or where it is not an ordinary one."""
        if torch._C._functorch.peek_interpreter_stack() is not None or _is_compiled():
            return None
        found = [edge_of(output) for output in outputs]
        roots = [edge for edge in found if edge is not None]
        if not roots or len(roots) != len(found):
            return None
        given = [tensor for tensor in (*outputs, *gradients) if isinstance(tensor, torch.Tensor)]
        if not all(has_numbers(tensor) and has_memory(tensor) for tensor in given):
            self.guard.warn_once(
                ("a backward call", "numbers"),
                "a backward call is not recorded, since its tensors have no numbers of their own: they are fake, or "
                "stand for several at once (is_grads_batched, vjp)",
            )
            return None
        return Pass(roots, gradients, sequence_of, list(inputs) if inputs else None, _leads_to, has_numbers)

    @entry("a backward call")
    def hook(self, following: Pass, retain_graph: bool, handles: list[Any]) -> None:
        """Hook each node. One that autograd.grad captures at does not run, hence has no events."""
        for node in following.nodes:
            kind = LeafHooks if node.name() == ACCUMULATE else NodeHooks
            hooks = kind(self._recorder, node, following, not retain_graph and saves_tensors(node))
            handles.append(node.register_prehook(hooks.before))
            handles.append(node.register_hook(hooks.after))


def has_memory(tensor: Any) -> bool:
    """False for what stands for several tensors at once."""
    if tensor.layout is not torch.strided:
        return True
    try:
        tensor.data_ptr()
    except RuntimeError:
        return False
    return True


def _is_compiled() -> bool:
    """Is the backward pass itself compiled? Its compiler would take the hooks for a part of it."""
    module = sys.modules.get("torch._dynamo.compiled_autograd")
    return bool(getattr(module, "compiled_autograd_enabled", False))


def _leads_to(node: Any, wanted: Any) -> bool:
    """Is ``wanted``, a tensor or a GradientEdge, what this node's gradient is for?"""
    if not isinstance(wanted, torch.Tensor):
        return bool(wanted.node is node)
    return node.variable is wanted if node.name() == ACCUMULATE else grad_fn_of(wanted) is node
