"""Recurrent networks: RNN, GRU and LSTM over sequences, and their single cells.

Everything is composed of elementary operators, step by step, as PyTorch does on the CPU. The exception is PyTorch's:
an LSTM layer in single precision is one node, MkldnnRnnLayerBackward0 (``ops.lstm_layer``).
Weights of a layer and direction come as (w_ih, w_hh, b_ih, b_hh, w_hr): biases and projection may be None.
Sequences are (T, N, width); hidden states (layers · directions, N, width).
Source: aten/src/ATen/native/RNN.cpp of PyTorch 2.13.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradviz_engine.ops.activation import relu
from gradviz_engine.ops.dropout import dropout
from gradviz_engine.ops.joining import cat, stack
from gradviz_engine.ops.linear import linear
from gradviz_engine.ops.lstm_layer import lstm_layer
from gradviz_engine.ops.reporting import composite
from gradviz_engine.ops.restriding import transpose_fresh
from gradviz_engine.ops.splitting import unsafe_chunk
from gradviz_engine.tensor import Tensor

Weights = tuple["Tensor | None", ...]
State = tuple[Tensor, ...]
"""What a cell carries on: (h,) or (h, c)."""
Cell = Callable[[Tensor, State, Weights], State]

# One step: from the input's part of the gates and the state to the new state --------------------------------


def _tanh_step(gates: Tensor, state: State, weights: Weights) -> State:
    return ((_hidden(state, weights) + gates).tanh(),)


def _relu_step(gates: Tensor, state: State, weights: Weights) -> State:
    return (relu(_hidden(state, weights) + gates),)


def _hidden(state: State, weights: Weights) -> Tensor:
    assert weights[1] is not None
    return linear(state[0], weights[1], weights[3])


def _gru_step(gates: Tensor, state: State, weights: Weights) -> State:
    """new = tanh(n + r · h_n), h' = (h - new) · z + new."""
    from_input = unsafe_chunk(gates, 3, 1)
    from_hidden = unsafe_chunk(_hidden(state, weights), 3, 1)
    reset = (from_hidden[0] + from_input[0]).sigmoid()
    update = (from_hidden[1] + from_input[1]).sigmoid()
    new = (from_input[2] + from_hidden[2] * reset).tanh()
    return ((state[0] - new) * update + new,)


def _lstm_step(gates: Tensor, state: State, weights: Weights) -> State:
    h, c = _gated(_hidden(state, weights) + gates, state[1])
    projection = weights[4]
    return (h if projection is None else linear(h, projection), c)


def _gated(gates: Tensor, c: Tensor) -> State:
    """c' = f · c + i · g, h' = o · tanh(c')."""
    i, f, g, o = unsafe_chunk(gates, 4, 1)
    i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
    c = f * c + i * g
    return (o * c.tanh(), c)


_STEPS: dict[str, Cell] = {"RNN_TANH": _tanh_step, "RNN_RELU": _relu_step, "GRU": _gru_step, "LSTM": _lstm_step}

# A layer in one direction, or both --------------------------------------------------------------------------


def _steps(mode: str, inputs: Tensor, state: State, weights: Weights, backwards: bool) -> tuple[Tensor, State]:
    """One direction through the sequence: the outputs stacked in time's order, and the last state."""
    step = _STEPS[mode]
    assert weights[0] is not None
    gates: Sequence[Tensor] = linear(inputs, weights[0], weights[2]).unbind(0)
    outputs = []
    for gate in reversed(gates) if backwards else gates:
        state = step(gate, state, weights)
        outputs.append(state[0])
    if not outputs:
        raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
    return stack(outputs[::-1] if backwards else outputs, 0), state


def _fused(inputs: Tensor, state: State, weights: Weights, backwards: bool) -> tuple[Tensor, State]:
    output, h, c = lstm_layer(inputs, weights[:4], state, backwards)
    return output, (h, c)


def _uses_fused_layer(mode: str, inputs: Tensor, layers: Sequence[Weights]) -> bool:
    if mode != "LSTM" or inputs._data.dtype != np.float32 or inputs._data.size == 0:
        return False
    if layers[0][4] is not None:
        warnings.warn("LSTM with projections is not supported with oneDNN. Using default implementation.", stacklevel=5)
        return False
    return True


def recurrent(
    mode: str,
    input: Tensor,
    state: State,
    layers: Sequence[Weights],
    dropout_p: float,
    training: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, State]:
    """All layers: the outputs of the last one, and the last states of all, stacked.

    ``layers`` has one entry a layer and direction, the directions of a layer side by side.
    """
    inputs = input.transpose(0, 1) if batch_first else input
    fused = _uses_fused_layer(mode, input, layers)
    if fused:
        inputs = inputs.contiguous()
        starts = [tuple(s[i] for s in state) for i in range(len(layers))]
    else:
        starts = list(zip(*[s.unbind(0) for s in state], strict=True))
    directions = 2 if bidirectional else 1
    finals: list[State] = []
    for first in range(0, len(layers), directions):
        outputs = []
        for direction in range(directions):
            run = (inputs, starts[first + direction], layers[first + direction], direction == 1)
            output, final = _fused(*run) if fused else _steps(mode, *run)
            outputs.append(output)
            finals.append(final)
        inputs = cat(outputs, outputs[0].ndim - 1) if bidirectional else outputs[0]
        if dropout_p != 0 and training and first + directions < len(layers):
            inputs = dropout(inputs, dropout_p, True)
    last = tuple(stack(list(part), 0) for part in zip(*finals, strict=True))
    if batch_first:
        inputs = inputs.transpose(0, 1) if fused else transpose_fresh(inputs, 0, 1)
    return inputs, last


def _named(name: str, mode: str) -> Callable[..., Any]:
    """The sequence function a recorder reports under PyTorch's name."""

    def function(
        input: Tensor,
        state: State,
        layers: Sequence[Weights],
        dropout_p: float,
        training: bool,
        bidirectional: bool,
        batch_first: bool,
    ) -> tuple[Tensor, State]:
        return recurrent(mode, input, state, layers, dropout_p, training, bidirectional, batch_first)

    function.__name__ = name
    return composite(function)


SEQUENCES = {
    "RNN_TANH": _named("rnn_tanh", "RNN_TANH"), "RNN_RELU": _named("rnn_relu", "RNN_RELU"),
    "GRU": _named("gru", "GRU"), "LSTM": _named("lstm", "LSTM"),
}  # fmt: skip

# Single cells -----------------------------------------------------------------------------------------------


def _from_input(input: Tensor, weights: Weights) -> Tensor:
    assert weights[0] is not None
    return linear(input, weights[0], weights[2])


def _simple_cell(input: Tensor, hx: Tensor, weights: Weights, activate: Callable[[Tensor], Tensor]) -> Tensor:
    hidden = _hidden((hx,), weights)
    return activate(hidden + _from_input(input, weights))


@composite
def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """``tanh(w_ih input + b_ih + w_hh hx + b_hh)``."""
    return _simple_cell(input, hx, (w_ih, w_hh, b_ih, b_hh), lambda gates: gates.tanh())


@composite
def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """``relu(w_ih input + b_ih + w_hh hx + b_hh)``."""
    return _simple_cell(input, hx, (w_ih, w_hh, b_ih, b_hh), relu)


@composite
def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """One step of a GRU: (N, hidden)."""
    weights = (w_ih, w_hh, b_ih, b_hh, None)
    return _gru_step(_from_input(input, weights), (hx,), weights)[0]


@composite
def lstm_cell(
    input: Tensor, hx: State, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> State:
    """One step of an LSTM: (h, c), both (N, hidden)."""
    weights = (w_ih, w_hh, b_ih, b_hh, None)
    hidden = _hidden(hx, weights)
    return _gated(hidden + _from_input(input, weights), hx[1])


__all__ = ["gru_cell", "lstm_cell", "rnn_relu_cell", "rnn_tanh_cell"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
