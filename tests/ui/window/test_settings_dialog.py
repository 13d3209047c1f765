"""Edit > Settings, with real clicks and keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QComboBox, QFileDialog, QSpinBox
from pytestqt.qtbot import QtBot

from gradviz_ui import theme
from gradviz_ui.settings import all_settings
from gradviz_ui.window import appearance
from gradviz_ui.window.main_window import MainWindow
from gradviz_ui.window.settings_dialog import ROWS, SettingsDialog

KEY, CTRL = Qt.Key, Qt.KeyboardModifier.ControlModifier
ELSEWHERE = {"menu_bar", "follow"}
"""Settings that are switched in a menu and on the canvas."""


@pytest.fixture
def dialog(window: MainWindow, qtbot: QtBot) -> Iterator[SettingsDialog]:
    """The dialog, opened by its key."""
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window.focusWidget() or window, KEY.Key_Comma, CTRL)
    qtbot.waitUntil(lambda: window.findChild(SettingsDialog) is not None)
    found = window.findChild(SettingsDialog)
    qtbot.waitExposed(found)
    yield found
    window.session.settings.reset()
    appearance.begin(window.session.settings)
    theme.themes().choose("dark")


def pick(qtbot: QtBot, dialog: SettingsDialog, key: str, row: int) -> None:
    """Choose a row of a list with the keyboard."""
    box = dialog.fields[key]
    assert isinstance(box, QComboBox)
    box.setFocus()
    qtbot.keyClick(box, KEY.Key_Home)
    for _ in range(row):
        qtbot.keyClick(box, KEY.Key_Down)


def test_every_setting_has_a_row_or_a_place_of_its_own() -> None:
    assert {row.key for row in ROWS} | ELSEWHERE == {setting.key for setting in all_settings()}


def test_every_choice_has_a_name(dialog: SettingsDialog) -> None:
    for setting in all_settings():
        field = dialog.fields.get(setting.key)
        names = [field.itemText(row) for row in range(field.count())] if isinstance(field, QComboBox) else []
        assert all(names)
        assert len(names) == len(set(names))


def test_colours_change_at_once(dialog: SettingsDialog, window: MainWindow, qtbot: QtBot) -> None:
    pick(qtbot, dialog, "theme", 2)
    assert window.session.settings.theme == "light"
    assert not theme.current().dark


def test_the_language_changes_at_once_and_the_dialog_with_it(
    dialog: SettingsDialog, window: MainWindow, qtbot: QtBot
) -> None:
    with qtbot.waitSignal(window.rewritten):
        pick(qtbot, dialog, "language", 2)
    assert dialog.isVisible()
    assert dialog.windowTitle() == "设置"
    assert window.docks["code"].windowTitle() == "代码"
    with qtbot.waitSignal(window.rewritten):
        pick(qtbot, dialog, "language", 1)
    assert dialog.windowTitle() == "Settings"


def test_decimals_are_typed_and_show_in_the_sample(dialog: SettingsDialog, window: MainWindow, qtbot: QtBot) -> None:
    assert dialog.sample.text().startswith("22.63")
    field = dialog.fields["decimals"]
    assert isinstance(field, QSpinBox)
    field.setFocus()
    field.selectAll()
    with qtbot.waitSignal(window.rewritten):
        qtbot.keyClicks(field, "4")
    assert window.session.settings.decimals == 4
    assert dialog.sample.text().startswith("22.6274")


def test_the_number_keeps_off_the_frame(dialog: SettingsDialog) -> None:
    field = dialog.fields["decimals"]
    image = field.grab().toImage()
    middle, text = image.height() // 2, theme.current().text.lightness()
    rows = range(middle - 4, middle + 5)
    ink = [x for x in range(3, 60) if any(abs(image.pixelColor(x, y).lightness() - text) < 60 for y in rows)]
    assert min(ink) >= 7


def test_reset_all_puts_everything_back(dialog: SettingsDialog, window: MainWindow, qtbot: QtBot) -> None:
    settings = window.session.settings
    settings.play_speed, settings.text_scale, settings.start = 400, 125, "empty"
    qtbot.waitSignal(window.rewritten).wait()
    with qtbot.waitSignal(window.rewritten):
        qtbot.mouseClick(dialog.reset, Qt.MouseButton.LeftButton)
    assert [getattr(settings, each.key) for each in all_settings()] == [each.default for each in all_settings()]
    speed = dialog.fields["play_speed"]
    assert isinstance(speed, QComboBox)
    assert speed.currentData() == 100


def test_a_choice_made_elsewhere_is_shown(dialog: SettingsDialog, window: MainWindow, qtbot: QtBot) -> None:
    window.session.set_backend("pytorch")
    backend = dialog.fields["backend"]
    assert isinstance(backend, QComboBox)
    assert backend.currentData() == "pytorch"


def test_escape_closes_it(dialog: SettingsDialog, qtbot: QtBot) -> None:
    with qtbot.waitSignal(dialog.destroyed):
        qtbot.keyClick(dialog, KEY.Key_Escape)


def test_macos_finds_it_in_its_own_menu(window: MainWindow) -> None:
    assert window.actions_by_id["edit.settings"].menuRole() is QAction.MenuRole.PreferencesRole


def test_where_recordings_are_kept(
    dialog: SettingsDialog, window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert dialog.folder.text() == str(window.session.settings.recordings_folder)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "mine"))
    qtbot.mouseClick(dialog.browse, Qt.MouseButton.LeftButton)
    assert window.session.settings.recordings_folder == tmp_path / "mine"
    assert dialog.folder.text() == str(tmp_path / "mine")
    opened = []
    monkeypatch.setattr(QDesktopServices, "openUrl", opened.append)
    qtbot.mouseClick(dialog.show_folder, Qt.MouseButton.LeftButton)
    assert [url.toLocalFile() for url in opened] == [str(tmp_path / "mine")]
    assert (tmp_path / "mine").is_dir()
