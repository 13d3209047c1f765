"""What happens when gradviz itself has a fault: a report the person can read and copy, and work goes on."""

from __future__ import annotations

import platform
import sys
import threading
import traceback
from contextlib import suppress
from types import TracebackType

from PySide6.QtCore import QObject, Qt, Signal, Slot, qVersion
from PySide6.QtWidgets import QApplication, QMessageBox

from gradviz.plain import harmless_lines
from gradviz_ui.plain import plain_box


class CrashReporter(QObject):
    """Takes over uncaught exceptions of all threads; shows one report at a time."""

    _caught = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._box: QMessageBox | None = None
        self._caught.connect(self._show, Qt.ConnectionType.QueuedConnection)

    def install(self) -> None:
        """Begin to catch."""
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread_exception

    def _on_exception(self, kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, where))
        self._caught.emit(text)
        if sys.stderr is not None:  # as under pythonw, or with the terminal closed
            with suppress(OSError):
                sys.stderr.write(harmless_lines(text))

    def _on_thread_exception(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self._on_exception(args.exc_type, args.exc_value, args.exc_traceback)

    @Slot(str)
    def _show(self, text: str) -> None:
        if self._box is not None:
            return
        box = plain_box(QApplication.activeWindow())
        box.setObjectName("crash_box")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("Something went wrong"))
        box.setText(self.tr("gradviz met a fault of its own. You can go on; please save your program first."))
        box.setInformativeText(text.strip().splitlines()[-1][:300])
        box.setDetailedText(report(text))
        copy = box.addButton(self.tr("Copy report"), QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()
        copy.clicked.connect(self._copy)
        box.addButton(QMessageBox.StandardButton.Close)
        box.finished.connect(self._closed)
        self._box = box
        box.open()

    @Slot()
    def _copy(self) -> None:
        if self._box is not None:
            QApplication.clipboard().setText(self._box.detailedText())

    @Slot()
    def _closed(self) -> None:
        if self._box is not None:
            self._box.deleteLater()
            self._box = None


def report(text: str) -> str:
    """What somebody needs who is to mend it."""
    from importlib.metadata import version  # slow to load, and with luck never needed

    facts = f"gradviz {version('gradviz')}, Python {platform.python_version()}, Qt {qVersion()}"
    return f"{facts}, {platform.platform()}\n\n{text}"
