"""Contents of tensors for whoever can do without: a file may be damaged, cut or gone after it was opened."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.trace.errors import TraceError
from gradviz.trace.model import TensorId
from gradviz.trace.protocol import TraceLike


def readable_array(trace: TraceLike, tensor: TensorId) -> NDArray[Any] | None:
    """As ``trace.array``, and None also where the content cannot be read."""
    try:
        return trace.array(tensor)
    except TraceError:
        return None


def readable_thumbnail(trace: TraceLike, tensor: TensorId) -> NDArray[np.float32] | None:
    """As ``trace.thumbnail``, and None also where the content cannot be read."""
    try:
        return trace.thumbnail(tensor)
    except TraceError:
        return None
