"""``torch.save`` and ``torch.load`` without running anything: numbers, text, tensors and containers of them.

A file is a zip archive: ``manifest.json`` describes the object, ``tensors/N`` hold little-endian numbers. Files
of PyTorch (since 1.6) can be read too: ``pickled`` follows the few constructors a state dict consists of, and each
tensor's geometry is checked against its storage.
"""

from __future__ import annotations

import json
import math
import os
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from gradviz_engine import dtypes
from gradviz_engine.device import device
from gradviz_engine.nn.parameter import Parameter
from gradviz_engine.pickled import Maker, PickleError, read
from gradviz_engine.tensor import Size, Tensor, wrap

FORMAT = "gradviz-save"
VERSION = 1


class LoadError(RuntimeError):
    """A file that is damaged, or holds something that is not loaded from files."""


_DAMAGE = (
    zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, TypeError, AttributeError, OverflowError,
    MemoryError, RuntimeError,
)  # fmt: skip
"""What reading a damaged file makes Python and numpy raise."""


# Saving -------------------------------------------------------------------------------------------------------


def save(obj: Any, f: Any, pickle_module: Any = None, pickle_protocol: int = 2, **others: Any) -> None:
    """Write a state dict, or any object made of plain values and tensors, to a path or a binary file."""
    arrays: list[np.ndarray[Any, Any]] = []
    known: dict[int, int] = {}

    def number_of(tensor: Tensor) -> int:
        if id(tensor._data) not in known:
            known[id(tensor._data)] = len(arrays)
            arrays.append(tensor._data)
        return known[id(tensor._data)]

    manifest = {"format": FORMAT, "version": VERSION, "object": _described(obj, number_of)}
    target: Any = os.fspath(f) if isinstance(f, (str, os.PathLike)) else f
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for number, array in enumerate(arrays):
            dense = np.ascontiguousarray(array)
            archive.writestr(f"tensors/{number}", dense.astype(dense.dtype.newbyteorder("<"), copy=False).tobytes())


def _described(obj: Any, number_of: Callable[[Tensor], int]) -> Any:
    """JSON for an object; what JSON has no form for is a list that begins with a tag."""
    if obj is None or isinstance(obj, (bool, str)) or type(obj) is int:
        return obj
    if isinstance(obj, float):
        return obj if math.isfinite(obj) else ["float", repr(obj)]
    if isinstance(obj, Tensor):
        tag = "parameter" if isinstance(obj, Parameter) else "tensor"
        return [tag, number_of(obj), obj.dtype._name, list(obj._data.shape), obj.requires_grad]
    if isinstance(obj, dict):
        tag = "ordered" if isinstance(obj, OrderedDict) else "dict"
        return [tag, [[_described(k, number_of), _described(v, number_of)] for k, v in obj.items()]]
    for kind, tag in ((Size, "size"), (tuple, "tuple"), (list, "list"), (set, "set")):
        if isinstance(obj, kind):
            return [tag, [_described(item, number_of) for item in obj]]
    if isinstance(obj, complex):
        return ["complex", obj.real, obj.imag]
    if isinstance(obj, dtypes.dtype):
        return ["dtype", obj._name]
    if isinstance(obj, device):
        return ["device", str(obj)]
    if isinstance(obj, np.generic):
        return _described(obj.item(), number_of)
    raise TypeError(
        f"torch.save: the built-in engine saves tensors, numbers, text and containers of them, not "
        f"{type(obj).__module__}.{type(obj).__qualname__}; save its state_dict(), or record with PyTorch"
    )


# Loading ------------------------------------------------------------------------------------------------------


def load(
    f: Any, map_location: Any = None, pickle_module: Any = None, *, weights_only: bool | None = None,
    mmap: bool | None = None, **others: Any,
) -> Any:  # fmt: skip
    """Read what ``save`` wrote, or a state dict PyTorch saved; LoadError for anything else. Runs no code."""
    source: str | BinaryIO = os.fspath(f) if isinstance(f, (str, os.PathLike)) else f
    try:
        with zipfile.ZipFile(source) as archive:
            names = archive.namelist()
            if "manifest.json" in names:
                return _load_own(archive)
            pickles = [name for name in names if name.endswith("/data.pkl")]
            if len(pickles) == 1:
                return _load_torch(archive, pickles[0])
            raise LoadError("this zip archive holds no saved object")
    except LoadError:
        raise
    except PickleError as error:
        raise LoadError(str(error)) from None
    except _DAMAGE as error:
        raise LoadError(f"not a file that torch.save wrote, or a damaged one: {error}") from error


def _load_own(archive: zipfile.ZipFile) -> Any:
    manifest = json.loads(archive.read("manifest.json"))
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise LoadError("this zip archive holds no saved object")
    if manifest["version"] > VERSION:
        raise LoadError(f"saved by a newer version (format {manifest['version']}, this one reads {VERSION})")
    arrays: dict[int, np.ndarray[Any, Any]] = {}

    def array_of(number: int, name: str, shape: list[int]) -> np.ndarray[Any, Any]:
        if number not in arrays:
            stored = _dtype_named(name).numpy
            if any(s < 0 for s in shape):
                raise LoadError(f"tensor {number} has the shape {shape}")
            what = f"{name} of shape {shape}"
            content = _entry(archive, f"tensors/{int(number)}", math.prod(shape) * stored.itemsize, what)
            arrays[number] = np.frombuffer(content, stored.newbyteorder("<")).astype(stored).reshape(shape)
        return arrays[number]

    return _rebuilt(manifest["object"], array_of)


def _dtype_named(name: str) -> dtypes.dtype:
    for candidate in dtypes.ALL:
        if candidate._name == name:
            return candidate
    raise LoadError(f"unknown dtype {name!r}")


def _rebuilt(description: Any, array_of: Callable[..., Any]) -> Any:
    if not isinstance(description, list):
        return description
    tag, *rest = description
    if tag in ("tensor", "parameter"):
        number, name, shape, requires_grad = rest
        tensor = wrap(array_of(number, name, shape))
        if tag == "parameter":
            return Parameter(tensor, requires_grad)
        return tensor.requires_grad_() if requires_grad else tensor
    if tag in ("dict", "ordered"):
        pairs = [(_rebuilt(k, array_of), _rebuilt(v, array_of)) for k, v in rest[0]]
        return OrderedDict(pairs) if tag == "ordered" else dict(pairs)
    containers: dict[str, Callable[[Any], Any]] = {"size": Size, "tuple": tuple, "list": list, "set": set}
    if tag in containers:
        return containers[tag](_rebuilt(item, array_of) for item in rest[0])
    if tag == "float":
        return float(rest[0])
    if tag == "complex":
        return complex(*rest)
    if tag == "dtype":
        return _dtype_named(rest[0])
    if tag == "device":
        return device(rest[0])
    raise LoadError(f"unknown entry {tag!r}")


# PyTorch's files ------------------------------------------------------------------------------------------------


class _Storage:
    """A storage type named in PyTorch's pickle, such as ``FloatStorage``."""

    def __init__(self, stored: np.dtype[Any]) -> None:
        self.stored = stored


def _allowed() -> dict[tuple[str, str], Any]:
    """All that a state dict's pickle may name: values, and makers that do no more than build one."""
    table: dict[tuple[str, str], Any] = {
        ("collections", "OrderedDict"): Maker(OrderedDict),
        ("_codecs", "encode"): Maker(_bytes_of),
        ("torch", "Size"): Maker(Size),
        ("torch", "device"): Maker(device),
        ("torch._utils", "_rebuild_tensor_v2"): Maker(_rebuild_tensor),
        ("torch._utils", "_rebuild_parameter"): Maker(
            lambda data, requires_grad, hooks: Parameter(data, requires_grad)
        ),
    }
    for kind in dtypes.ALL:
        table["torch", kind._name] = kind
        table["torch", f"{kind._legacy_name}Storage"] = _Storage(kind.numpy)
    return table


def _bytes_of(text: str, encoding: str) -> bytes:
    """How protocol 2 writes bytes."""
    if encoding != "latin1":
        raise LoadError(f"bytes written as {encoding!r}")
    return text.encode("latin-1")


def _rebuild_tensor(
    storage: np.ndarray[Any, Any], offset: int, size: tuple[int, ...], stride: tuple[int, ...], requires_grad: bool,
    *others: Any,
) -> Tensor:  # fmt: skip
    """A tensor of a checked geometry over its storage, which other tensors of the file may share."""
    numbers = (offset, *size, *stride)
    if not isinstance(storage, np.ndarray) or len(size) != len(stride):
        raise LoadError("a tensor with an impossible shape")
    if not all(isinstance(n, int) and n >= 0 for n in numbers):
        raise LoadError("a tensor with an impossible shape")
    last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
    if math.prod(size) and last >= storage.size:
        raise LoadError("a tensor that reaches beyond its storage")
    strides = [s * storage.itemsize for s in stride]
    tensor = wrap(np.lib.stride_tricks.as_strided(storage[offset:], size, strides))
    return tensor.requires_grad_() if requires_grad else tensor


def _load_torch(archive: zipfile.ZipFile, name: str) -> Any:
    root = name.removesuffix("data.pkl")
    big = root + "byteorder" in archive.namelist() and archive.read(root + "byteorder") == b"big"
    storages: dict[str, np.ndarray[Any, Any]] = {}

    def storage_of(reference: Any) -> np.ndarray[Any, Any]:
        kind, storage, key, _, count = reference
        if kind != "storage" or not isinstance(storage, _Storage) or not isinstance(key, str):
            raise LoadError("a reference to something that is no storage")
        if key not in storages:
            content = _entry(archive, f"{root}data/{key}", count * storage.stored.itemsize, f"{count} numbers")
            storages[key] = np.frombuffer(content, storage.stored.newbyteorder(">" if big else "<")).astype(
                storage.stored
            )
        if storages[key].dtype != storage.stored:
            raise LoadError(f"storage {key} has two types")
        return storages[key]

    return read(archive.read(name), _allowed(), storage_of)


def _entry(archive: zipfile.ZipFile, name: str, size: int, what: str) -> bytes:
    """An entry of the archive, which is looked at only if its size is the one that was announced."""
    found = archive.getinfo(name).file_size
    if found != size:
        raise LoadError(f"{name} has {found} bytes, not those of {what}")
    return archive.read(name)


__all__ = ["LoadError", "load", "save"]
