"""What the tooltip says of a box or a link, which is also what a screen reader reads."""

from __future__ import annotations

from pathlib import PurePath

from PySide6.QtCore import QCoreApplication

from gradviz.projection.diagram import BoxKind
from gradviz.projection.frame import Frame
from gradviz.replay import NodeState
from gradviz_ui.wording import edge_text, node_text, state_text

translate = QCoreApplication.translate


def box_tip(frame: Frame, box: int) -> str:
    """Name, state, what is on the card, and where it comes from in the program."""
    shown = frame.scene.boxes[box]
    card = frame.card(box)
    lines = []
    if shown.kind in (BoxKind.FUNCTION, BoxKind.LEAF):
        state = state_text(NodeState(int(frame.states[box])))
        lines.append(f"{node_text(frame.trace, shown.nodes[0])} · {state}")
    else:
        lines.append(f"{shown.title} {card.corner}".strip())
    lines.append(" · ".join(part for part in (card.detail, card.badge) if part))
    if not frame.present[box]:
        lines.append(translate("Tip", "not made yet at this step"))
    if shown.copies > 1:
        text = translate("Tip", "one tensor, drawn at each of its {count} consumers")
        lines.append(text.replace("{count}", str(shown.copies)))
    node = frame.trace.nodes[shown.nodes[0]] if shown.nodes else None
    if node is not None and node.line is not None:
        file = PurePath(node.file).name if node.file else ""
        text = translate("Tip", "{file}, line {line}")
        lines.append(text.replace("{file}", file).replace("{line}", str(node.line)))
    if node is not None and node.scope:
        lines.append(node.scope)
    return "\n".join(line for line in lines if line)


def link_tip(frame: Frame, link: int) -> str:
    """The ends of a link and what went along it last."""
    shown = frame.scene.diagram.links[link]
    ends = edge_text(frame.trace, shown.edge) if shown.edge >= 0 else ""
    carried = frame.label(link) or translate("Tip", "nothing went along yet")
    return "\n".join(line for line in (ends, carried) if line)


def duration(seconds: float) -> str:
    """A rough length of time: ``1 s``, ``40 s``, ``3 min``."""
    if seconds < 90:
        return translate("Tip", "{number} s").replace("{number}", str(max(round(seconds), 1)))
    return translate("Tip", "{number} min").replace("{number}", str(round(seconds / 60)))
