"""Cross entropies: of classes (negative log likelihood), of probabilities, of logits.

Sources: tools/autograd/derivatives.yaml, torch/csrc/autograd/FunctionsManual.cpp and
aten/src/ATen/native/LossNLL.cpp, LossNLL2d.cpp, Loss.cpp of PyTorch 2.13.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.loss import MEAN, NONE, SUM, reduced, reduced_tensor, reduction_number, spread
from gradviz_engine.ops.pointwise import add_scalar, div_scalar, mul_scalar
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.shapes import as_list, broadcast_shapes
from gradviz_engine.ops.smooth_activation import log_sigmoid_array, logsigmoid
from gradviz_engine.ops.softmax import log_softmax
from gradviz_engine.tensor import Tensor

# Classes --------------------------------------------------------------------------------------------------


def _class_axis(x: Array) -> int:
    return 0 if x.ndim == 1 else 1


def _weights(x: Array, target: Array, weight: Array | None, ignored: int) -> tuple[Array, Array]:
    """The targets with class 0 in place of ignored ones, and each target's weight (0 where ignored)."""
    kept = target != ignored
    if kept.all():
        safe = target
        weights = np.ones(target.shape, x.dtype) if weight is None else weight[target]
    else:
        safe = np.where(kept, target, 0)
        weights = kept.astype(x.dtype) if weight is None else weight[safe] * kept
    classes = x.shape[_class_axis(x)]
    wrong = (safe < 0) | (safe >= classes)
    if wrong.any():
        raise IndexError(f"Target {int(target[wrong].flat[0])} is out of bounds.")
    return safe, weights


def _nll_forward(x: Array, target: Array, weight: Array | None, reduction: int, ignored: int) -> tuple[Any, Any]:
    """x (N, C, ...) or (C), target (N, ...) or (): the loss and the sum of the weights."""
    target = target.astype(np.intp, copy=False)
    if weight is not None:
        _check_weight(x, target, weight, ignored)
    safe, weights = _weights(x, target, weight, ignored)
    axis = _class_axis(x)
    values = np.take_along_axis(x, np.expand_dims(safe, axis), axis).squeeze(axis)
    values = -(values * weights)
    total = weights.sum(dtype=x.dtype)
    if reduction == NONE:
        return values, total
    summed = values.sum(dtype=x.dtype)
    return (np.asarray(summed / total, x.dtype) if reduction == MEAN else summed), total


def _check_weight(x: Array, target: Array, weight: Array, ignored: int) -> None:
    classes = x.shape[_class_axis(x)]
    if weight.ndim != 1 or weight.size != classes:
        raise RuntimeError(
            f"weight tensor should be defined either for all {classes} classes or no classes but got weight tensor "
            f"of shape: {as_list(weight.shape)}"
        )


def _nll_slope(
    g: Array, x: Array, target: Array, weight: Array | None, total_weight: Array, reduction: int, ignored: int
) -> Array:
    """-weight · g at each target's class, 0 elsewhere; over the sum of weights for the mean."""
    safe, weights = _weights(x, target.astype(np.intp, copy=False), weight, ignored)
    values = -weights * (g / total_weight if reduction == MEAN else g)
    axis = _class_axis(x)
    result = np.zeros_like(x)
    np.put_along_axis(result, np.expand_dims(safe, axis), np.expand_dims(values, axis).astype(x.dtype), axis)
    return result


def _nll_loss_operator(name: str, node: str) -> Operator:
    """``nll_loss`` and ``nll_loss2d`` differ in name only."""
    kernel = operator(
        f"{name}_backward(grad_output, self, target, weight, total_weight, *, reduction, ignore_index)",
        node=node.replace("Backward0", "BackwardBackward0"),
        forward=_nll_slope,
        gradients={
            "grad_output": Rule(
                lambda grad, saved: forward(grad, saved.target, saved.weight, saved.reduction, saved.ignore_index)[0],
                "nll_loss(grad, target)",
                ("target", "weight", "reduction", "ignore_index"),
            ),
            "self": Rule(lambda grad, saved: None, "0"),
        },
    )
    forward = operator(
        f"{name}(self, target, weight, *, reduction, ignore_index) -> output; total_weight",
        node=node,
        forward=_nll_forward,
        gradients={
            "self": Rule(
                lambda grad, saved: kernel(
                    grad,
                    saved.self,
                    saved.target,
                    saved.weight,
                    saved.total_weight,
                    saved.reduction,
                    saved.ignore_index,
                ),
                "-weight · grad at each target's class, 0 elsewhere; divided by the sum of weights for the mean",
            )
        },
    )
    return forward


_nll_loss = _nll_loss_operator("nll_loss", "NllLossBackward0")
_nll_loss2d = _nll_loss_operator("nll_loss2d", "NllLoss2DBackward0")


def _check_targets(input: Tensor, target: Tensor) -> None:
    if input.ndim < 1:
        raise ValueError(f"Expected 1 or more dimensions (got {input.ndim})")
    if input.ndim != 1 and (target.ndim == 0 or input.shape[0] != target.shape[0]):
        size = target.shape[0] if target.ndim else 1
        raise ValueError(f"Expected input batch_size ({input.shape[0]}) to match target batch_size ({size}).")
    if target.dtype not in (dtypes.int64, dtypes.uint8):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype._legacy_name}")


def _nll_loss_nd(input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, ignored: int) -> Tensor:
    """The 1-D and 2-D loss, or the image loss, over which other ranks are folded."""
    _check_targets(input, target)
    if input.ndim <= 2:
        if target.ndim > 1:
            raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
        result: Tensor = _nll_loss(input, target, weight, reduction, ignored)[0]
        return result
    expected = (input.shape[0], *input.shape[2:])
    if tuple(target.shape) != expected:
        raise RuntimeError(f"Expected target size {as_list(expected)}, got {as_list(target.shape)}")
    if input.ndim == 4:
        image_loss: Tensor = _nll_loss2d(input, target, weight, reduction, ignored)[0]
        return image_loss
    n, c = input.shape[:2]
    flat_input = input.contiguous().view(n, c, 1, -1)
    flat_target = target.contiguous().view(n, 1, -1)
    folded: Tensor = _nll_loss2d(flat_input, flat_target, weight, reduction, ignored)[0]
    return folded if reduction != NONE else folded.view(expected)


@composite
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Minus the input at each target's class; ``input`` (N, C, ...) holds log probabilities."""
    number = reduction_number(reduction, size_average, reduce)
    return _nll_loss_nd(input, target, weight, number, ignore_index)


@composite
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """``nll_loss(log_softmax(input), target)``; targets of the input's shape are class probabilities."""
    number = reduction_number(reduction, size_average, reduce)
    if label_smoothing > 1.0:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing:g}")
    if input.shape == target.shape:
        if not target.is_floating_point():
            raise RuntimeError(
                f"Expected floating point type for target with class probabilities, got {target.dtype._legacy_name}"
            )
        if ignore_index >= 0:
            raise RuntimeError("ignore_index is not supported for floating point target")
        return _with_probabilities(input, target, weight, number, label_smoothing)
    logarithms = log_softmax(input, 0 if input.ndim == 1 else 1)
    loss = _nll_loss_nd(logarithms, target, weight, number, ignore_index)
    if label_smoothing > 0.0:
        return _smoothed(loss, logarithms, target, weight, number, ignore_index, label_smoothing)
    return loss


def _along_classes(weight: Tensor, rank: int) -> Tensor:
    """The weight shaped so that it broadcasts over (N, C, ...)."""
    shape = [1] * rank
    shape[0 if rank == 1 else 1] = weight.shape[0]
    return weight.view(shape)


def _with_probabilities(
    input: Tensor, target: Tensor, weight: Tensor | None, reduction: int, smoothing: float
) -> Tensor:
    """LossNLL.cpp, ``cross_entropy_loss_prob_target``."""
    axis = 0 if input.ndim == 1 else 1
    classes = input.shape[axis]
    if weight is not None and (weight.ndim != 1 or weight.numel() != classes):
        raise RuntimeError(
            f"cross_entropy: weight tensor should be defined either for all {classes} classes or no classes but got "
            f"weight tensor of shape: {as_list(weight.shape)}"
        )
    logarithms = log_softmax(input, axis)
    if smoothing > 0.0:
        target = add_scalar(mul_scalar(target, 1 - smoothing), smoothing / classes)
    product = logarithms * target
    if weight is not None:
        product = product * (_along_classes(weight, input.ndim) if input.ndim > 1 else weight)
    if reduction == NONE:
        return -product.sum(axis)
    total = -product.sum()
    return div_scalar(total, input.numel() // classes) if reduction == MEAN else total


def _smoothed(
    loss: Tensor,
    logarithms: Tensor,
    target: Tensor,
    weight: Tensor | None,
    reduction: int,
    ignored: int,
    smoothing: float,
) -> Tensor:
    """LossNLL.cpp, ``cross_entropy_loss_label_smoothing``."""
    axis = 0 if logarithms.ndim == 1 else 1
    weighted = logarithms if weight is None else logarithms * _along_classes(weight, logarithms.ndim)
    mask = target == ignored
    uniform = (-weighted.sum(axis)).masked_fill(mask, 0.0)
    if reduction == MEAN:
        kept = ~mask
        counted = kept.sum() if weight is None else weight.gather(0, target.masked_select(kept).flatten()).sum()
        uniform = uniform.sum() / counted
    elif reduction == SUM:
        uniform = uniform.sum()
    return mul_scalar(loss, 1 - smoothing) + mul_scalar(uniform, smoothing / logarithms.shape[axis])


# Probabilities --------------------------------------------------------------------------------------------


def _bce_forward(x: Array, target: Array, weight: Array | None, reduction: int) -> Any:
    if ((x < 0) | (x > 1)).any():
        raise RuntimeError("all elements of input should be between 0 and 1")
    floor = x.dtype.type(-100)
    values = (target - 1) * np.maximum(np.log1p(-x), floor) - target * np.maximum(np.log(x), floor)
    if weight is not None:
        values *= weight
    return reduced(values, reduction)


def _bce_slope(g: Array, x: Array, target: Array, weight: Array | None, reduction: int) -> Array:
    result: Array = g * (x - target) / np.maximum((1 - x) * x, x.dtype.type(1e-12))
    if weight is not None:
        result = result * weight
    return spread(result, x, reduction)


def _bce_target_gradient(grad: Tensor, saved: Any) -> Tensor:
    result = grad * ((1 - saved.self).log() - saved.self.log())
    if saved.weight is not None:
        result = result * saved.weight
    return result / result.numel() if saved.reduction == MEAN else result


def _bce_curvature(grad: Tensor, saved: Any) -> Tensor:
    """FunctionsManual.cpp, ``binary_cross_entropy_double_backward``."""
    x, target = saved.self, saved.target
    numerator = x * x - 2 * x * target + target
    result = grad * saved.grad_output * numerator / ((x + 1e-12) * (1 - x + 1e-12)) ** 2
    if saved.weight is not None:
        result = result * saved.weight
    return result / x.numel() if saved.reduction == MEAN else result


def _bce_grad_output_gradient(grad: Tensor, saved: Any) -> Tensor:
    values = _bce_backward(grad, saved.self, saved.target, saved.weight, NONE)
    return reduced_tensor(values, saved.reduction)


def _bce_curvature_by_target(grad: Tensor, saved: Any) -> Tensor:
    x = saved.self
    result = -grad * saved.grad_output / ((x + 1e-12) * (1 - x + 1e-12))
    if saved.weight is not None:
        result = result * saved.weight
    return result / x.numel() if saved.reduction == MEAN else result


_bce_backward = operator(
    "binary_cross_entropy_backward(grad_output, self, target, weight, *, reduction)",
    node="BinaryCrossEntropyBackwardBackward0",
    forward=_bce_slope,
    gradients={
        "grad_output": Rule(
            _bce_grad_output_gradient,
            "grad · weight · (self - target) / (self · (1 - self)), / n for the mean",
            ("self", "target", "weight", "reduction"),
        ),
        "self": Rule(
            _bce_curvature,
            "grad · grad_output · weight · (self² - 2 · self · target + target) / (self · (1 - self))²"
            ", / n for the mean",
        ),
        "target": Rule(
            _bce_curvature_by_target, "-grad · grad_output · weight / (self · (1 - self)), / n for the mean"
        ),
    },
)
_bce = operator(
    "binary_cross_entropy(self, target, weight, *, reduction)",
    node="BinaryCrossEntropyBackward0",
    forward=_bce_forward,
    gradients={
        "self": Rule(
            lambda grad, saved: _bce_backward(grad, saved.self, saved.target, saved.weight, saved.reduction),
            "grad · weight · (self - target) / (self · (1 - self)), / n for the mean",
        ),
        "target": Rule(_bce_target_gradient, "grad · weight · (log(1 - self) - log(self)), / n for the mean"),
    },
)


def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """``-(target · log(input) + (1 - target) · log(1 - input))``, logarithms cut off at -100."""
    number = reduction_number(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(
            f"Using a target size ({target.shape}) that is different to the input size ({input.shape}) is "
            "deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = weight.expand(broadcast_shapes(target.shape, weight.shape))
    result: Tensor = _bce(input, target, weight, number)
    return result


# Logits ---------------------------------------------------------------------------------------------------


def _bce_logits_forward(x: Array, target: Array, weight: Array | None, pos_weight: Array | None, reduction: int) -> Any:
    """(1 - target) · x - log_weight · log σ(x), log_weight = 1 + (pos_weight - 1) · target."""
    log_sigmoid = log_sigmoid_array(x)
    if pos_weight is not None:
        log_sigmoid = log_sigmoid * ((pos_weight - 1) * target + 1)
    values = (1 - target) * x - log_sigmoid
    if weight is not None:
        values = values * weight
    return reduced(values, reduction)


def _weighted_mean(gradient: Tensor, saved: Any, size: int) -> Tensor:
    """The gradient times the weight, over the number of elements for the mean."""
    if saved.weight is not None:
        gradient = gradient * saved.weight
    return gradient / size if saved.reduction == MEAN else gradient


def _bce_logits_gradient(grad: Tensor, saved: Any) -> Tensor:
    """FunctionsManual.cpp, ``binary_cross_entropy_with_logits_backward``."""
    x, target, pos_weight = saved.self, saved.target, saved.pos_weight
    if pos_weight is None:
        slope = x.sigmoid() - target
    else:
        scaled = pos_weight * target
        slope = (scaled + 1 - target) * x.sigmoid() - scaled
    return _weighted_mean(slope * grad, saved, x.numel())


def _bce_logits_target_gradient(grad: Tensor, saved: Any) -> Tensor:
    """FunctionsManual.cpp, ``binary_cross_entropy_with_logits_target_backward``."""
    x, pos_weight = saved.self, saved.pos_weight
    gradient = -x * grad if pos_weight is None else (logsigmoid(-x) - logsigmoid(x) * pos_weight) * grad
    return _weighted_mean(gradient, saved, x.numel())


_reads = ("self", "target", "weight", "pos_weight", "reduction")
_bce_logits = operator(
    "binary_cross_entropy_with_logits(self, target, weight, pos_weight, *, reduction)",
    node="BinaryCrossEntropyWithLogitsBackward0",
    forward=_bce_logits_forward,
    gradients={
        "self": Rule(_bce_logits_gradient, "grad · weight · (σ(self) - target), / n for the mean", _reads),
        "target": Rule(_bce_logits_target_gradient, "-grad · weight · self, / n for the mean", _reads),
    },
)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """``binary_cross_entropy(sigmoid(input), target)`` without overflow."""
    number = reduction_number(reduction, size_average, reduce)
    if target.shape != input.shape:
        raise ValueError(f"Target size ({target.shape}) must be the same as input size ({input.shape})")
    result: Tensor = _bce_logits(input, target, weight, pos_weight, number)
    return result


__all__: list[str] = []
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
