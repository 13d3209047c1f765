"""Shape changes in place: t_, transpose_, squeeze_, unsqueeze_, and the same on fresh results.

The memory stays; the tensor gets another geometry, a new version and a node of its own kind (``TBackward1``).
PyTorch's own composites change fresh results this way, which is why a vector times a matrix ends in
SqueezeBackward4. Source: tools/autograd/derivatives.yaml of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.inplace import check_writable
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.shape import squeezed, t, transpose, unsqueeze_dims, unsqueeze_to
from gradviz_engine.ops.shapes import wrap_dim, wrap_dims
from gradviz_engine.tensor import Tensor

_t = operator(
    "t_(self)",
    node="TBackward1",
    forward=lambda x: x.T,
    gradients={"self": Rule(lambda grad, saved: t(grad), "gradᵀ")},
)
_transpose = operator(
    "transpose_(self, *, dim0, dim1)",
    node="TransposeBackward1",
    forward=lambda x, dim0, dim1: x.swapaxes(dim0, dim1) if x.ndim else x.view(),
    gradients={
        "self": Rule(lambda grad, saved: transpose(grad, saved.dim0, saved.dim1), "grad, the dimensions swapped back")
    },
)
_unsqueeze = operator(
    "unsqueeze_(self, *, dim)",
    node="UnsqueezeBackward1",
    forward=lambda x, dim: np.expand_dims(x, dim),
    gradients={"self": Rule(lambda grad, saved: grad.squeeze(saved.dim), "grad without the new dimension")},
)
_squeeze = operator(
    "squeeze_(self)",
    node="SqueezeBackward3",
    forward=lambda x: squeezed(x, None),
    gradients={"self": Rule(lambda grad, saved: unsqueeze_to(grad, saved.self_sym_sizes), "grad, unsqueezed")},
)
_squeeze_dim = operator(
    "squeeze_(self, *, dim)",
    node="SqueezeBackward4",
    forward=lambda x, dim: squeezed(x, (dim,)),
    gradients={
        "self": Rule(lambda grad, saved: unsqueeze_dims(grad, (saved.dim,), saved.self_sym_sizes), "grad, unsqueezed")
    },
)
_squeeze_dims = operator(
    "squeeze_(self, *, dim)",
    node="SqueezeBackward5",
    forward=squeezed,
    gradients={
        "self": Rule(lambda grad, saved: unsqueeze_dims(grad, saved.dim, saved.self_sym_sizes), "grad, unsqueezed")
    },
)

# On fresh results ---------------------------------------------------------------------------------------


def squeeze_fresh(tensor: Tensor, dim: int) -> Tensor:
    """A result of our own without one dimension."""
    return _squeeze_dim(tensor, wrap_dim(dim, tensor._data.ndim))


def unsqueeze_fresh(tensor: Tensor, dim: int) -> Tensor:
    """A result of our own with a dimension more."""
    return _unsqueeze(tensor, wrap_dim(dim, tensor._data.ndim + 1))


def transpose_fresh(tensor: Tensor, dim0: int, dim1: int) -> Tensor:
    """A result of our own with two dimensions swapped."""
    ndim = tensor._data.ndim
    return _transpose(tensor, wrap_dim(dim0, ndim), wrap_dim(dim1, ndim))


# Methods ------------------------------------------------------------------------------------------------


def _restrided(target: Tensor, op: Any, *attributes: Any) -> Tensor:
    """Give ``target`` the geometry and the history of ``op``'s result."""
    check_writable(target, mode.enabled)
    changed = op(target, *attributes)
    target._data = changed._data
    if changed._edge is not None:
        target._edge = changed._edge
    target._bump()
    if target._base is not None and target._version_counter is not None:
        target._view_version = target._version_counter.number
    return target


def t_(self: Tensor) -> Tensor:
    if self._data.ndim > 2:
        raise RuntimeError(f"t_() expects a tensor with <= 2 dimensions, but self is {self._data.ndim}D")
    return _restrided(self, _t)


def transpose_(self: Tensor, dim0: int, dim1: int) -> Tensor:
    ndim = self._data.ndim
    return _restrided(self, _transpose, wrap_dim(dim0, ndim), wrap_dim(dim1, ndim))


swapaxes_ = swapdims_ = transpose_


def unsqueeze_(self: Tensor, dim: int) -> Tensor:
    return _restrided(self, _unsqueeze, wrap_dim(dim, self._data.ndim + 1))


def squeeze_(self: Tensor, dim: Any = None) -> Tensor:
    if dim is None:
        return _restrided(self, _squeeze)
    if isinstance(dim, (tuple, list)):
        return _restrided(self, _squeeze_dims, wrap_dims(dim, self._data.ndim))
    return _restrided(self, _squeeze_dim, wrap_dim(dim, self._data.ndim))


__all__: list[str] = []
METHODS = ("squeeze_", "swapaxes_", "swapdims_", "t_", "transpose_", "unsqueeze_")
INPLACE = ()
