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
                f"Error detected in {node.name()}. Traceback of forward call that caused the error:\n"
                + "".join(stack),
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
