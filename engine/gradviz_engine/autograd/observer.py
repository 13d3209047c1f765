"""The one place where recorders hang on the engine.

The engine calls the installed observer at each moment worth knowing; with none installed it pays one
global read. Tensors are handed over live: an observer that wants to keep numbers copies them at once.
Only one observer is active at a time, in the thread that installed it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradviz_engine.autograd.node import Node
    from gradviz_engine.tensor import Tensor


class Observer:
    """Override what you need; every method does nothing here."""

    def op(self, name: str, nodes: Sequence[Node], inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """An outermost operation ran on at least one tensor that requires grad.

        ``nodes`` are those it created, in order (several for a composite such as ``matmul``; none where
        grad mode is off, and for ``detach``).
        """

    def backward_begin(
        self,
        roots: Sequence[tuple[Node, int]],
        tensors: Sequence[Tensor],
        gradients: Sequence[Tensor | None],
        retain_graph: bool,
        create_graph: bool,
        inputs: Sequence[Tensor] | None,
        dependencies: dict[Node, int],
    ) -> None:
        """``backward`` or ``autograd.grad`` starts; ``tensors`` are the roots as the caller gave them."""

    def node_begin(
        self, node: Node, gradients: Sequence[Tensor | None], ready: Sequence[Node], waiting: dict[Node, int]
    ) -> None:
        """``node`` left the queue; ``ready`` is the rest of the queue in the order it would run, ``waiting``
        the open dependency counts of nodes that have received something."""

    def flow(
        self,
        source: Node,
        slot: int,
        target: Node,
        target_slot: int,
        gradient: Tensor | None,
        total: Tensor | None,
    ) -> None:
        """``gradient`` went along ``source.next_functions[slot]``; the target's buffer now holds ``total``."""

    def node_end(self, node: Node, freed: bool) -> None:
        """``node`` ran and its edges are handled; ``freed``: its saved tensors were released."""

    def before_accumulate(self, node: Node, variable: Tensor, incoming: Tensor) -> None:
        """``variable.grad`` (still the old one, or None) is about to be set or added to."""

    def after_accumulate(self, node: Node, variable: Tensor, incoming: Tensor) -> None:
        """``variable.grad`` holds the result."""

    def backward_end(self, error: BaseException | None) -> None:
        """The call that began last returns, or raises ``error``."""

    def before_write(self, tensor: Tensor, cause: str) -> None:
        """``tensor`` (a parameter, a ``.grad``, anything) is about to be changed in place by ``cause``."""

    def after_write(self, tensor: Tensor, cause: str) -> None:
        """``tensor`` was changed in place."""

    def grad_assigned(self, variable: Tensor, before: Tensor | None, after: Tensor | None, cause: str) -> None:
        """``variable.grad`` was bound to another object: cause ``set_to_none`` or ``assign``."""

    def enter_module(self, module: Any) -> None:
        """``module.__call__`` begins."""

    def exit_module(self, module: Any) -> None:
        """``module.__call__`` ends, by return or by exception."""


current: Observer | None = None
"""The active observer. Read it as ``observer.current``: a name imported from here would go stale."""

_causes: list[str] = []


@contextmanager
def observing(new: Observer) -> Iterator[Observer]:
    """Install ``new`` for the block, then put back what was there before."""
    global current
    previous, current = current, new
    try:
        yield new
    finally:
        current = previous


@contextmanager
def cause(name: str) -> Iterator[None]:
    """Writes inside the block are reported as done by ``name`` (``SGD.step``, ``clip_grad_norm_``)."""
    _causes.append(name)
    try:
        yield
    finally:
        _causes.pop()


def current_cause(default: str) -> str:
    """The outermost named cause, else ``default``, the operation's own name."""
    return _causes[0] if _causes else default


@contextmanager
def paused() -> Iterator[None]:
    """Operations inside are details nobody should hear of (a custom function's forward)."""
    global current
    previous, current = current, None
    try:
        yield
    finally:
        current = previous
