"""The command palette: find any node, tensor or command by a few letters, with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QRect, QSize, Qt, Signal, Slot
from PySide6.QtGui import QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QFrame,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from gradviz.trace.model import NodeKind
from gradviz.trace.numbers import shape_text
from gradviz_ui import icons, theme
from gradviz_ui.plain import plain_label
from gradviz_ui.session import Debugging, Selection
from gradviz_ui.window import fuzzy

LIMIT = 60
WIDTH = 560
ROWS = 11
ROW_HEIGHT = 30

_ENTRY = Qt.ItemDataRole.UserRole


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to find: its name, what stands beside it, and what choosing it does."""

    name: str
    detail: str
    icon: str
    run: Callable[[], object]


class _Rows(QStyledItemDelegate):
    """Icon and name at the left, the detail at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """All rows are equally high."""
        return QSize(WIDTH, ROW_HEIGHT)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draw one row."""
        colors = theme.current()
        entry: Entry = index.data(_ENTRY)
        rect: QRect = option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, colors.selection)
        icon = icons.icon(entry.icon, colors.muted)
        icon.paint(painter, QRect(rect.left() + 12, rect.top(), 16, rect.height()))
        painter.setFont(theme.ui_font(theme.UI_SIZE - 1))
        width = painter.fontMetrics().horizontalAdvance(entry.detail) + 28 if entry.detail else 12
        painter.setPen(colors.muted)
        right = rect.adjusted(0, 0, -14, 0)
        painter.drawText(right, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, entry.detail)
        painter.setFont(theme.ui_font())
        painter.setPen(colors.text)
        left = rect.adjusted(38, 0, -width, 0)
        name = painter.fontMetrics().elidedText(entry.name, Qt.TextElideMode.ElideRight, left.width())
        painter.drawText(left, Qt.AlignmentFlag.AlignVCenter, name)


class CommandPalette(QFrame):
    """A field and the list of what it finds, over the window's top."""

    closed = Signal()

    def __init__(self, debugging: Debugging, commands: Callable[[], list[Entry]], window: QWidget) -> None:
        super().__init__(window)
        self.setObjectName("command_palette")
        self.debugging = debugging
        self._window = window
        self._commands = commands
        self._entries: list[Entry] = []
        self.field = QLineEdit(self)
        self.field.setObjectName("palette_field")
        self.field.setAccessibleName(self.tr("Find node, tensor or command"))
        self.field.setPlaceholderText(self.tr("Find node, tensor, command…"))
        self.field.textChanged.connect(self._search)
        self.field.installEventFilter(self)
        self.list = QListWidget(self)
        self.list.setObjectName("palette_list")
        self.list.setAccessibleName(self.tr("Found"))
        self.list.setItemDelegate(_Rows(self.list))
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.itemClicked.connect(self._choose)
        self.nothing = plain_label(self.tr("Nothing is called so"), self)
        self.nothing.setObjectName("palette_nothing")
        self.nothing.setProperty("muted", True)
        self.nothing.setContentsMargins(8, 0, 8, 4)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(10, 10, 10, 10)
        layout.setSpacing(8)
        layout.addWidget(self.field)
        layout.addWidget(self.list)
        layout.addWidget(self.nothing)
        self.hide()

    def enter(self) -> None:
        """Open with everything there is to find."""
        self._entries = [*self._commands(), *self._trace_entries()]
        self._place()
        self._restyle()
        self.field.clear()
        self._search("")
        self.show()
        self.raise_()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def leave(self) -> None:
        """Close, having done nothing."""
        if self.isVisible():
            self.hide()
            self.closed.emit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keys of the field: up and down in the list, Enter, Escape. It closes when the focus goes."""
        if event.type() is QEvent.Type.FocusOut and self.isVisible():
            self.hide()
        if not isinstance(event, QKeyEvent) or event.type() is not QEvent.Type.KeyPress:
            return False
        key = event.key()
        moves = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: ROWS, Qt.Key.Key_PageUp: -ROWS}
        if key == Qt.Key.Key_Escape:
            self.leave()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.list.currentItem())
        elif key in moves:
            row = self.list.currentRow() + moves[Qt.Key(key)]
            self.list.setCurrentRow(max(0, min(row, self.list.count() - 1)))
        else:
            return False
        return True

    @Slot(str)
    def _search(self, text: str) -> None:
        self.list.clear()
        for entry in fuzzy.search(text, self._entries, _name, LIMIT):
            item = QListWidgetItem(f"{entry.name} {entry.detail}", self.list)
            item.setData(_ENTRY, entry)
        self.list.setVisible(self.list.count() > 0)
        self.nothing.setVisible(self.list.count() == 0)
        self.list.setCurrentRow(0)
        self._place()

    @Slot(QListWidgetItem)
    def _choose(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        entry: Entry = item.data(_ENTRY)
        self.leave()
        entry.run()

    def _trace_entries(self) -> Iterator[Entry]:
        trace = self.debugging.trace
        for node in trace.nodes if trace is not None else ():
            leaf = node.kind is NodeKind.ACCUMULATE_GRAD
            name = f"{node.label} · {node.name}" if node.label else node.name
            shape = shape_text(node.shape) if node.shape is not None else ""
            line = self.tr("line {line}").replace("{line}", str(node.line)) if node.line else ""
            detail = "  ".join(part for part in (shape, line) if part)
            run = partial(self.debugging.select, Selection(node=node.id), True)
            yield Entry(name, detail, "leaf" if leaf else "node", run)

    def _place(self) -> None:
        window = self._window
        width = min(WIDTH + 20, window.width() - 40)
        rows = max(1, min(ROWS, self.list.count()))
        height = min(rows * ROW_HEIGHT + self.field.sizeHint().height() + 32, window.height() - 80)
        self.setGeometry((window.width() - width) // 2, 52, width, height)

    def _restyle(self) -> None:
        colors = theme.current()
        self.setStyleSheet(
            f"QFrame#command_palette {{ background: {colors.raised.name()};"
            f" border: 1px solid {colors.outline.name()}; border-radius: 10px; }}"
            f"QListWidget {{ background: transparent; border: none; }}"
        )


def _name(entry: Entry) -> str:
    return entry.name
