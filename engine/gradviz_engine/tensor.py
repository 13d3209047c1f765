"""The tensor: a numpy array with a place in the backward graph.

Most tensors are short-lived results, so an instance carries only what differs from the class attributes
below. Operators live in ``ops``; ``ops.methods`` hangs them on this class under PyTorch's names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.autograd import observer
from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.autograd.hooks import RemovableHandle, new_hooks
from gradviz_engine.autograd.node import Edge, Node, edge_of
from gradviz_engine.autograd.saved import Version, version_counter
from gradviz_engine.device import CPU, device
from gradviz_engine.missing import missing_name

NON_LEAF_GRAD = (
    "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. Its .grad attribute won't be "
    "populated during autograd.backward(). If you indeed want the .grad field to be populated for a non-leaf "
    "Tensor, use .retain_grad() on the non-leaf Tensor. If you access the non-leaf Tensor by mistake, make sure "
    "you access the leaf Tensor instead. See github.com/pytorch/pytorch/pull/30531 for more information."
)


class Size(tuple[int, ...]):
    """A shape; prints as ``torch.Size([2, 3])``."""

    __module__ = "torch"

    def numel(self) -> int:
        product = 1
        for n in self:
            product *= n
        return product

    def __repr__(self) -> str:
        return f"torch.Size([{', '.join(map(str, self))}])"

    def __add__(self, other: Any) -> Any:
        return Size(tuple.__add__(self, tuple(other)))

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return Size(found) if isinstance(index, slice) else found


class Tensor:
    """A multi-dimensional array that remembers how it was computed."""

    __module__ = "torch"

    _data: np.ndarray[Any, Any]
    _edge: Edge | None = None
    _leaf_requires_grad: bool = False
    _grad: Tensor | None = None
    _version_counter: Version | None = None
    _base: Tensor | None = None
    _view_version: int = 0
    _view_origin: str | None = None
    _hooks: dict[int, Callable[..., Any]] | None = None
    _post_accumulate_hooks: dict[int, Callable[..., Any]] | None = None
    _accumulator: Any = None
    _inference: bool = False
    _retains: bool = False
    __array_priority__ = 1000

    if TYPE_CHECKING:  # operators are attached by ops.methods

        def __getattr__(self, name: str) -> Any: ...
        def __add__(self, other: Any) -> Tensor: ...
        def __radd__(self, other: Any) -> Tensor: ...
        def __sub__(self, other: Any) -> Tensor: ...
        def __rsub__(self, other: Any) -> Tensor: ...
        def __mul__(self, other: Any) -> Tensor: ...
        def __rmul__(self, other: Any) -> Tensor: ...
        def __truediv__(self, other: Any) -> Tensor: ...
        def __rtruediv__(self, other: Any) -> Tensor: ...
        def __pow__(self, other: Any) -> Tensor: ...
        def __rpow__(self, other: Any) -> Tensor: ...
        def __matmul__(self, other: Any) -> Tensor: ...
        def __neg__(self) -> Tensor: ...
        def __getitem__(self, index: Any) -> Tensor: ...
        def __setitem__(self, index: Any, value: Any) -> None: ...
        def __eq__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __ne__(self, other: Any) -> Tensor: ...  # type: ignore[override]
        def __lt__(self, other: Any) -> Tensor: ...
        def __le__(self, other: Any) -> Tensor: ...
        def __gt__(self, other: Any) -> Tensor: ...
        def __ge__(self, other: Any) -> Tensor: ...
        def __and__(self, other: Any) -> Tensor: ...
        def __or__(self, other: Any) -> Tensor: ...
        def __xor__(self, other: Any) -> Tensor: ...
        def __invert__(self) -> Tensor: ...
        def __mod__(self, other: Any) -> Tensor: ...
        def __floordiv__(self, other: Any) -> Tensor: ...
        def __abs__(self) -> Tensor: ...

    def __init__(self, data: Any = ()) -> None:
        """The legacy constructor: ``torch.Tensor([1, 2])`` is float32."""
        array = data._data if isinstance(data, Tensor) else np.asarray(data)
        self._data = array.astype(dtypes.get_default_dtype().numpy)

    # What it is

    @property
    def shape(self) -> Size:
        return Size(self._data.shape)

    def size(self, dim: int | None = None) -> Any:
        return Size(self._data.shape) if dim is None else self.shape[_checked_dim(dim, self._data.ndim)]

    @property
    def ndim(self) -> int:
        return self._data.ndim

    def dim(self) -> int:
        return self._data.ndim

    def numel(self) -> int:
        return self._data.size

    nelement = numel
    ndimension = dim

    @property
    def dtype(self) -> dtypes.dtype:
        return dtypes.of_numpy(self._data.dtype)

    @property
    def device(self) -> device:
        return CPU

    @property
    def layout(self) -> Any:
        from gradviz_engine.layouts import strided

        return strided

    @property
    def itemsize(self) -> int:
        return self._data.itemsize

    element_size = lambda self: self._data.itemsize  # noqa: E731

    def stride(self, dim: int | None = None) -> Any:
        strides = tuple(s // self._data.itemsize for s in self._data.strides)
        return strides if dim is None else strides[dim]

    def storage_offset(self) -> int:
        start = storage_of(self._data).__array_interface__["data"][0]
        return int(self._data.__array_interface__["data"][0] - start) // self._data.itemsize

    def data_ptr(self) -> int:
        return int(self._data.__array_interface__["data"][0])

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return bool(self._data.flags.c_contiguous)

    def is_floating_point(self) -> bool:
        return self._data.dtype.kind == "f"

    def is_complex(self) -> bool:
        return self._data.dtype.kind == "c"

    def type(self, dtype: Any = None) -> Any:
        """``torch.FloatTensor`` and the like; with a dtype, the converted tensor."""
        if dtype is None:
            return f"torch.{self.dtype._legacy_name}Tensor"
        from gradviz_engine.ops.conversion import to_type

        return to_type(self, dtype)

    # Its place in the graph

    @property
    def requires_grad(self) -> bool:
        if self._edge is not None or self._leaf_requires_grad:
            return True
        return self._base is not None and self._base.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self._set_requires_grad(value, "only Tensors of floating point and complex dtype can require gradients")

    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        self._set_requires_grad(requires_grad, "only Tensors of floating point dtype can require gradients")
        return self

    def _set_requires_grad(self, value: bool, wrong_dtype: str) -> None:
        if self.grad_fn is not None:
            if not value:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables. If you want to use a computed "
                    "variable in a subgraph that doesn't require differentiation use var_no_grad = var.detach()."
                )
            return
        if value and self._data.dtype.kind not in "fc":
            raise RuntimeError(wrong_dtype)
        if value and self._inference and not mode.inference:
            raise RuntimeError("Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.")
        self._leaf_requires_grad = bool(value)

    @property
    def grad_fn(self) -> Node | None:
        if self._edge is None and self._base is None:
            return None
        node, _ = edge_of(self)
        return None if self._leaf_requires_grad and self._edge is None else node

    @grad_fn.setter
    def grad_fn(self, value: Any) -> None:
        raise AttributeError("attribute 'grad_fn' of 'torch._C.TensorBase' objects is not writable")

    @property
    def output_nr(self) -> int:
        return 0 if self._edge is None else self._edge[1]

    @property
    def is_leaf(self) -> bool:
        return self.grad_fn is None

    @is_leaf.setter
    def is_leaf(self, value: Any) -> None:
        raise AttributeError("attribute 'is_leaf' of 'torch._C.TensorBase' objects is not writable")

    @property
    def grad(self) -> Tensor | None:
        if self._grad is None and self._edge is not None and not self._retains:
            warnings.warn(NON_LEAF_GRAD, stacklevel=2)
        return self._grad

    @grad.setter
    def grad(self, value: Any) -> None:
        self._assign_grad(value, "set_to_none" if value is None else "assign")

    @grad.deleter
    def grad(self) -> None:
        self._assign_grad(None, "set_to_none")

    def _assign_grad(self, value: Any, cause: str) -> None:
        if value is not None:
            _check_grad(self, value)
        before, self._grad = self._grad, value
        if observer.current is not None and before is not value:
            observer.current.grad_assigned(self, before, value, observer.current_cause(cause))

    @property
    def retains_grad(self) -> bool:
        return self._retains

    @property
    def _version(self) -> int:
        if self._inference:
            raise RuntimeError("Inference tensors do not track version counter.")
        return 0 if self._version_counter is None else self._version_counter.number

    def _bump(self) -> None:
        version_counter(self).number += 1

    def _is_view(self) -> bool:
        return self._base is not None

    def is_inference(self) -> bool:
        return self._inference

    def backward(
        self,
        gradient: Any = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Compute the gradients of the graph's leaves with respect to this tensor and add them to ``.grad``."""
        from gradviz_engine.autograd.calls import backward

        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    def retain_grad(self) -> None:
        """Fill ``.grad`` of this non-leaf in backward calls too."""
        if not self.requires_grad:
            raise RuntimeError("can't retain_grad on Tensor that has requires_grad=False")
        if self.grad_fn is None or self._retains:
            return
        from gradviz_engine.autograd.retain import retain

        retain(self)

    def register_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(grad)`` whenever this tensor's gradient is computed; its result replaces it."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self._hooks is None:
            self._hooks = new_hooks()
            if self.grad_fn is not None:
                node, slot = edge_of(self)
                assert node is not None
                node.watched = True
                if node.tensor_hooks is None:
                    node.tensor_hooks = {}
                node.tensor_hooks.setdefault(slot, []).append(self._hooks)
        return RemovableHandle.add(self._hooks, hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(tensor)`` after ``.grad`` of this leaf was set or added to."""
        if not self.requires_grad:
            raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
        if self.grad_fn is not None:
            raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
        if self._post_accumulate_hooks is None:
            self._post_accumulate_hooks = new_hooks()
        return RemovableHandle.add(self._post_accumulate_hooks, hook)

    # Its numbers

    @property
    def data(self) -> Tensor:
        """The same memory, no history, a version counter of its own."""
        return self._with_data(self._data, None)

    @data.setter
    def data(self, value: Tensor) -> None:
        if self.requires_grad and value._data.dtype.kind not in "fc":
            raise RuntimeError("data set to a tensor that requires gradients must be floating point or complex dtype")
        watcher = observer.current
        if watcher is not None:
            watcher.before_write(self, "assign")
        self._data = value._data
        if watcher is not None:
            watcher.after_write(self, "assign")

    def numpy(self, *, force: bool = False) -> np.ndarray[Any, Any]:
        """The array itself (shared memory); RuntimeError where that would lose the gradient."""
        if self.requires_grad and not force:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
        return self._data

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        array = self.numpy()
        return array if dtype is None else array.astype(dtype, copy=False)

    def tolist(self) -> Any:
        return self._data.tolist()

    def item(self) -> Any:
        """The only number as a Python scalar; RuntimeError for several."""
        if self._data.size != 1:
            raise RuntimeError(f"a Tensor with {self._data.size} elements cannot be converted to Scalar")
        return self._data.item()

    def _scalar(self) -> Any:
        if self.requires_grad:
            warnings.warn(
                "Converting a tensor with requires_grad=True to a scalar may lead to unexpected behavior.\n"
                "Consider using tensor.detach() first.",
                stacklevel=3,
            )
        if self._data.size != 1:
            raise ValueError("only one element tensors can be converted to Python scalars")
        return self._data.item()

    def __float__(self) -> float:
        return float(self._scalar())

    def __int__(self) -> int:
        return int(self._scalar())

    def __complex__(self) -> complex:
        return complex(self._scalar())

    def __index__(self) -> int:
        if self._data.size != 1 or self._data.dtype.kind not in "iub":
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __bool__(self) -> bool:
        if self._data.size != 1:
            many = "more than one value" if self._data.size else "no values"
            raise RuntimeError(f"Boolean value of Tensor with {many} is ambiguous")
        return bool(self._data.item())

    def __len__(self) -> int:
        if self._data.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return self._data.shape[0]

    def __iter__(self) -> Iterator[Tensor]:
        if self._data.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return iter(self.unbind(0))

    def __contains__(self, element: Any) -> bool:
        value = element._data if isinstance(element, Tensor) else element
        return bool((self._data == value).any())

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        if self.grad_fn is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the "
                "moment.  If you were attempting to deepcopy a module, this may be because of a "
                "torch.nn.utils.weight_norm usage, see https://github.com/pytorch/pytorch/pull/103001"
            )
        if id(self) in memo:
            known: Tensor = memo[id(self)]
            return known
        copy = type(self).__new__(type(self))
        memo[id(self)] = copy
        copy._data = self._data.copy(order="K")
        copy._leaf_requires_grad = self._leaf_requires_grad
        if self._grad is not None:
            copy._grad = self._grad.__deepcopy__(memo)
        own = {name: value for name, value in self.__dict__.items() if not name.startswith("_")}
        copy.__dict__.update(deepcopy(own, memo))
        return copy

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """What PyTorch's tensors have and these have not says so at its name."""
            if name.startswith("_"):
                raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")
            raise missing_name("torch.Tensor", name)

    def __hash__(self) -> int:
        return id(self)

    def __repr__(self) -> str:
        from gradviz_engine.printing import tensor_repr

        return tensor_repr(self)

    def __format__(self, spec: str) -> str:
        if self._data.ndim == 0:
            return format(self.item(), spec)
        return object.__format__(self, spec)

    # Aliases for the engine's own use

    def _with_data(self, data: np.ndarray[Any, Any], counter: Version | None) -> Tensor:
        """A plain tensor over ``data``, without history."""
        tensor = Tensor.__new__(Tensor)
        tensor._data = data
        if counter is not None:
            tensor._version_counter = counter
        return tensor

    def _alias(self, counter: Version | None) -> Tensor:
        """This tensor's memory without its history, sharing ``counter``."""
        alias = self._with_data(self._data, counter)
        if self._inference:
            alias._inference = True
        return alias


def wrap(array: Any) -> Tensor:
    """A result as a tensor; numpy's scalars become 0-d arrays."""
    tensor = Tensor.__new__(Tensor)
    tensor._data = array if array.__class__ is np.ndarray else np.asarray(array)
    return tensor


def storage_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array that owns the memory; numpy's strided views hold it through a helper object."""
    while (base := getattr(array, "base", None)) is not None and hasattr(base, "__array_interface__"):
        array = base
    return array


def _checked_dim(dim: int, ndim: int) -> int:
    size = max(ndim, 1)
    if not -size <= dim < size:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-size}, {size - 1}], but got {dim})")
    return dim


def _check_grad(tensor: Tensor, value: Any) -> None:
    """What may be assigned to ``.grad``: PyTorch's checks and texts."""
    if not isinstance(value, Tensor):
        raise TypeError(f"assigned grad expected to be a Tensor or None but got grad of type {type(value).__name__}")
    if value is tensor:
        raise RuntimeError("can't assign Variable as its own grad")
    if value._data.dtype != tensor._data.dtype:
        raise RuntimeError(
            f"attempting to assign a gradient with dtype '{_c_name(value)}' to a tensor with grad_dtype "
            f"'{tensor.dtype._legacy_name}'. The gradient must match the tensor's grad_dtype (defaults to the "
            "tensor's dtype). You can set the tensor's grad_dtype attribute with a specific dtype, or None to "
            "allow any dtype. Set grad_dtype with caution. Diverging the dtypes of a tensor and its gradient "
            "may break downstream systems that assume they match."
        )
    if value._data.shape != tensor._data.shape:
        raise RuntimeError(
            f"attempting to assign a gradient of size '{list(value._data.shape)}' to a tensor of size "
            f"'{list(tensor._data.shape)}'. Please ensure that the gradient and the tensor are the same size"
        )


def _c_name(tensor: Tensor) -> str:
    return {"float64": "double", "float32": "float", "float16": "c10::Half"}.get(tensor.dtype._name, tensor.dtype._name)
