"""Random tensors: ``rand``, ``randn``, ``randint``, ``normal_`` and their kin.

The numbers are those PyTorch's CPU generator gives for the same seed. In-place sampling forgets what the tensor
held, so its derivative is 0; it is a node all the same, as in PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.device import check_device
from gradviz_engine.generator import Generator, default_generator
from gradviz_engine.ops import distributions
from gradviz_engine.ops.copying import zeros_like
from gradviz_engine.ops.registry import Operator, Rule, operator
from gradviz_engine.ops.shapes import sizes_of
from gradviz_engine.tensor import Tensor, wrap

Array = np.ndarray[Any, Any]


# Numbers in the memory order of their target ---------------------------------------------------------------


def _placed(values: Array, like: Array) -> Array:
    """Flat ``values`` in the shape of ``like``; PyTorch fills a tensor in the order of its memory."""
    if like.flags.c_contiguous:
        return values.reshape(like.shape)
    order = np.argsort([-abs(s) for s in like.strides], kind="stable")
    ordered = values.reshape([like.shape[i] for i in order])
    return ordered.transpose(np.argsort(order))


def _uniform_array(like: Array, low: float, high: float, generator: Generator | None) -> Array:
    kind = _floating_or_complain(like.dtype, "check_uniform_bounds")
    if low > high:
        raise RuntimeError(f"uniform_ expects to return a [from, to) range, but found from={low:g} > to={high:g}")
    if like.dtype.kind == "c":
        parts = distributions.uniform(generator or default_generator, 2 * like.size, kind, low, high)
        return _placed(parts.view(like.dtype), like)
    return _placed(distributions.uniform(generator or default_generator, like.size, kind, low, high), like)


def _normal_array(like: Array, mean: float, std: float, generator: Generator | None) -> Array:
    kind = _floating_or_complain(like.dtype, "normal_kernel_cpu")
    if std < 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std:g}")
    source = generator or default_generator
    dense = bool(like.flags.c_contiguous)
    if like.dtype.kind == "c":
        # The variance is shared out between the real and the imaginary part.
        parts = distributions.normal(source, 2 * like.size, kind, mean, std / math.sqrt(2), dense)
        return _placed(parts.view(like.dtype), like)
    return _placed(distributions.normal(source, like.size, kind, mean, std, dense), like)


def _floating_or_complain(stored: np.dtype[Any], kernel: str) -> np.dtype[Any]:
    if stored.kind == "c":
        return np.dtype(np.float32 if stored == np.complex64 else np.float64)
    if stored.kind != "f":
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{dtypes.of_numpy(stored)._legacy_name}'")
    return stored


def _integers_array(like: Array, low: int | None, high: int | None, generator: Generator | None) -> Array:
    source = generator or default_generator
    if low is None or high is None:
        return _placed(distributions.any_integers(source, like.size, like.dtype), like)
    if low >= high:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if like.dtype.kind in "iu":
        bounds = np.iinfo(like.dtype)
        for name, value in (("from", low), ("to - 1", high - 1)):
            if not bounds.min <= value <= bounds.max:
                raise RuntimeError(f"{name} is out of bounds for {_C_NAMES[like.dtype.name]}")
    return _placed(distributions.integers(source, like.size, low, high).astype(like.dtype), like)


_C_NAMES = {"uint8": "unsigned char", "int8": "signed char", "int16": "short", "int32": "int", "int64": "long"}


def _bernoulli_array(like: Array, p: Any, generator: Generator | None) -> Array:
    source = generator or default_generator
    if isinstance(p, Tensor):
        chances = np.broadcast_to(p._data, like.shape)
        if chances.dtype.kind != "f":
            raise NotImplementedError(f"\"bernoulli_tensor_cpu_p_\" not implemented for '{p.dtype._legacy_name}'")
        if not ((chances >= 0) & (chances <= 1)).all():
            raise RuntimeError(
                "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
                "improved?  If so, please report an enhancement request to PyTorch.)"
            )
        return distributions.bernoulli(source, like.size, chances.ravel()).reshape(like.shape).astype(like.dtype)
    if not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p:g}")
    return _placed(distributions.bernoulli(source, like.size, float(p)).astype(like.dtype), like)


def _exponential_array(like: Array, lambd: float, generator: Generator | None) -> Array:
    if like.dtype.kind != "f":
        raise RuntimeError(
            "Exponential distribution is a continuous probability distribution. dtype must be a floating point "
            f"but you specified {dtypes.of_numpy(like.dtype)._legacy_name}"
        )
    if lambd <= 0:
        raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd:g}")
    values = distributions.exponential(generator or default_generator, like.size, float(lambd))
    return _placed(values.astype(like.dtype), like)


def _geometric_array(like: Array, p: float, generator: Generator | None) -> Array:
    if not 0 < p < 1:
        raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p:g}")
    return _placed(distributions.geometric(generator or default_generator, like.size, p).astype(like.dtype), like)


def _cauchy_array(like: Array, median: float, sigma: float, generator: Generator | None) -> Array:
    if sigma <= 0:
        raise RuntimeError(f"cauchy_ expects sigma > 0.0, but found sigma={sigma:g}")
    values = distributions.cauchy(generator or default_generator, like.size, median, sigma)
    return _placed(values.astype(like.dtype), like)


def _log_normal_array(like: Array, mean: float, std: float, generator: Generator | None) -> Array:
    if std <= 0:
        raise RuntimeError(f"log_normal_ expects std > 0.0, but found std={std:g}")
    values = distributions.log_normal(generator or default_generator, like.size, mean, std)
    return _placed(values.astype(like.dtype), like)


# Operators: the derivative of a sample by what the tensor held, or by its parameters, is 0 --------------------


def _sampler(signature: str, node: str, forward: Callable[..., Array], *inputs: str) -> Operator:
    return operator(
        signature,
        node=node,
        forward=forward,
        gradients={name: Rule(lambda grad, saved: zeros_like(grad), "0") for name in inputs or ("self",)},
    )


_uniform = _sampler("uniform(self, *, low, high, generator)", "UniformBackward0", _uniform_array)
_normal = _sampler("normal(self, *, mean, std, generator)", "NormalBackward0", _normal_array)
_random = _sampler("random(self, *, low, high, generator)", "RandomBackward2", _integers_array)
_random_between = _sampler("random(self, *, low, high, generator)", "RandomBackward0", _integers_array)
_bernoulli_of = _sampler(
    "bernoulli(self, *, generator)", "BernoulliBackward0", lambda x, generator: _bernoulli_array(x, wrap(x), generator)
)
_bernoulli_by = _sampler(
    "bernoulli(self, p, *, generator)", "BernoulliBackward1",
    lambda x, p, generator: _bernoulli_array(x, wrap(p), generator), "self", "p",
)  # fmt: skip
_bernoulli = _sampler("bernoulli(self, *, p, generator)", "BernoulliBackward2", _bernoulli_array)
_exponential = _sampler("exponential(self, *, lambd, generator)", "ExponentialBackward0", _exponential_array)
_geometric = _sampler("geometric(self, *, p, generator)", "GeometricBackward0", _geometric_array)
_cauchy = _sampler("cauchy(self, *, median, sigma, generator)", "CauchyBackward0", _cauchy_array)
_log_normal = _sampler("log_normal(self, *, mean, std, generator)", "LogNormalBackward0", _log_normal_array)
_normal_around = _sampler(
    "normal(mean, *, std, generator)", "NormalBackward1",
    lambda mean, std, generator: _normal_array(mean, 0.0, std, generator) + mean, "mean",
)  # fmt: skip
_normal_scaled = _sampler(
    "normal(std, *, mean, generator)", "NormalBackward2",
    lambda std, mean, generator: _normal_array(std, 0.0, 1.0, generator) * _checked_std(std) + std.dtype.type(mean),
    "std",
)  # fmt: skip
_normal_both = _sampler(
    "normal(mean, std, *, generator)", "NormalBackward3",
    lambda mean, std, generator: _normal_array(np.empty(np.broadcast_shapes(mean.shape, std.shape), mean.dtype),
                                               0.0, 1.0, generator) * _checked_std(std) + mean,
    "mean", "std",
)  # fmt: skip


def _checked_std(std: Array) -> Array:
    if (std < 0).any():
        raise RuntimeError("normal expects all elements of std >= 0.0")
    return std


# New tensors --------------------------------------------------------------------------------------------------


def _new(
    size: Any, dtype: Any, device: Any, requires_grad: bool, fill: Callable[[Array], Array], out: Tensor | None = None
) -> Tensor:
    """A tensor of ``size`` with what ``fill`` makes of its empty array."""
    check_device(device)
    sizes = sizes_of(size)
    if any(s < 0 for s in sizes):
        worst = next(s for s in sizes if s < 0)
        raise RuntimeError(f"Trying to create tensor with negative dimension {worst}: {list(sizes)}")
    array = fill(np.empty(sizes, (dtype or dtypes.get_default_dtype()).numpy))
    if out is not None:
        out._data = array
        out._bump()
        return out
    tensor = wrap(array)
    if requires_grad:
        tensor.requires_grad_()
    return tensor


def _like(input: Tensor, dtype: Any, device: Any, requires_grad: bool, fill: Callable[[Array], Array]) -> Tensor:
    check_device(device)
    tensor = wrap(fill(np.empty_like(input._data, None if dtype is None else dtype.numpy)))
    if requires_grad:
        tensor.requires_grad_()
    return tensor


def rand(
    *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """Uniform numbers in [0, 1)."""
    size = _size_keyword(size, named, "rand")
    return _new(size, dtype, device, requires_grad, lambda a: _uniform_array(a, 0.0, 1.0, generator), out)


def randn(
    *size: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, **named: Any,
) -> Tensor:  # fmt: skip
    """Numbers of the standard normal distribution."""
    size = _size_keyword(size, named, "randn")
    return _new(size, dtype, device, requires_grad, lambda a: _normal_array(a, 0.0, 1.0, generator), out)


def _size_keyword(size: tuple[Any, ...], named: dict[str, Any], function: str) -> tuple[Any, ...]:
    if set(named) - {"size"}:
        raise TypeError(f"{function}() got an unexpected keyword argument '{next(iter(set(named) - {'size'}))}'")
    return (named["size"],) if named else size


def randint(
    *bounds: Any, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False, low: int = 0, high: int | None = None,
    size: Any = None,
) -> Tensor:  # fmt: skip
    """Whole numbers: ``randint(high, size)`` from 0, ``randint(low, high, size)``; high is left out."""
    given = list(bounds)
    if size is None and given and isinstance(given[-1], (tuple, list)):
        size = given.pop()
    if high is None and given:
        high = given.pop()
    if given:
        low = given.pop()
    if size is None or high is None:
        raise TypeError("randint(low=0, high, size): give the upper bound and the size")
    first, last = int(low), int(high)
    return _new(
        (size,), dtype or dtypes.int64, device, requires_grad,
        lambda a: _integers_array(a, first, last, generator), out,
    )  # fmt: skip


def randperm(
    n: int, *, generator: Generator | None = None, out: Tensor | None = None, dtype: Any = None, layout: Any = None,
    device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """The numbers below ``n`` in random order."""
    return _new(
        (n,), dtype or dtypes.int64, device, requires_grad,
        lambda a: distributions.permutation(generator or default_generator, a.size).astype(a.dtype), out,
    )  # fmt: skip


def rand_like(
    input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None, generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """``rand`` of the tensor's shape and dtype."""
    return _like(input, dtype, device, requires_grad, lambda a: _uniform_array(a, 0.0, 1.0, generator))


def randn_like(
    input: Tensor, *, dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False,
    memory_format: Any = None, generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """``randn`` of the tensor's shape and dtype."""
    return _like(input, dtype, device, requires_grad, lambda a: _normal_array(a, 0.0, 1.0, generator))


def randint_like(
    input: Tensor, low: int, high: int | None = None, *, dtype: Any = None, layout: Any = None, device: Any = None,
    requires_grad: bool = False, memory_format: Any = None, generator: Generator | None = None,
) -> Tensor:  # fmt: skip
    """``randint`` of the tensor's shape and dtype."""
    first, last = (0, low) if high is None else (low, high)
    return _like(input, dtype, device, requires_grad, lambda a: _integers_array(a, first, last, generator))


# Samples by given parameters ----------------------------------------------------------------------------------


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, out: Tensor | None = None,
    dtype: Any = None, layout: Any = None, device: Any = None, requires_grad: bool = False, pin_memory: bool = False,
) -> Tensor:  # fmt: skip
    """Normal numbers; mean and std are numbers (with a size) or tensors, one entry for each number."""
    result: Tensor
    if isinstance(mean, Tensor):
        both = isinstance(std, Tensor)
        result = _normal_both(mean, std, generator) if both else _normal_around(mean, float(std), generator)
    elif isinstance(std, Tensor):
        result = _normal_scaled(std, float(mean), generator)
    else:
        center, width = float(mean), float(std)
        return _new((size,), dtype, device, requires_grad, lambda a: _normal_array(a, center, width, generator), out)
    return result


def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability each element names (or with ``p``), else 0."""
    if p is None:
        return _bernoulli_of(input, generator)
    return wrap(_bernoulli_array(np.empty_like(input._data), p, generator))


def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn by weight from the last dimension: (n) to (k), or (rows, n) to (rows, k); int64."""
    weights = input._data
    if weights.ndim not in (1, 2):
        raise RuntimeError("prob_dist must be 1 or 2 dim")
    if weights.dtype.kind != "f":
        raise RuntimeError(
            f"multinomial only supports floating-point dtypes for input, got: {input.dtype._legacy_name}"
        )
    if num_samples <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    if not replacement and num_samples > weights.shape[-1]:
        raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise RuntimeError("probability tensor contains either `inf`, `nan` or element < 0")
    rows = np.atleast_2d(weights)
    if not (rows.sum(axis=1) > 0).all():
        raise RuntimeError("invalid multinomial distribution (sum of probabilities <= 0)")
    chosen = distributions.choices(generator or default_generator, rows, num_samples, replacement)
    return wrap(chosen.astype(np.int64).reshape(*weights.shape[:-1], num_samples))


# In place -------------------------------------------------------------------------------------------------------


def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Any = None, **bounds: Any) -> Tensor:
    """Fill with uniform numbers in [from, to)."""
    return _uniform.inplace(self, float(bounds.get("from", from_)), float(to), generator)


def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers."""
    return _normal.inplace(self, float(mean), float(std), generator)


def random_(self: Tensor, *bounds: int, generator: Any = None, to: int | None = None, **low: int) -> Tensor:
    """Fill with whole numbers: up to ``to``, between two bounds, or all that the dtype holds exactly."""
    given = [*low.values(), *bounds] + ([] if to is None else [to])
    if not given:
        return _random.inplace(self, None, None, generator)
    first, last = (0, given[0]) if len(given) == 1 else given
    return _random_between.inplace(self, int(first), int(last), generator)


def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with ones and zeros; ``p`` is a number or a tensor of probabilities."""
    if isinstance(p, Tensor):
        return _bernoulli_by.inplace(self, p, generator)
    return _bernoulli.inplace(self, p, generator)


def exponential_(self: Tensor, lambd: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentially distributed numbers of rate ``lambd``."""
    return _exponential.inplace(self, lambd, generator)


def geometric_(self: Tensor, p: float, *, generator: Any = None) -> Tensor:
    """Fill with numbers of trials until a first success of probability ``p``."""
    return _geometric.inplace(self, p, generator)


def cauchy_(self: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers of the Cauchy distribution."""
    return _cauchy.inplace(self, median, sigma, generator)


def log_normal_(self: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Tensor:
    """Fill with exponentials of normal numbers."""
    return _log_normal.inplace(self, mean, std, generator)


__all__ = [
    "bernoulli", "multinomial", "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like",
    "randperm",
]  # fmt: skip
METHODS = (
    "bernoulli", "bernoulli_", "cauchy_", "exponential_", "geometric_", "log_normal_", "multinomial", "normal_",
    "random_", "uniform_",
)  # fmt: skip
INPLACE = ()
