"""The words and numbers on a box at a step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradviz.projection.diagram import Box, BoxKind
from gradviz.projection.grad_scale import grad_scale, size_of
from gradviz.projection.heat import scale_of
from gradviz.projection.sizes import PADDING, shapes, size, thumbnail
from gradviz.projection.text import mono_width
from gradviz.replay import NodeState
from gradviz.replay.history import is_clear
from gradviz.replay.playhead import Playhead
from gradviz.trace.contents import readable_array, readable_thumbnail
from gradviz.trace.events import Accumulate, GradWrite
from gradviz.trace.model import NodeId, TensorId
from gradviz.trace.numbers import norm_text, number_text, shape_text


@dataclass(frozen=True, slots=True)
class Words:
    """The words on cards; the window fills in the person's language."""

    freed: str = "freed"
    raised: str = "raised"
    leaf: str = "leaf"
    waits: str = "waits for {count}"
    sums: str = "×{count} sums"
    accumulate: str = "AccumulateGrad"
    zeroed: str = "zeroed"


ENGLISH = Words()


@dataclass(frozen=True, slots=True)
class Card:
    """What is written on a box.

    ``heat`` is the matrix drawn as a heat map, None where there is none; a number of size ``scale`` has the
    full colour in it, by default the largest one. ``strong``: the badge tells that a gradient was added to one
    that was there; ``zeroed``: that it was just taken away.
    """

    title: str
    corner: str = ""
    overline: str = ""
    detail: str = ""
    badge: str = ""
    strong: bool = False
    zeroed: bool = False
    heat: NDArray[np.float32] | None = None
    scale: float | None = None


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
    elif waiting:
        parts.append(words.waits.replace("{count}", str(waiting)))
    if state is NodeState.FREED:
        parts.append(words.freed)
    return Card(box.title, box.corner, detail=_fitting(parts, size(box)[0] - 2 * PADDING))


def _leaf(box: Box, playhead: Playhead, words: Words) -> Card:
    trace, leaf = playhead.trace, playhead.leaf(box.nodes[0])
    zeroed = just_zeroed(playhead) == box.nodes[0]
    badge = words.zeroed if zeroed else ""
    if leaf.sums:
        badge = "+1" if leaf.sums == 1 else words.sums.replace("{count}", str(leaf.sums))
    empty = not leaf.sums and is_clear(trace, leaf.grad)
    heat = None if empty else _heat(playhead, leaf.grad)
    overline = words.accumulate if box.copies == 1 else f"{words.accumulate} {box.copy}/{box.copies}"
    return Card(
        box.title,
        overline=overline,
        detail=_sum(playhead, box) or f"{shape_text(box.shape)} {words.leaf}",
        badge=badge,
        strong=leaf.sums > 1,
        zeroed=zeroed,
        heat=heat,
        scale=None if heat is None else _grad_scale(playhead, box.nodes[0], leaf.grad, heat),
    )


def just_zeroed(playhead: Playhead) -> NodeId | None:
    """The leaf whose ``.grad`` the present event has emptied, by ``zero_``, ``None`` or what else."""
    event = playhead.event
    if not isinstance(event, GradWrite) or event.before is None or not is_clear(playhead.trace, event.after):
        return None
    return event.leaf


def _sum(playhead: Playhead, box: Box) -> str:
    """``‖g‖ 11.31 + 11.31`` while the second is added to the first; else nothing."""
    event = playhead.event
    if not isinstance(event, Accumulate) or event.leaf != box.nodes[0] or event.before is None:
        return ""
    norms = " + ".join(norm_text(playhead.trace.tensor(tensor).norm) for tensor in (event.before, event.incoming))
    room = size(box)[0] - 2 * PADDING - thumbnail(box)[0] - 4
    return next((text for text in (f"‖g‖ {norms}", norms) if mono_width(text) <= room), norms)


def _grad_scale(playhead: Playhead, leaf: NodeId, grad: TensorId | None, heat: NDArray[np.float32]) -> float:
    """The scale of the leaf's heat map; where that shows means of many numbers, as much smaller as they are."""
    full, now = grad_scale(playhead.trace, leaf).at(playhead.step), size_of(playhead.trace, grad)
    shown = scale_of(heat)
    return full * shown / now if full and now else shown


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
