"""Sequences of different lengths in one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.missing import missing_name
from gradviz_engine.tensor import Tensor, wrap


def pad_sequence(
    sequences: Sequence[Tensor], batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Tensor:
    """Tensors (length, ...) as (longest, N, ...), or (N, longest, ...), filled up with ``padding_value``."""
    if padding_side not in ("left", "right"):
        raise ValueError(f"padding_side should be one of left or right, got {padding_side}")
    longest = max(s.size(0) for s in sequences)
    first = sequences[0]
    leading = (len(sequences), longest) if batch_first else (longest, len(sequences))
    result = wrap(np.full((*leading, *first.shape[1:]), padding_value, first._data.dtype))
    for number, sequence in enumerate(sequences):
        start = 0 if padding_side == "right" else longest - sequence.size(0)
        column = result.select(0 if batch_first else 1, number)
        column.narrow(0, start, sequence.size(0)).copy_(sequence)
    return result


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """The sequences again, each at its own length."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[:length] for row, length in zip(rows, lengths.tolist(), strict=True)]


def __getattr__(name: str) -> Any:
    raise missing_name("torch.nn.utils.rnn", name)
