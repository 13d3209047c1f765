from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from gradviz.trace.memory import MemoryTrace
from gradviz_ui.export.dialog import ExportDialog
from gradviz_ui.session import Session

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
    session.set_view("both")
    session.set_layout("circular")
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
