"""All actions with their keys, made from the table of actions."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLineEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from gradviz_ui.window.actions import ACTIONS, MENUS, Action

SPECIAL_KEYS = {"New", "Open", "Save", "Undo", "Redo", "Find", "F14", "Zoom In", "Zoom Out"}
"""Keys that only some keyboards have; they work, but say nothing in a list."""


class KeysDialog(QDialog):
    """A list to read and to search."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("keys_dialog")
        self.setWindowTitle(self.tr("Keyboard shortcuts"))
        self.resize(520, 620)
        self.field = QLineEdit(self)
        self.field.setObjectName("keys_field")
        self.field.setAccessibleName(self.tr("Search the shortcuts"))
        self.field.setPlaceholderText(self.tr("Search"))
        self.field.textChanged.connect(self._search)
        self.tree = QTreeWidget(self)
        self.tree.setObjectName("keys_tree")
        self.tree.setAccessibleName(self.tr("Shortcuts"))
        self.tree.setHeaderLabels([self.tr("Action"), self.tr("Keys")])
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.tree.header().setSectionResizeMode(1, QHeaderView.ResizeMode.ResizeToContents)
        self.tree.header().setStretchLastSection(False)
        self.tree.setRootIsDecorated(False)
        for menu, title in MENUS.items():
            top = QTreeWidgetItem(self.tree, [QCoreApplication.translate("Menu", title).replace("&", "")])
            top.setFlags(Qt.ItemFlag.ItemIsEnabled)
            for action in ACTIONS:
                if action.menu == menu:
                    QTreeWidgetItem(top, [action.plain_text, key_list(action)])
        self.tree.expandAll()
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, self)
        buttons.setObjectName("keys_buttons")
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(self.field)
        layout.addWidget(self.tree)
        layout.addWidget(buttons)

    def _search(self, text: str) -> None:
        wanted = text.casefold()
        for index in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(index)
            assert top is not None
            found = 0
            for number in range(top.childCount()):
                row = top.child(number)
                assert row is not None
                row.setHidden(wanted not in f"{row.text(0)} {row.text(1)}".casefold())
                found += not row.isHidden()
            top.setHidden(not found)


def key_list(action: Action) -> str:
    """All keys of an action, as this system writes them."""
    usual = [keys for keys in action.sequences if keys.toString() not in SPECIAL_KEYS]
    return ", ".join(keys.toString(QKeySequence.SequenceFormat.NativeText) for keys in usual)
