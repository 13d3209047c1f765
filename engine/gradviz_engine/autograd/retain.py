"""``retain_grad``: the node of a non-leaf fills the tensor's ``.grad``."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from gradviz_engine.autograd.node import edge_of

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor


def retain(tensor: Tensor) -> None:
    """Let the tensor's node remember it, weakly; the tensor must have a ``grad_fn``."""
    node, slot = edge_of(tensor)
    assert node is not None
    if node.retained is None:
        node.retained = {}
    node.retained[slot] = weakref.ref(tensor)
    node.watched = tensor._retains = True
