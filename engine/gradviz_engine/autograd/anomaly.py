"""Anomaly detection: remember where each node was made, and stop at the first NaN in a backward pass."""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from gradviz_engine.autograd.node import Node
    from gradviz_engine.tensor import Tensor

enabled: bool = False
check_nan: bool = True

TRACEBACK = "traceback_"


def remember_creation(node: Node) -> None:
    """Keep the Python stack of the forward operation, as ``node.metadata['traceback_']``."""
    node.metadata[TRACEBACK] = traceback.format_stack()[:-2]


@contextmanager
def guarding(node: Node) -> Iterator[None]:
    """Say where the operation whose backward fails was called in the forward pass."""
    try:
        yield
    except Exception:
        stack = node.metadata.get(TRACEBACK)
        if stack is None:
            warnings.warn(
                f"Error detected in {node.name()}. No forward pass information available. Enable detect "
                "anomaly during forward pass for more information.",
                stacklevel=2,
            )
        else:
            warnings.warn(
                f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n" + "".join(stack),
                stacklevel=2,
            )
        raise


def check_results(node: Node, results: Sequence[Tensor | None]) -> None:
    """RuntimeError at the first result that holds NaN."""
    if not check_nan:
        return
    for index, result in enumerate(results):
        if result is not None and result._data.dtype.kind in "fc" and np.isnan(result._data).any():
            raise RuntimeError(f"Function '{node.name()}' returned nan values in its {index}th output.")


class detect_anomaly:
    """Inside the block forward operations remember their stack, and NaN in a backward result raises."""

    def __init__(self, check_nan: bool = True) -> None:
        self._check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should only be enabled "
            "for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._previous = (enabled, check_nan)
        _set(True, self._check_nan)

    def __exit__(self, *exc: object) -> None:
        _set(*self._previous)


class set_detect_anomaly:
    """Takes effect at once; used in ``with``, the previous setting comes back at the end."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self._previous = (enabled, globals()["check_nan"])
        _set(mode, check_nan)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> None:
        _set(*self._previous)


def _set(mode: bool, nan: bool) -> None:
    global enabled, check_nan
    enabled, check_nan = mode, nan


def is_enabled() -> bool:
    return enabled
