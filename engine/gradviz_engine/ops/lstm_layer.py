"""An LSTM layer as one operator: the whole sequence in one direction, the node MkldnnRnnLayerBackward0.

The forward keeps the gates and the cells of every step, and the derivative is a kernel over them. Under
``create_graph`` it is written in the engine's own operations, on gates computed again from the saved inputs, so that
it can be differentiated itself.
Source: ``mkldnn_rnn_layer`` in tools/autograd/derivatives.yaml and aten/src/ATen/native/mkldnn/RNN.cpp, PyTorch 2.13.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradviz_engine.autograd.grad_mode import mode
from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.joining import cat, stack
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.smooth_activation import _sigmoid
from gradviz_engine.tensor import Tensor


def _forward(
    x: Array, w_ih: Array, w_hh: Array, b_ih: Array | None, b_hh: Array | None, hx: Array, cx: Array, backwards: bool
) -> tuple[Array, Array, Array, Array, Array]:
    """x (T, N, I), hx and cx (N, H): outputs (T, N, H), the last h and c, gates (T, N, 4H), cells (T, N, H)."""
    steps, batch = x.shape[:2]
    size = w_hh.shape[1]
    gates = (x.reshape(-1, x.shape[2]) @ w_ih.T).reshape(steps, batch, 4 * size)
    if b_ih is not None and b_hh is not None:
        gates += b_ih + b_hh
    outputs = np.empty((steps, batch, size), x.dtype)
    cells = np.empty_like(outputs)
    h, c, recurrent = hx, cx, np.ascontiguousarray(w_hh.T)
    for t in range(steps - 1, -1, -1) if backwards else range(steps):
        gate = gates[t]
        gate += h @ recurrent
        gate[:, : 2 * size] = _sigmoid(gate[:, : 2 * size])
        gate[:, 2 * size : 3 * size] = np.tanh(gate[:, 2 * size : 3 * size])
        gate[:, 3 * size :] = _sigmoid(gate[:, 3 * size :])
        i, f, g, o = np.split(gate, 4, axis=1)
        c = np.multiply(f, c, out=cells[t])
        c += i * g
        h = np.multiply(o, np.tanh(c), out=outputs[t])
    return outputs, h.copy(), c.copy(), gates, cells


def _kernel(
    by_outputs: Array | None,
    by_h: Array | None,
    by_c: Array | None,
    x: Array,
    w_ih: Array,
    w_hh: Array,
    hx: Array,
    cx: Array,
    outputs: Array,
    gates: Array,
    cells: Array,
    backwards: bool,
) -> tuple[Array, ...]:
    """Back through time: the gradients of x, w_ih, w_hh, the bias, hx and cx.

    What multiplies the gradients of c and h at each step is the same for every batch of them, and computed for all
    steps at once: by the gates before activation, c' times (g·i(1-i), c·f(1-f), i(1-g²)) and h' times tanh(c)·o(1-o).
    """
    steps, batch, size = outputs.shape
    order = slice(None, None, -1) if backwards else slice(None)
    x, outputs, gates, cells = x[order], outputs[order], gates[order], cells[order]
    i, f, g, o = np.split(gates, 4, axis=2)
    squashed = np.tanh(cells)
    before_c, before_h = np.concatenate([cx[None], cells[:-1]]), np.concatenate([hx[None], outputs[:-1]])
    into_c = o * (1 - squashed * squashed)
    slopes = np.stack([g * i * (1 - i), before_c * f * (1 - f), i * (1 - g * g), squashed * o * (1 - o)], axis=2)
    by_gates = np.empty_like(slopes)
    dh = np.zeros_like(hx) if by_h is None else by_h.copy()
    dc = np.zeros_like(cx) if by_c is None else by_c.copy()
    arriving = None if by_outputs is None else by_outputs[order]
    for t in range(steps - 1, -1, -1):
        if arriving is not None:
            dh += arriving[t]
        dc += dh * into_c[t]
        np.multiply(slopes[t, :, :3], dc[:, None], out=by_gates[t, :, :3])
        np.multiply(slopes[t, :, 3], dh, out=by_gates[t, :, 3])
        dc *= f[t]
        dh = by_gates[t].reshape(batch, 4 * size) @ w_hh
    flat = by_gates.reshape(steps * batch, 4 * size)
    by_x = (flat @ w_ih).reshape(x.shape)[order]
    by_w_ih = flat.T @ x.reshape(steps * batch, -1)
    by_w_hh = flat.T @ before_h.reshape(steps * batch, size)
    return np.ascontiguousarray(by_x), by_w_ih, by_w_hh, flat.sum(axis=0), dh, dc


Step = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]
"""What the derivative needs of a step: h and c before it, the gates i, f, g, o, and c after it."""


def _computed_steps(saved: Any, times: Sequence[int]) -> list[Step]:
    result: list[Step] = []
    h, c = saved.hx_, saved.cx_
    from_input = saved.input @ saved.weight0.t()
    if saved.weight2 is not None:
        from_input = from_input + (saved.weight2 + saved.weight3)
    for t in times:
        i, f, g, o = (from_input[t] + h @ saved.weight1.t()).chunk(4, 1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        after = f * c + i * g
        result.append((h, c, i, f, g, o, after))
        h, c = o * after.tanh(), after
    return result


def _backward(grads: tuple[Tensor | None, ...], saved: Any, needed: tuple[bool, ...]) -> Sequence[Tensor | None]:
    if mode.enabled:
        return _differentiable(grads, saved, needed)
    by_x, by_w_ih, by_w_hh, by_bias, by_h, by_c = _lstm_backward(
        *grads,
        saved.input,
        saved.weight0,
        saved.weight1,
        saved.hx_,
        saved.cx_,
        saved.result0,
        saved.gates,
        saved.cells,
        saved.reverse,
    )
    return by_x, by_w_ih, by_w_hh, by_bias, by_bias.clone(), by_h, by_c


def _differentiable(grads: tuple[Tensor | None, ...], saved: Any, needed: tuple[bool, ...]) -> list[Tensor | None]:
    """Back through time: by each step's gates before their activation, then by what they were made of."""
    by_outputs, by_h, by_c = grads
    length = saved.input.shape[0]
    times = range(length - 1, -1, -1) if saved.reverse else range(length)
    steps = _computed_steps(saved, times)
    by_gates: list[Any] = [None] * length
    before: list[Any] = [None] * length
    for t, (h, c, i, f, g, o, after) in zip(reversed(times), reversed(steps), strict=True):
        arriving = [v for v in (None if by_outputs is None else by_outputs[t], by_h) if v is not None]
        dh = sum(arriving[1:], arriving[0]) if arriving else after * 0
        squashed = after.tanh()
        through = dh * o * (1 - squashed * squashed)
        dc = through if by_c is None else by_c + through
        by_gates[t] = cat(
            [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g * g), dh * squashed * o * (1 - o)], 1
        )
        before[t] = h
        by_h, by_c = by_gates[t] @ saved.weight1, dc * f
    return _by_inputs(stack(by_gates, 0), stack(before, 0), by_h, by_c, saved, needed)


def _by_inputs(
    gates: Tensor, before: Tensor, by_h: Any, by_c: Any, saved: Any, needed: tuple[bool, ...]
) -> list[Tensor | None]:
    size = gates.shape[2]
    flat = gates.reshape(-1, size)
    by_input = (gates @ saved.weight0) if needed[0] else None
    by_w_ih = flat.t() @ saved.input.reshape(-1, saved.input.shape[2]) if needed[1] else None
    by_w_hh = flat.t() @ before.reshape(-1, before.shape[2]) if needed[2] else None
    by_b_ih = flat.sum(0) if needed[3] else None
    by_b_hh = flat.sum(0) if needed[4] else None
    return [by_input, by_w_ih, by_w_hh, by_b_ih, by_b_hh, by_h, by_c]


_lstm_backward = operator(
    "mkldnn_rnn_layer_backward(grad_output, grad_hy, grad_cy, input, weight0, weight1, hx_, cx_, result0, gates, "
    "cells, *, reverse) -> result0, result1, result2, result3, result4, result5",
    forward=_kernel,
)
_lstm_layer = operator(
    "mkldnn_rnn_layer(input, weight0, weight1, weight2, weight3, hx_, cx_, *, reverse)"
    " -> result0, result1, result2; gates, cells",
    node="MkldnnRnnLayerBackward0",
    forward=_forward,
    gradients={
        ("input", "weight0", "weight1", "weight2", "weight3", "hx_", "cx_"): Rule(
            _backward,
            "gates @ weight0, gates: their gradients, found back through time; gatesᵀ @ input; gatesᵀ @ h; Σ of gates; "
            "Σ of gates; the first step's gates @ weight1; the first cell state's gradient · forget",
            ("input", "weight0", "weight1", "weight2", "weight3", "hx_", "cx_", "reverse", "result0", "gates", "cells"),
        )
    },
)


def lstm_layer(
    inputs: Tensor, weights: Sequence[Tensor | None], state: Sequence[Tensor], backwards: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """The outputs of every step, and the last h and c."""
    output, h, c = _lstm_layer(inputs, *weights, *state, backwards)[:3]
    return output, h, c
