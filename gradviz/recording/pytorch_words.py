"""What the names of PyTorch's functions say: is it an operation, does it write, and who wanted it written."""

from __future__ import annotations

import sys
from types import FrameType

from gradviz.recording.places import Places

NO_OPERATION = frozenset(
    {"backward", "grad", "requires_grad_", "retain_grad", "register_hook", "__get__", "__set__", "__format__"}
)
"""Functions of tensors that a function mode sees and that are no operations of the program."""

_CAUSES = {"clip_grad_norm_": "clip_grad.py", "clip_grad_value_": "clip_grad.py", "zero_grad": "module.py"}
"""Functions of ``torch.nn`` whose writes are known by their name, and the file each is in."""


def of_operation(name: str) -> str:
    """``getitem`` for ``__getitem__``."""
    return name.strip("_") if name.startswith("__") else name


def writes_first_argument(name: str) -> bool:
    """``add_``, ``__iadd__``, ``__setitem__``; ``_foreach_add_`` writes all tensors of a list."""
    if name.startswith("__"):
        return name == "__setitem__" or (name.startswith("__i") and name.endswith("__"))
    return name.endswith("_") and name not in NO_OPERATION


def may_write(name: str) -> bool:
    """Is it a function that writes, or one that sets an attribute?"""
    return name == "__set__" or writes_first_argument(name)


def of_write(name: str) -> str:
    """``mul_`` for ``_foreach_mul_`` and ``__imul__``, ``setitem`` for ``__setitem__``."""
    if name == "__setitem__":
        return of_operation(name)
    return name.strip("_")[1:] + "_" if name.startswith("__i") else name.removeprefix("_foreach_")


def cause(default: str, places: Places) -> str:
    """The function of ``torch.nn`` that the program called to have this written, else the operation."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        code = frame.f_code
        if code.co_name in _CAUSES and code.co_filename.endswith(_CAUSES[code.co_name]):
            return code.co_name
        if places.name_of(code.co_filename) is not None:
            break
        frame = frame.f_back
    return default
