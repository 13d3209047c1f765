from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox
from pytestqt.qtbot import QtBot

from gradviz.trace.memory import MemoryTrace
from gradviz_ui import theme
from gradviz_ui.export.dialog import ExportDialog
from gradviz_ui.export.exporter import targets
from gradviz_ui.export.options import Options
from gradviz_ui.session import Session
from gradviz_ui.translation import JsonTranslator, load

LEFT_BUTTON = Qt.MouseButton.LeftButton


@pytest.fixture
def dialog(session: Session, basics: MemoryTrace, qtbot: QtBot) -> ExportDialog:
    session.show_trace(basics, 55)
    made = ExportDialog(session)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


def choose(box: object, data: str) -> None:
    box.setCurrentIndex(box.findData(data))  # type: ignore[attr-defined]


def test_it_starts_from_what_the_window_shows(session: Session, basics: MemoryTrace, qtbot: QtBot) -> None:
    session.show_trace(basics, 31)
    session.debugging.set_view("both")
    session.debugging.set_layout("circular")
    dialog = ExportDialog(session)
    qtbot.addWidget(dialog)
    assert dialog.options.view == "both"
    assert dialog.options.layout == "circular"
    assert dialog.options.steps == (31,)
    assert dialog.path.text().endswith("-step-31.png")


def test_a_click_on_export_writes_the_picture_and_closes(dialog: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    told: list[str] = []
    dialog.session.message.connect(lambda level, text: told.append(text))
    path = tmp_path / "picture.png"
    dialog.path.setText(str(path))
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    assert dialog.busy
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=20000)
    with Image.open(path) as picture:
        assert picture.width > 1000
    assert told == ["Exported picture.png."]


def test_all_steps_as_an_animation(dialog: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    dialog.path.setText(str(tmp_path / "moving.png"))
    choose(dialog.format, "gif")
    assert dialog.path.text().endswith("moving.gif")
    assert dialog.every_step.isChecked()
    assert len(dialog.options.steps) == 78
    dialog.scale.setValue(0.5)
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=40000)
    assert (tmp_path / "moving.gif").exists()


def test_cancel_ends_the_export_and_keeps_the_dialog(dialog: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    choose(dialog.format, "webp")
    dialog.scale.setValue(4)
    dialog.path.setText(str(tmp_path / "moving.webp"))
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    qtbot.waitUntil(lambda: dialog.bar.value() > 0, timeout=20000)
    dialog.reject()
    assert not dialog.busy
    assert dialog.isVisible()
    assert dialog.export_button.isEnabled()
    dialog.session.background.close()
    assert list(tmp_path.glob("*.webp")) == []
    dialog.reject()
    assert not dialog.isVisible()


def test_a_problem_is_told_in_the_dialog(dialog: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    dialog.path.setText(str(tmp_path / "missing" / "x.png"))
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    qtbot.waitUntil(dialog.problem.isVisible, timeout=20000)
    assert "cannot be written" in dialog.problem.text()
    assert dialog.isVisible()
    dialog.path.setText("")
    assert not dialog.problem.isVisible()
    assert not dialog.export_button.isEnabled()


def test_scale_is_for_pixels_only(dialog: ExportDialog) -> None:
    choose(dialog.format, "svg")
    assert not dialog.scale.isEnabled()
    choose(dialog.format, "png")
    assert dialog.scale.isEnabled()
    assert dialog.scale.value() == 2.0


def test_a_typed_ending_decides_the_format(dialog: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    dialog.path.setFocus()
    dialog.path.selectAll()
    qtbot.keyClicks(dialog.path, str(tmp_path / "name.svg"))
    assert dialog.options.format == "svg"
    assert dialog.path.text() == str(tmp_path / "name.svg")
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=20000)
    assert b"<svg" in (tmp_path / "name.svg").read_bytes()


def test_an_unknown_ending_is_refused_with_those_that_are_possible(dialog: ExportDialog, tmp_path: Path) -> None:
    dialog.path.setText(str(tmp_path / "name.bmp"))
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    assert not dialog.busy
    assert ".bmp" in dialog.problem.text()
    assert ".png, .svg, .pdf, .gif, .webp" in dialog.problem.text()
    assert list(tmp_path.glob("name*")) == []


def test_a_name_without_an_ending_gets_that_of_the_format(dialog: ExportDialog, tmp_path: Path, qtbot: QtBot) -> None:
    dialog.path.setText(str(tmp_path / "name"))
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=20000)
    assert [path.name for path in tmp_path.glob("name*")] == ["name.png"]


def test_the_proposed_name_says_which_steps_are_shown(dialog: ExportDialog) -> None:
    def name() -> str:
        return Path(dialog.path.text()).name

    assert name().endswith("-step-55.png")
    choose(dialog.format, "gif")
    assert name().endswith("-all-steps.gif")
    dialog.every_step.click()
    assert name().endswith("-step-55.gif")
    dialog.path.setText("mine.gif")
    dialog.every_step.click()
    assert name() == "mine.gif"


@pytest.mark.parametrize("yes", [True, False])
def test_a_file_that_is_there_is_replaced_only_after_one_question(
    dialog: ExportDialog, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, yes: bool
) -> None:
    path = tmp_path / "there.png"
    path.write_bytes(b"mine")
    asked = []

    def answer(box: QMessageBox) -> int:
        asked.append(box.text())
        wanted = QMessageBox.ButtonRole.AcceptRole if yes else QMessageBox.ButtonRole.RejectRole
        next(button for button in box.buttons() if box.buttonRole(button) is wanted).click()
        return 0

    monkeypatch.setattr(QMessageBox, "exec", answer)
    dialog.path.setText(str(path))
    QTest.mouseClick(dialog.export_button, LEFT_BUTTON)
    qtbot.waitUntil(lambda: not dialog.busy, timeout=20000)
    assert asked == ["there.png is there already. Replace it?"]
    assert (path.read_bytes() != b"mine") is yes
    assert dialog.isVisible() is not yes


def test_layouts_are_named_in_the_language_of_the_window(
    session: Session, basics: MemoryTrace, qapp: QApplication, qtbot: QtBot
) -> None:
    session.show_trace(basics)
    translator = JsonTranslator("zh_CN")
    qapp.installTranslator(translator)
    try:
        dialog = ExportDialog(session)
    finally:
        qapp.removeTranslator(translator)
    qtbot.addWidget(dialog)
    titles = load("zh_CN")["Layout"]
    box = dialog.layout_choice
    assert box.itemText(box.findData("layered")) == titles["Layered"] != "Layered"
    assert {box.itemText(at) for at in range(box.count())} <= set(titles.values())


@pytest.mark.parametrize("name", ["dark", "light"])
def test_a_checkbox_stands_out_from_what_is_behind_it(dialog: ExportDialog, name: str) -> None:
    theme.themes().choose(name)
    picture = dialog.every_step.grab().toImage()
    theme.themes().choose("dark")
    behind = picture.pixelColor(picture.width() - 1, 0)
    frame = max(abs(picture.pixelColor(7, y).lightness() - behind.lightness()) for y in range(picture.height()))
    assert frame > 60


def test_the_command_line_names_the_same_files(tmp_path: Path) -> None:
    options = Options("png", (0, 5, 10))
    assert [path.name for path in targets(tmp_path / "g.png", options, 10)] == ["g-00.png", "g-05.png", "g-10.png"]
    assert targets(tmp_path / "g.gif", Options("gif", (0, 5)), 10) == [tmp_path / "g.gif"]
