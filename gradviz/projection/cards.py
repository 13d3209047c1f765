"""The words and numbers on a box at a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.projection.diagram import Box, BoxKind
from gradviz.projection.numbers import norm_text, number_text, shape_text
from gradviz.projection.sizes import PADDING, shapes, size
from gradviz.projection.text import mono_width
from gradviz.replay import NodeState
from gradviz.replay.playhead import Playhead
from gradviz.trace.contents import readable_array, readable_thumbnail
from gradviz.trace.model import TensorId


@dataclass(frozen=True, slots=True)
class Words:
    """The words on cards; the window fills in the person's language."""

    freed: str = "freed"
    raised: str = "raised"
    leaf: str = "leaf"
    waits: str = "waits for {count}"
    sums: str = "×{count} sums"
    accumulate: str = "AccumulateGrad"


ENGLISH = Words()


@dataclass(frozen=True, slots=True)
class Card:
    """What is written on a box. ``heat`` is the matrix drawn as a heat map, None where there is none yet;
    ``strong``: the badge tells that a gradient was added to one that was there."""

    title: str
    corner: str = ""
    overline: str = ""
    detail: str = ""
    badge: str = ""
    strong: bool = False
    heat: NDArray[np.float32] | None = None


def card(box: Box, state: NodeState, playhead: Playhead, words: Words = ENGLISH) -> Card:
    """The card of a box where ``playhead`` stands."""
    match box.kind:
        case BoxKind.LEAF:
            return _leaf(box, playhead, words)
        case BoxKind.FUNCTION:
            return _function(box, state, playhead, words)
        case _:
            return _forward(box, playhead, words)


def _function(box: Box, state: NodeState, playhead: Playhead, words: Words) -> Card:
    node = box.nodes[0]
    parts = [shape_text(box.shape)]
    gradient = next((given for given in playhead.node_gradients(node) if given is not None), None)
    waiting = playhead.remaining(node) or 0
    if state is NodeState.RAISED:
        parts.append(words.raised)
    if gradient is not None:
        parts.append(f"‖g‖ {norm_text(playhead.trace.tensor(gradient).norm)}")
    elif waiting and playhead.call is not None:
        parts.append(words.waits.replace("{count}", str(waiting)))
    if state is NodeState.FREED:
        parts.append(words.freed)
    return Card(box.title, box.corner, detail=_fitting(parts, size(box)[0] - 2 * PADDING))


def _leaf(box: Box, playhead: Playhead, words: Words) -> Card:
    leaf = playhead.leaf(box.nodes[0])
    badge = ""
    if leaf.sums:
        badge = "+1" if leaf.sums == 1 else words.sums.replace("{count}", str(leaf.sums))
    overline = words.accumulate if box.copies == 1 else f"{words.accumulate} {box.copy}/{box.copies}"
    return Card(
        box.title,
        overline=overline,
        detail=f"{shape_text(box.shape)} {words.leaf}",
        badge=badge,
        strong=leaf.sums > 1,
        heat=_heat(playhead, leaf.grad),
    )


def _forward(box: Box, playhead: Playhead, words: Words) -> Card:
    """An operation, or a tensor: the numbers it has now, which an optimizer may have changed."""
    trace = playhead.trace
    tensor = trace.values[box.value].tensor if box.value is not None else None
    is_leaf = bool(box.nodes) and trace.nodes[box.nodes[0]].id in trace.leaves
    if box.kind is BoxKind.TENSOR and is_leaf:
        tensor = _first(playhead.value(box.nodes[0]), tensor)
    detail = shapes(box)
    if box.shape == () and tensor is not None:
        number = readable_array(trace, tensor)
        if number is not None and number.size == 1:  # ``leaf.data = other`` may have changed its shape
            detail = f"{detail} = {number_text(number.item())}"
    return Card(
        box.title,
        box.corner or (words.leaf if is_leaf and box.kind is BoxKind.TENSOR else ""),
        detail=detail,
        heat=None if box.step > playhead.step else _heat(playhead, tensor),
    )


def _first(*tensors: TensorId | None) -> TensorId | None:
    return next((tensor for tensor in tensors if tensor is not None), None)


def _heat(playhead: Playhead, tensor: TensorId | None) -> NDArray[np.float32] | None:
    if tensor is None:
        return None
    found: NDArray[Any] | None = readable_thumbnail(playhead.trace, tensor)
    return None if found is None or not found.size else found


def _fitting(parts: list[str], room: float) -> str:
    """The parts in one line; the last ones are left out where they do not fit."""
    while len(parts) > 1 and mono_width(" · ".join(parts)) > room:
        parts = parts[:-1]
    return " · ".join(parts)
