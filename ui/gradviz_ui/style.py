"""The application's QPalette and its little style sheet, both made from the theme's roles."""

from __future__ import annotations

from string import Template

from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QAbstractSpinBox, QApplication

from gradviz import resources
from gradviz_ui import theme
from gradviz_ui.theme import Theme, mix

SHEET = Template("""
QMainWindow, QDialog { background: $window; }
QMainWindow::separator { background: $border; width: 1px; height: 1px; }
QMainWindow::separator:hover { background: $accent; }

QToolTip { background: $raised; color: $text; border: 1px solid $outline; padding: 4px 6px; }

QMenu { background: $raised; border: 1px solid $outline; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $selection; color: $text; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $border; margin: 4px 8px; }
QMenu::indicator { width: 14px; height: 14px; left: 6px; }
QMenuBar { background: $window; }
QMenuBar::item { padding: 4px 9px; background: transparent; border-radius: 4px; }
QMenuBar::item:selected { background: $selection; }

QToolBar#top_bar { background: $window; border: none; border-bottom: 1px solid $border; padding: 0; spacing: 0; }
QStatusBar { background: $raised; border-top: 1px solid $border; color: $muted; }
QStatusBar::item { border: none; }
QStatusBar QLabel { color: $muted; font-size: ${small}px; padding: 0 6px; }

QPushButton, QToolButton[framed="true"], QComboBox {
    background: $raised; color: $text; border: 1px solid $border; border-radius: 6px;
    padding: 3px 12px; min-height: 20px;
}
QToolButton[framed="true"] { padding: 3px 7px; }
QToolButton[framed="true"]::menu-indicator { image: none; width: 0; }
QPushButton:hover, QToolButton[framed="true"]:hover, QComboBox:hover { border-color: $outline; background: $hover; }
QPushButton:pressed, QToolButton[framed="true"]:pressed { background: $selection; }
QPushButton:focus, QToolButton[framed="true"]:focus, QComboBox:focus { border-color: $accent; }
QPushButton:disabled, QToolButton[framed="true"]:disabled, QComboBox:disabled { color: $faint; }
QPushButton[primary="true"] { background: $accent; color: $accent_text; border-color: $accent; font-weight: 600; }
QPushButton[primary="true"]:hover { background: $accent_hover; border-color: $accent_hover; }
QPushButton[primary="true"]:focus { border-color: $text; }
QPushButton[primary="true"]:disabled { background: $raised; color: $faint; border-color: $border; }
QPushButton[danger="true"] { background: $error; color: #ffffff; border-color: $error; font-weight: 600; }
QPushButton[quiet="true"] { background: transparent; border-color: transparent; padding: 3px 8px; text-align: left; }
QPushButton[quiet="true"]:hover { background: $hover; }
QPushButton[quiet="true"]:focus { border-color: $accent; }
QPushButton#search_button { color: $muted; text-align: left; padding: 3px 10px; }
QPushButton#menu_button::menu-indicator { image: none; width: 0; }

QToolButton[flat="true"] { border: none; background: transparent; border-radius: 4px; padding: 2px; }
QToolButton[flat="true"]:hover { background: $hover; }
QToolButton[flat="true"]:focus { border: 1px solid $accent; }

QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url("$chevron"); width: 12px; height: 12px; margin-right: 8px; }
QComboBox QAbstractItemView {
    background: $raised; border: 1px solid $outline; selection-background-color: $selection;
    selection-color: $text; outline: none; padding: 4px;
}

QLineEdit, QSpinBox, QDoubleSpinBox {
    background: $editor; border: 1px solid $border; border-radius: 6px; padding: 3px 8px; min-height: 20px;
    selection-background-color: $selected_text;
}
QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus { border-color: $accent; }
QSpinBox, QDoubleSpinBox { padding-right: 18px; }
QAbstractSpinBox > QLineEdit { border: none; background: transparent; min-height: 0; }
QCheckBox, QRadioButton { spacing: 8px; }
QCheckBox::indicator, QRadioButton::indicator {
    width: 14px; height: 14px; border: 1px solid $muted; border-radius: 3px; background: $editor;
}
QRadioButton::indicator { border-radius: 8px; }
QCheckBox::indicator:hover, QRadioButton::indicator:hover { border-color: $text; }
QCheckBox:focus, QRadioButton:focus { color: $accent; }
QCheckBox::indicator:checked { image: url("$check"); background: $accent; border-color: $accent; }
QRadioButton::indicator:checked { image: url("$dot"); background: $accent; border-color: $accent; }
QCheckBox::indicator:disabled, QRadioButton::indicator:disabled { border-color: $border; background: $raised; }
QMessageBox {
    messagebox-question-icon: url("$question"); messagebox-information-icon: url("$information");
    messagebox-warning-icon: url("$warning"); messagebox-critical-icon: url("$critical");
}
QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {
    subcontrol-origin: border; width: 18px; border: none; background: transparent;
}
QAbstractSpinBox::up-button { subcontrol-position: top right; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; }
QAbstractSpinBox::up-arrow { image: url("$chevron_up"); width: 9px; height: 9px; }
QAbstractSpinBox::down-arrow { image: url("$chevron"); width: 9px; height: 9px; }

QTabBar { background: $panel; }
QTabBar::tab {
    background: transparent; color: $muted; padding: 8px 4px 7px 4px; margin: 0 8px 0 8px;
    border: none; border-bottom: 2px solid transparent;
}
QTabBar::tab:first { margin-left: 20px; }
QTabBar::tab:selected { color: $text; border-bottom-color: $accent; font-weight: 600; }
QTabBar::tab:hover:!selected { color: $text; }
QTabBar::tab:focus { color: $accent; }
QTabWidget::pane { border: none; }

QAbstractItemView { outline: none; }
QTableView, QTreeView, QListView {
    background: $panel; alternate-background-color: $panel; border: none; gridline-color: transparent;
    selection-background-color: $selection; selection-color: $text;
}
QHeaderView { background: $panel; }
QHeaderView::section {
    background: $panel; color: $muted; border: none; border-bottom: 1px solid $border; padding: 4px 8px;
}
QPlainTextEdit, QTextEdit { border: none; selection-background-color: $selected_text; }
QAbstractScrollArea::corner { background: transparent; border: none; }
QPlainTextEdit#editor { background: $editor; color: $text; }
QPlainTextEdit#console_text { background: $panel; color: $text; }
QScrollArea { border: none; background: transparent; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $handle; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 28px; }
QScrollBar::handle:horizontal { min-width: 28px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QProgressBar { background: $raised; border: 1px solid $border; border-radius: 4px; height: 6px; text-align: center; }
QProgressBar::chunk { background: $accent; border-radius: 3px; }
""")


NUMBER_ROOM = 7
"""Pixels between the frame of a spin box and its number, as in the other fields."""
BOXES = ("question", "information", "warning", "critical")


def apply(app: QApplication) -> None:
    """Give the application the palette, font and style sheet of the current theme."""
    colors = theme.current()
    app.setPalette(palette(colors))
    app.setFont(theme.ui_font())
    written = sheet(colors)
    if written != app.styleSheet():  # the same one again would polish every widget for nothing
        app.setStyleSheet(written)


def indent_number(box: QAbstractSpinBox) -> None:
    """Let the number keep off the frame: the padding of a spin box in a style sheet does not move its text."""
    box.lineEdit().setTextMargins(NUMBER_ROOM, 0, 0, 0)


def palette(colors: Theme) -> QPalette:
    """The theme in Qt's own roles, for whatever no style sheet rule names."""
    role = QPalette.ColorRole
    result = QPalette()
    for name, color in {
        role.Window: colors.window,
        role.WindowText: colors.text,
        role.Base: colors.panel,
        role.AlternateBase: colors.raised,
        role.Text: colors.text,
        role.PlaceholderText: colors.muted,
        role.Button: colors.raised,
        role.ButtonText: colors.text,
        role.BrightText: colors.error,
        role.ToolTipBase: colors.raised,
        role.ToolTipText: colors.text,
        role.Highlight: colors.selection,
        role.HighlightedText: colors.text,
        role.Link: colors.link,
        role.LinkVisited: colors.link,
        role.Accent: colors.accent,
        role.Light: colors.raised,
        role.Midlight: colors.raised,
        role.Mid: colors.border,
        role.Dark: colors.border,
        role.Shadow: colors.canvas,
    }.items():
        result.setColor(name, color)
    for name in (role.WindowText, role.Text, role.ButtonText):
        result.setColor(QPalette.ColorGroup.Disabled, name, colors.faint)
    return result


def sheet(colors: Theme) -> str:
    """The style sheet with the theme's colours filled in."""
    names = ("window", "panel", "raised", "editor", "border", "outline", "text", "muted", "faint", "accent")
    values = {name: getattr(colors, name).name() for name in (*names, "accent_text", "selection", "error")}
    return SHEET.substitute(
        values,
        small=theme.px(12),
        hover=mix(colors.raised, colors.text, 0.06).name(),
        accent_hover=mix(colors.accent, colors.text, 0.15).name(),
        selected_text=mix(colors.editor, colors.link, 0.35).name(),
        handle=mix(colors.panel, colors.muted, 0.35).name(),
        chevron=resources.path("icons", "chevron-drop.svg").as_posix(),
        check=resources.path("icons", "check.svg").as_posix(),
        dot=resources.path("icons", "dot.svg").as_posix(),
        **{name: resources.path("icons", f"box-{name}.svg").as_posix() for name in BOXES},
        chevron_up=resources.path("icons", "chevron-rise.svg").as_posix(),
    )
