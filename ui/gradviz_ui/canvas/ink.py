"""The pens, brushes and fonts of the canvas for one theme, made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QPen

from gradviz.projection import text
from gradviz.projection.frame import LinkState
from gradviz.projection.heat import Rgb
from gradviz.replay import NodeState
from gradviz_ui import theme
from gradviz_ui.theme import Theme, mix

RUNNING_WIDTH = 2.4
PLAIN_SHARES = {NodeState.RUNNING: 1.0, NodeState.RAISED: 1.0, NodeState.READY: 0.45, NodeState.DONE: 0.3}
"""How much of its state's colour fills a box that is too small for text."""
GHOST_OPACITY = 0.38
"""Of what the program has not made yet."""


def faded(color: QColor, alpha: float) -> QColor:
    """The colour, this much of it opaque."""
    result = QColor(color)
    result.setAlphaF(alpha)
    return result


def pen(color: QColor, width: float, style: Qt.PenStyle = Qt.PenStyle.SolidLine) -> QPen:
    """A pen whose lines end flat and turn round."""
    return QPen(color, width, style, Qt.PenCapStyle.FlatCap, Qt.PenJoinStyle.RoundJoin)


@dataclass(frozen=True, slots=True)
class StateInk:
    """How a node's state looks: colour, and what does not depend on colour (dash, width, bar, fill)."""

    color: QColor
    border: QPen
    fill: QColor
    title: QColor

    @property
    def mark(self) -> QPen:
        """The pen of the small sign that repeats the state."""
        return QPen(self.color, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)


class Ink:
    """Everything that is painted with in one theme."""

    def __init__(self, colors: Theme) -> None:
        self.colors = colors
        self.title_font = _font(theme.ui_font(text.TITLE_SIZE, QFont.Weight.DemiBold, fixed=True))
        self.name_font = _font(theme.ui_font(text.NAME_SIZE, QFont.Weight.DemiBold, fixed=True))
        self.small_font = _font(theme.ui_font(text.SMALL_SIZE, fixed=True))
        self.badge_font = _font(theme.ui_font(text.BADGE_SIZE, QFont.Weight.DemiBold, fixed=True))
        self.mono_font = _font(theme.mono_font(text.MONO_SIZE, fixed=True))
        self.states = {state: self._state(state) for state in NodeState}
        self.links = {
            LinkState.EMPTY: faded(colors.edge, 0.45),
            LinkState.PAST: colors.edge,
            LinkState.CARRIED: colors.done,
            LinkState.ACTIVE: colors.running,
        }
        self.glow, self.zero_glow = _glow(colors.running), _glow(colors.zero)
        fill = mix(colors.panel, colors.zero, 0.2)
        self.zeroed = StateInk(colors.zero, pen(colors.zero, RUNNING_WIDTH), fill, colors.text)
        """How a leaf looks at the step at which its gradient is taken away."""
        self.heat = (
            _rgb(colors.heat_low),
            _rgb(colors.heat_high),
            _rgb(colors.heat_negative),
            _rgb(colors.error),
        )
        self.empty_heat = faded(colors.faint, 0.16)
        self.ring = pen(colors.text, 2.0)
        self.hover_ring = pen(faded(colors.text, 0.45), 1.5)
        self.kin = QPen(colors.link, 1.5, Qt.PenStyle.DotLine)
        self.plate = faded(colors.canvas, 0.85)
        self.breakpoint = pen(colors.canvas, 1.5)

    def _state(self, state: NodeState) -> StateInk:
        colors = self.colors
        match state:
            case NodeState.IDLE:
                return StateInk(colors.outline, pen(colors.outline, 1.2), colors.panel, colors.text)
            case NodeState.READY:
                fill = mix(colors.panel, colors.ready, 0.06)
                return StateInk(colors.ready, pen(colors.ready, 1.6), fill, colors.text)
            case NodeState.RUNNING:
                return StateInk(colors.running, pen(colors.running, RUNNING_WIDTH), colors.panel, colors.text)
            case NodeState.DONE:
                return StateInk(colors.done, pen(colors.done, 1.6), colors.panel, colors.text)
            case NodeState.FREED:
                border = pen(colors.freed, 1.4)
                border.setDashPattern([3.0, 2.0])
                return StateInk(colors.freed, border, colors.raised, colors.muted)
            case NodeState.RAISED:
                fill = mix(colors.panel, colors.error, 0.12)
                return StateInk(colors.error, pen(colors.error, RUNNING_WIDTH), fill, colors.text)

    def plain(self, state: NodeState, scale: float) -> StateInk:
        """The look of a box too small for text: more of its colour, and a border at least a pixel wide."""
        return _plain(self.states[state], PLAIN_SHARES.get(state, 0.0), scale)

    def plain_zeroed(self, scale: float) -> StateInk:
        """`zeroed` for a box too small for text."""
        return _plain(self.zeroed, 1.0, scale)

    def link_pen(self, state: LinkState, width: float, vanished: bool, broken: bool) -> QPen:
        """The pen of a link: dotted where every number of the gradient is zero, the error's colour where
        some are not finite."""
        color = self.colors.error if broken else self.links[state]
        result = pen(color, width)
        if vanished:
            result.setDashPattern([1.5, 2.5])
        return result


def _plain(style: StateInk, share: float, scale: float) -> StateInk:
    border = QPen(style.border)
    border.setWidthF(max(border.widthF(), 1.3 / scale))
    return StateInk(style.color, border, mix(style.fill, style.color, share), style.title)


def _glow(color: QColor) -> list[tuple[float, QPen]]:
    """How far from a box, and with which pen, its glow is painted."""
    return [(reach, pen(faded(color, alpha), 3.0)) for reach, alpha in ((2.5, 0.30), (5.0, 0.17), (7.5, 0.07))]


def _font(font: QFont) -> QFont:
    """Unhinted, so that text keeps its shape and width at every zoom."""
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    return font


def _rgb(color: QColor) -> Rgb:
    return color.red(), color.green(), color.blue()


@lru_cache(maxsize=2)
def ink_of(name: str) -> Ink:
    """The ink of a theme."""
    return Ink(theme.load(name))
