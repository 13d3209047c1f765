"""Connectionist temporal classification (Graves et al. 2006): the loss of all alignments of a label sequence.

Source: aten/src/ATen/native/LossCTC.cpp of PyTorch 2.13. As there, the gradient is the one with respect to logits
that ``log_softmax`` made the log probabilities of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradviz_engine.ops.elementwise import Array
from gradviz_engine.ops.loss import MEAN, NONE, SUM, reduction_number
from gradviz_engine.ops.masking import where
from gradviz_engine.ops.registry import Rule, operator
from gradviz_engine.ops.reporting import composite
from gradviz_engine.tensor import Tensor, wrap

Lengths = tuple[int, ...]


def _targets(targets: Array, lengths: Lengths) -> list[Array]:
    """Each sample's labels, from a padded matrix or from one row after the other."""
    if targets.ndim == 2:
        return [row[:length] for row, length in zip(targets, lengths, strict=True)]
    ends = np.cumsum(lengths)
    return [targets[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def _with_blanks(labels: Array, blank: int) -> tuple[Array, Array]:
    """The labels with blanks around each, and where a blank may be skipped: between two different labels."""
    states = np.full(2 * labels.size + 1, blank, np.intp)
    states[1::2] = labels
    skips = np.zeros(states.size, bool)
    skips[3::2] = labels[1:] != labels[:-1]
    return states, skips


def _forward_paths(emitted: Array, skips: Array) -> Array:
    """log of the probability of all paths that end in each state at each time; ``emitted`` (T, states)."""
    alpha = np.full(emitted.shape, -np.inf, emitted.dtype)
    alpha[0, :2] = emitted[0, :2]
    for t in range(1, len(emitted)):
        before = alpha[t - 1]
        total = before.copy()
        total[1:] = np.logaddexp(total[1:], before[:-1])
        skipping = np.where(skips[2:], before[:-2], -np.inf)
        total[2:] = np.logaddexp(total[2:], skipping)
        alpha[t] = total + emitted[t]
    return alpha


def _forward(
    log_probs: Array, targets: Array, input_lengths: Lengths, target_lengths: Lengths, blank: int
) -> tuple[Array, Array]:
    """log_probs (T, N, C): each sample's loss, and the path probabilities (N, T, longest states)."""
    labels = _targets(targets, target_lengths)
    steps, batch = log_probs.shape[:2]
    longest = 2 * max([0, *target_lengths]) + 1
    paths = np.full((batch, steps, longest), -np.inf, log_probs.dtype)
    losses = np.empty(batch, log_probs.dtype)
    for n in range(batch):
        states, skips = _with_blanks(labels[n], blank)
        length = input_lengths[n]
        if length == 0:
            losses[n] = 0 if labels[n].size == 0 else np.inf
            continue
        alpha = _forward_paths(log_probs[:length, n][:, states], skips)
        paths[n, :length, : states.size] = alpha
        last = alpha[-1, -2:]
        losses[n] = -(np.logaddexp(last[0], last[1]) if last.size > 1 else last[0])
    return losses, paths


def _backward(
    g: Array,
    log_probs: Array,
    targets: Array,
    losses: Array,
    paths: Array,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int,
    zero_infinity: bool,
) -> Array:
    """grad · (p - the share of the paths that emit the class at that time)."""
    result = np.zeros_like(log_probs)
    for n, labels in enumerate(_targets(targets, target_lengths)):
        length = input_lengths[n]
        if length == 0 or (zero_infinity and losses[n] == np.inf):
            continue
        states, skips = _with_blanks(labels, blank)
        own = log_probs[:length, n]
        emitted = own[:, states]
        turned = np.zeros_like(skips)
        turned[2:] = skips[2:][::-1]  # the same skips seen from the other end
        beta = _forward_paths(emitted[::-1, ::-1], turned)[::-1, ::-1]
        through = paths[n, :length, : states.size] + beta
        shares = np.full(own.shape, -np.inf, own.dtype)
        for place, state in enumerate(states):
            shares[:, state] = np.logaddexp(shares[:, state], through[:, place])
        result[:length, n] = (np.exp(own) - np.exp(shares + losses[n] - own)) * g[n]
    return result


_ctc_backward = operator(
    "_ctc_loss_backward(grad, log_probs, targets, neg_log_likelihood, log_alpha, *, input_lengths, target_lengths, "
    "blank, zero_infinity)",
    forward=_backward,
)
_ctc_loss = operator(
    "_ctc_loss(log_probs, targets, *, input_lengths, target_lengths, blank, zero_infinity) -> result0; result1",
    node="CtcLossBackward0",
    forward=lambda log_probs, targets, inputs, lengths, blank, zero: _forward(
        log_probs, targets, inputs, lengths, blank
    ),
    gradients={
        "log_probs": Rule(
            lambda grad, saved: _ctc_backward(
                grad,
                saved.log_probs,
                saved.targets,
                saved.result0,
                saved.result1,
                saved.input_lengths,
                saved.target_lengths,
                saved.blank,
                saved.zero_infinity,
            ),
            "grad · (exp(log_probs) - share of the alignments that emit the class)",
        )
    },
)


def _lengths(value: Any) -> Lengths:
    if isinstance(value, Tensor):
        value = value._data.ravel().tolist()
    return tuple(int(v) for v in value)


@composite
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """log_probs (T, N, C) or (T, C); targets padded (N, S), or one row after the other."""
    number = reduction_number(reduction)
    batched = log_probs.ndim == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets if targets.ndim == 1 else targets.reshape(-1)
    inputs, lengths = _lengths(input_lengths), _lengths(target_lengths)
    if len(inputs) != log_probs.shape[1]:
        raise RuntimeError("input_lengths must be of size batch_size")
    if len(lengths) != log_probs.shape[1]:
        raise RuntimeError("target_lengths must be of size batch_size")
    losses: Tensor = _ctc_loss(log_probs, targets, inputs, lengths, blank, zero_infinity)[0]
    if zero_infinity:
        losses = where(losses == float("inf"), wrap(np.zeros((), losses._data.dtype)), losses)
    if number == MEAN:
        return (losses / wrap(np.maximum(lengths, 1).astype(losses._data.dtype))).mean()
    if number == SUM:
        return losses.sum()
    assert number == NONE
    return losses if batched else losses.squeeze(0)


__all__ = ["ctc_loss"]
METHODS: tuple[str, ...] = ()
INPLACE: tuple[str, ...] = ()
