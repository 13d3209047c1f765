"""The bar at the top: the program, what records it, the steps, where we are, the search field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from PySide6.QtCore import QCoreApplication, QSize, Qt, Slot
from PySide6.QtGui import (
    QAction,
    QColor,
    QFont,
    QFontMetrics,
    QIcon,
    QKeySequence,
    QPainter,
    QPaintEvent,
    QPalette,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from gradviz.trace.events import (
    Accumulate,
    BackwardBegin,
    BackwardEnd,
    Event,
    Flow,
    GradWrite,
    Mark,
    NodeBegin,
    NodeEnd,
    Op,
    ValueWrite,
)
from gradviz.trace.protocol import TraceLike
from gradviz_ui import icons, theme
from gradviz_ui.elided import ElidedLabel
from gradviz_ui.plain import plain_label, tip
from gradviz_ui.session import Session
from gradviz_ui.window.play_controls import PlayControls
from gradviz_ui.wording import call_text, event_text, leaf_text, node_text

STEP_BUTTONS = (
    "step.start",
    "step.previous_call",
    "step.previous_event",
    "step.next_event",
    "step.next_node",
    "step.next_call",
    "step.end",
)
BACKENDS = {"numpy": "NumPy engine", "pytorch": "PyTorch"}
HEIGHT = 48
MINIMUM_WIDTH = 860
MAKE_WAY = (1640, 1560, 1480, 1160, 980)
"""Below the first width the bar uses icons for words; below the second, it leaves out the file's name (the window's
title has it); below the third, the word mark; below the fourth, the event and the speed; below the last, what
records (the Record menu has it too) and the word "Menu"."""
FILE_WIDTH = 150
"""The file's name has as much room whatever it is: the buttons beside it must not move."""
_NATIVE = QKeySequence.SequenceFormat.NativeText


class TopBar(QWidget):
    """Made from the window's actions; what is no action (backend, step) it takes from the session."""

    def __init__(self, session: Session, actions: Mapping[str, QAction], menu: QMenu) -> None:
        super().__init__()
        self.setObjectName("top_bar_content")
        self.setFixedHeight(max(HEIGHT, theme.px(HEIGHT)))
        self.session = session
        self._actions = actions
        self._narrow = 0
        self.mark = self._mark()
        self.menu_button = self._menu_button(menu)
        self.file = self._label("file_label", muted=True)
        self.file.setFixedWidth(theme.px(FILE_WIDTH))
        self.backend = self._backend_box()
        self.record = self._record_button()
        self.steps = [self._step_button(id) for id in STEP_BUTTONS]
        self.play = PlayControls(session, actions["step.play"], self)
        self.step = self._label("step_label", weight=QFont.Weight.DemiBold)
        self.what = self._label("event_label", muted=True)
        self.search = self._search_button()
        self.export = self._button("file.export", "export_button")
        self.theme_button = self._button("view.toggle_theme", "theme_button")
        self._lay_out()
        session.debugging.trace_changed.connect(self._show_step)
        session.debugging.step_changed.connect(self._show_step)
        session.program_changed.connect(self._show_file)
        session.program_edited.connect(self._show_file)
        session.debugging.trace_changed.connect(self._show_file)
        session.recording_changed.connect(self._show_recording)
        theme.themes().changed.connect(self._restyle)
        self._restyle()
        self._show_file()
        self._show_step()
        self._show_recording()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setSizeConstraint(QHBoxLayout.SizeConstraint.SetNoConstraint)
        layout.setContentsMargins(12, 0, 16, 0)
        layout.setSpacing(8)
        for widget, space in (
            (self.mark, 4),
            (self.menu_button, 2),
            (self.file, 4),
            (self.backend, 0),
            (self.record, 14),
        ):
            layout.addWidget(widget)
            layout.addSpacing(space)
        steps = QHBoxLayout()
        steps.setSpacing(4)
        for button in self.steps:
            steps.addWidget(button)
        steps.addWidget(self.play)
        layout.addLayout(steps)
        layout.addSpacing(10)
        layout.addWidget(self.step)
        layout.addSpacing(4)
        layout.addWidget(self.what, 5)
        layout.addStretch()
        layout.addWidget(self.search, 2)
        layout.addWidget(self.export)
        layout.addWidget(self.theme_button)

    def minimumSizeHint(self) -> QSize:
        """Narrower than the parts need: some of them make way (see `resizeEvent`)."""
        return QSize(MINIMUM_WIDTH, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Where it is narrow, words make way for icons, and names for the steps."""
        super().resizeEvent(event)
        width = event.size().width()
        narrow = sum(width < theme.px(limit) for limit in MAKE_WAY)
        if narrow != self._narrow:
            self._narrow = narrow
            self.file.setVisible(narrow < 2)
            self.mark.setVisible(narrow < 3)
            self.play.speed.setVisible(narrow < 4)
            self.backend.setVisible(narrow < 5)
            self.menu_button.setText(self.tr("Menu") if narrow < 5 else "")
            self._restyle()
            self._show_step()

    # The parts

    def _mark(self) -> QLabel:
        mark = plain_label("gradviz", self)
        mark.setObjectName("word_mark")
        mark.setFont(theme.ui_font(17, QFont.Weight.DemiBold))
        return mark

    def _menu_button(self, menu: QMenu) -> QPushButton:
        button = QPushButton(self.tr("Menu"), self)
        button.setObjectName("menu_button")
        button.setToolTip(tip(self.tr("Menu (F10)")))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.setAccessibleName(self.tr("Menu"))
        button.setMenu(menu)
        return button

    def _backend_box(self) -> QComboBox:
        box = QComboBox(self)
        box.setObjectName("backend_box")
        box.setAccessibleName(self.tr("Recorded with"))
        box.setToolTip(tip(self.tr("What runs the program: the built-in NumPy engine, or PyTorch")))
        for key, name in BACKENDS.items():
            box.addItem(self.tr(name), key)
        box.activated.connect(self._backend_chosen)
        return box

    def _button(self, id: str, name: str) -> QPushButton:
        action = self._actions[id]
        button = QPushButton(self)
        button.setObjectName(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setAccessibleName(action.text().replace("&", ""))
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.clicked.connect(action.trigger)
        action.changed.connect(self._enable)
        return button

    def _record_button(self) -> QPushButton:
        button = QPushButton(self)
        button.setObjectName("record_button")
        button.setProperty("primary", True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self._record_or_stop)
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        for id in ("record.start", "record.stop"):
            self._actions[id].changed.connect(self._show_recording)
        return button

    def _step_button(self, id: str) -> QToolButton:
        button = QToolButton(self)
        button.setObjectName(id.replace(".", "_") + "_button")
        button.setProperty("framed", True)
        button.setDefaultAction(self._actions[id])
        button.setAccessibleName(self._actions[id].text().replace("&", ""))
        button.setIconSize(QSize(18, 18))
        button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button

    def _search_button(self) -> QPushButton:
        action = self._actions["edit.palette"]
        button = SearchButton(self.tr("Find node, tensor, command…"), action.shortcut().toString(_NATIVE), self)
        button.setObjectName("search_button")
        button.setAccessibleName(self.tr("Find node, tensor or command"))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        button.setMinimumWidth(120)
        button.setMaximumWidth(290)
        button.clicked.connect(action.trigger)
        return button

    def _label(self, name: str, weight: QFont.Weight = QFont.Weight.Normal, muted: bool = False) -> ElidedLabel:
        label = ElidedLabel(parent=self)
        label.setObjectName(name)
        label.setFont(theme.ui_font(weight=weight))
        label.setProperty("muted", muted)
        return label

    # What they show

    @Slot()
    def _show_file(self) -> None:
        document, trace = self.session.document, self.session.debugging.trace
        name = document.name if document is not None else (trace.program or "") if trace is not None else ""
        modified = document is not None and document.modified
        self.file.setText(f"{name} •" if modified else name)

    @Slot()
    def _show_step(self) -> None:
        trace = self.session.debugging.trace
        self.step.setVisible(trace is not None)
        self.what.setVisible(trace is not None and self._narrow < 4)
        if trace is None:
            return
        text = self.tr("step {step} / {count}").replace("{step}", str(self.session.debugging.step))
        self.step.setText(text.replace("{count}", str(self.session.debugging.last_step)))
        self.step.setMinimumWidth(self._step_width())
        event = self.session.debugging.current_event
        self.what.setText(short_text(trace, event) if event is not None else self.tr("before the first event"))

    def _step_width(self) -> int:
        """As wide as the largest step number of this trace: what stands to the right must not shake."""
        digits = "0" * len(str(self.session.debugging.last_step))
        widest = self.tr("step {step} / {count}").replace("{step}", digits).replace("{count}", digits)
        return self.step.fontMetrics().horizontalAdvance(widest) + 4

    @Slot()
    def _show_recording(self) -> None:
        recording = self.session.recording
        action = self._actions["record.stop" if recording else "record.start"]
        self.record.setText(self.tr("Stop") if recording else self.tr("Record"))
        self.record.setFixedWidth(self._record_width())
        self.record.setToolTip(tip(action.toolTip()))
        self.record.setEnabled(action.isEnabled())
        color = theme.current().accent_text if self.record.isEnabled() else theme.current().faint
        self.record.setIcon(icons.icon("stop" if recording else "record", color, 14))
        self.backend.setCurrentIndex(max(0, self.backend.findData(self.session.settings.backend)))
        self.backend.setEnabled(not recording)

    def _record_width(self) -> int:
        """As wide as the longer of its two words."""
        metrics = QFontMetrics(theme.ui_font(weight=QFont.Weight.DemiBold))
        return max(metrics.horizontalAdvance(self.tr(word)) for word in ("Record", "Stop")) + 48

    @Slot()
    def _record_or_stop(self) -> None:
        self._actions["record.stop" if self.session.recording else "record.start"].trigger()

    @Slot()
    def _enable(self) -> None:
        self.export.setEnabled(self._actions["file.export"].isEnabled())

    @Slot()
    def _restyle(self) -> None:
        colors = theme.current()
        for label in self.findChildren(ElidedLabel):
            palette = label.palette()
            color: QColor = colors.muted if label.property("muted") else colors.text
            palette.setColor(QPalette.ColorRole.WindowText, color)
            label.setPalette(palette)
        self.export.setText("" if self._narrow else self.tr("Export"))
        self.export.setIcon(icons.icon("export") if self._narrow else QIcon())
        self.export.setToolTip(tip(self._actions["file.export"].toolTip()))
        other = self.tr("Light") if colors.dark else self.tr("Dark")
        self.theme_button.setText("" if self._narrow else other)
        self.theme_button.setIcon(icons.icon("sun" if colors.dark else "moon") if self._narrow else QIcon())
        self.theme_button.setToolTip(tip(self._actions["view.toggle_theme"].toolTip()))
        self.menu_button.setIcon(icons.icon("menu"))
        self.play.refresh()
        self._enable()
        self._show_recording()

    @Slot(int)
    def _backend_chosen(self, index: int) -> None:
        self.session.set_backend(cast(str, self.backend.itemData(index)))


class SearchButton(QPushButton):
    """Looks like a field to type into; says the key that opens it."""

    def __init__(self, hint: str, key: str, parent: QWidget) -> None:
        super().__init__(parent)
        self._hint, self._key = hint, key
        self.setCursor(Qt.CursorShape.IBeamCursor)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The frame of a button, the hint at the left, the key at the right."""
        super().paintEvent(event)
        painter = QPainter(self)
        rect = self.rect().adjusted(12, 0, -12, 0)
        painter.setPen(theme.current().muted)
        painter.setFont(theme.mono_font(theme.MONO_SIZE - 1))
        metrics = painter.fontMetrics()
        key_width = metrics.horizontalAdvance(self._key)
        painter.drawText(rect, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, self._key)
        painter.setFont(theme.ui_font())
        left = rect.adjusted(0, 0, -key_width - 10, 0)
        hint = painter.fontMetrics().elidedText(self._hint, Qt.TextElideMode.ElideRight, left.width())
        painter.drawText(left, Qt.AlignmentFlag.AlignVCenter, hint)
        painter.end()


def short_text(trace: TraceLike, event: Event) -> str:
    """Where the step is, in a few words: "out.backward() · call 2 · AccumulateGrad inp"."""
    translate = QCoreApplication.translate
    match event:
        case Op():
            return translate("TopBar", "forward · {what}").replace("{what}", event.name)
        case NodeBegin() | NodeEnd():
            what = node_text(trace, event.node)
        case Flow():
            what = f"{trace.nodes[event.source].name} → {node_text(trace, event.target)}"
        case Accumulate():
            what = node_text(trace, event.leaf)
        case BackwardBegin():
            what = translate("TopBar", "begins")
        case BackwardEnd():
            what = translate("TopBar", "returns") if event.error is None else translate("TopBar", "raises")
        case GradWrite():
            return f"{leaf_text(trace, event.leaf)}.grad · {event.cause}"
        case ValueWrite():
            return f"{leaf_text(trace, event.leaf)} · {event.cause}"
        case Mark():
            return event.name
        case _:
            return event_text(trace, event)
    return f"{call_text(trace, event.call)} · {what}"
