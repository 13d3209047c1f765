"""Opening files: whoever asked last is served."""

from __future__ import annotations

from pathlib import Path

from pytestqt.qtbot import QtBot

from gradviz_ui.session import Session


def test_of_two_files_asked_for_at_once_the_last_is_shown(tmp_path: Path, session: Session, qtbot: QtBot) -> None:
    first, last = tmp_path / "first.py", tmp_path / "last.py"
    shown: list[str] = []
    for path in (first, last):
        path.write_text("x = 1\n")
    session.program_changed.connect(lambda: shown.append(session.document.name if session.document else ""))
    session.open(first)
    session.open(last)
    qtbot.waitUntil(lambda: "last.py" in shown)
    qtbot.wait(50)
    assert shown == ["last.py"]
