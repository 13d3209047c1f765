"""What floats over the graph: the switch between views with the layout menu, and the legend."""

from __future__ import annotations

from typing import get_args

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal, Slot
from PySide6.QtGui import QAction, QActionGroup, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QMenu, QToolButton, QWidget

from gradviz.layout import LAYOUTS
from gradviz.projection.diagram import View
from gradviz.replay import NodeState
from gradviz_ui import theme
from gradviz_ui.canvas.card_painter import paint_sign
from gradviz_ui.canvas.ink import ink_of
from gradviz_ui.plain import tip
from gradviz_ui.theme import mix
from gradviz_ui.wording import layout_text, state_text


class Controls(QFrame):
    """Forward, Backward or Both, and the menu of layouts."""

    view_chosen = Signal(str)
    layout_chosen = Signal(str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_controls")
        titles = {"forward": self.tr("Forward"), "backward": self.tr("Backward"), "both": self.tr("Both")}
        self._views = QButtonGroup(self)
        self.buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(5, 4, 5, 4)
        row.setSpacing(2)
        for view in ("forward", "backward", "both"):
            assert view in get_args(View)
            button = QToolButton(self)
            button.setObjectName(f"view_{view}")
            button.setText(titles[view])
            button.setAccessibleName(self.tr("Show {view}").replace("{view}", titles[view]))
            button.setCheckable(True)
            self._views.addButton(button)
            self.buttons[view] = button
            row.addWidget(button)
        self._views.buttonClicked.connect(self._view_clicked)
        self.layout_button = QToolButton(self)
        self.layout_button.setObjectName("layout_menu_button")
        self.layout_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.layout_button.setToolTip(tip(self.tr("How the graph is arranged")))
        self.menu = QMenu(self)
        self.menu.setObjectName("layout_menu")
        self.menu.aboutToShow.connect(self._fill_menu)
        self.menu.triggered.connect(self._layout_triggered)
        self.layout_button.setMenu(self.menu)
        row.addSpacing(10)
        row.addWidget(self.layout_button)
        self._layout = "layered"
        self.restyle()

    @property
    def layout_title(self) -> str:
        """The title of the layout in force."""
        return layout_text(self._layout)

    def show_choice(self, view: str, layout: str) -> None:
        """Mark what is in force."""
        self.buttons[view].setChecked(True)
        self._layout = layout
        self.layout_button.setText(f"{self.layout_title}  ▾")
        self.layout_button.setAccessibleName(self.tr("Layout: {name}").replace("{name}", self.layout_title))
        self.adjustSize()

    def restyle(self) -> None:
        """Take the colours of the theme."""
        colors = theme.current()
        hover = mix(colors.panel, colors.text, 0.06).name()
        self.setStyleSheet(
            f"""
            #canvas_controls {{ background: {colors.panel.name()}; border: 1px solid {colors.border.name()};
                border-radius: 8px; }}
            QToolButton {{ background: transparent; border: 1px solid transparent; border-radius: 6px;
                color: {colors.muted.name()}; padding: 3px 13px; font-size: {theme.px(12)}px; }}
            QToolButton:hover {{ background: {hover}; color: {colors.text.name()}; }}
            QToolButton:checked {{ background: {colors.selection.name()}; color: {colors.text.name()};
                font-weight: 600; }}
            QToolButton:focus {{ border-color: {colors.accent.name()}; }}
            #layout_menu_button {{ color: {colors.text.name()}; }}
            QToolButton::menu-indicator {{ image: none; width: 0; }}
            """
        )
        self.adjustSize()

    @Slot(object)
    def _view_clicked(self, clicked: object) -> None:
        self.view_chosen.emit(next(view for view, button in self.buttons.items() if button is clicked))

    @Slot()
    def _fill_menu(self) -> None:
        """Made when it opens: what is missing on this machine is looked up only then."""
        from gradviz.layout import missing

        self.menu.clear()
        group = QActionGroup(self.menu)
        for name in LAYOUTS:
            title = layout_text(name)
            if name == "multipartite":
                self.menu.addSection("NetworkX")
            elif name == "dot":
                self.menu.addSection("Graphviz")
            reason = missing(name) if name != "layered" else None
            action = QAction(title, group)
            action.setData(name)
            action.setCheckable(True)
            action.setChecked(name == self._layout)
            action.setEnabled(reason is None)
            if reason:
                action.setText(f"{title} ({reason})")
            self.menu.addAction(action)

    @Slot(QAction)
    def _layout_triggered(self, action: QAction) -> None:
        self.layout_chosen.emit(action.data())


class Legend(QWidget):
    """Which form and colour stands for which state. It lets the mouse through."""

    SIDE = 11
    WIDE, TIGHT = 22, 12
    """Pixels between two states, where there is room and where there is little."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("canvas_legend")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setFont(theme.ui_font(12))
        self.states: tuple[NodeState, ...] = ()
        self._gap = self.WIDE
        self.show_states(raised=False)

    def show_states(self, raised: bool) -> None:
        """Explain every state; one that says that a node raised only where one did."""
        self.states = tuple(state for state in NodeState if raised or state is not NodeState.RAISED)
        names = ", ".join(state_text(state) for state in self.states)
        self.setAccessibleName(self.tr("Legend: {states}").replace("{states}", names))
        self.update()

    def take_width(self, width: int) -> None:
        """Take the size it needs: moved together where ``width`` pixels are too few for it."""
        self._gap = self.WIDE
        if self.sizeHint().width() > width:
            self._gap = self.TIGHT
        self.resize(self.sizeHint())
        self.update()

    def sizeHint(self) -> QSize:
        metrics = self.fontMetrics()
        texts = sum(metrics.horizontalAdvance(state_text(state)) for state in self.states)
        return QSize(texts + len(self.states) * (self.SIDE + 7 + self._gap), 24)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            self._paint(painter)
        finally:
            painter.end()

    def _paint(self, painter: QPainter) -> None:
        colors = theme.current()
        ink = ink_of(colors.name)
        painter.fillRect(self.rect(), colors.canvas)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(colors.border)
        painter.setBrush(colors.panel)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        x, middle = self._gap / 2, self.height() / 2
        for state in self.states:
            style = ink.states[state]
            box = QRectF(x, middle - self.SIDE / 2, self.SIDE, self.SIDE)
            painter.setPen(style.border)
            painter.setBrush(style.fill)
            painter.drawRoundedRect(box, 2.5, 2.5)
            painter.save()
            painter.translate(box.center())
            painter.scale(0.68, 0.68)
            paint_sign(painter, style, state, QPointF(0, 0))
            painter.restore()
            x += self.SIDE + 7
            painter.setPen(colors.muted)
            text = state_text(state)
            painter.drawText(QPointF(x, middle + 4), text)
            x += self.fontMetrics().horizontalAdvance(text) + self._gap
