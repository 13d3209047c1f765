"""Questions about files: which to open, where to save, what to do with unsaved edits."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from gradviz import resources
from gradviz_ui.code.document import Document
from gradviz_ui.opening import PROGRAM_SUFFIXES, TRACE_SUFFIX
from gradviz_ui.plain import plain_box
from gradviz_ui.session import Session


class FileQuestions(QObject):
    """Asks the person, then tells the session."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window

    def open(self, path: Path | None = None) -> None:
        """Open ``path``, or the file the person picks, unless unsaved edits are to be kept."""
        if path is None:
            filters = self.tr("Programs and recordings") + " (*.py *.ipynb *.gradviz);;"
            filters += self.tr("All files") + " (*)"
            name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open"), self._folder(), filters)
            if not name:
                return
            path = Path(name)
        if path.suffix.lower() not in (*PROGRAM_SUFFIXES, TRACE_SUFFIX) or self.may_leave_program():
            self._session.open(path)

    def new(self) -> bool:
        """Begin an empty program, unless unsaved edits are to be kept; True if it was begun."""
        if not self.may_leave_program():
            return False
        self._session.new_program("import torch\n\n")
        return True

    def save_program(self) -> bool:
        """Save the program to its file; ask for one where it has none, or where it ships with gradviz."""
        document = self._session.document
        if document is None:
            return False
        if document.path is None or _shipped(document.path):
            return self.save_program_as()
        if _changed_on_disk(document):
            return self._save_over_changes(document)
        return self._session.save_program()

    def save_program_as(self) -> bool:
        """Save the program to the file the person picks; False if none was picked or it failed."""
        document = self._session.document
        if document is None:
            return False
        suffix = ".ipynb" if document.is_notebook else ".py"
        name = str(Path(self._folder()) / Path(document.name).with_suffix(suffix).name)
        filters = "Python (*.py);;Jupyter (*.ipynb)" if suffix == ".py" else "Jupyter (*.ipynb);;Python (*.py)"
        path = self._pick(self.tr("Save program"), name, filters, PROGRAM_SUFFIXES, suffix)
        return path is not None and self._session.save_program(path)

    def save_trace_as(self) -> bool:
        """Copy the recording to the file the person picks."""
        name = str(Path(self._folder()) / self._session.trace_name)
        filters = self.tr("Recordings") + f" (*{TRACE_SUFFIX})"
        path = self._pick(self.tr("Save recording"), name, filters, (TRACE_SUFFIX,), TRACE_SUFFIX)
        return path is not None and self._session.save_as(path)

    def may_leave_program(self) -> bool:
        """True if there are no unsaved edits, or the person saved or discarded them."""
        document = self._session.document
        if document is None or not document.modified:
            return True
        box = plain_box(self._window)
        box.setObjectName("unsaved_box")
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("Unsaved edits"))
        box.setText(self.tr("{name} has unsaved edits. Save them?").replace("{name}", document.name))
        buttons = QMessageBox.StandardButton
        box.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        box.setDefaultButton(buttons.Save)
        answer = box.exec()
        box.deleteLater()
        if answer == buttons.Save:
            return self.save_program()
        return answer == buttons.Discard

    def _save_over_changes(self, document: Document) -> bool:
        box = plain_box(self._window)
        box.setObjectName("changed_box")
        box.setIcon(QMessageBox.Icon.Warning)
        box.setWindowTitle(self.tr("The file has changed"))
        box.setText(
            self.tr("Another program has changed {name} since it was opened here.").replace("{name}", document.name)
        )
        box.setInformativeText(self.tr("Overwriting it loses what was changed there."))
        other = box.addButton(self.tr("Save as another file…"), QMessageBox.ButtonRole.AcceptRole)
        overwrite = box.addButton(self.tr("Overwrite"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(other)
        box.exec()
        answer = box.clickedButton()
        box.deleteLater()
        if answer is other:
            return self.save_program_as()
        return answer is overwrite and self._session.save_program(overwrite=True)

    def _pick(self, title: str, name: str, filters: str, suffixes: tuple[str, ...], default: str) -> Path | None:
        chosen, _ = QFileDialog.getSaveFileName(self._window, title, name, filters)
        if not chosen:
            return None
        path = Path(chosen)
        return path if path.suffix.lower() in suffixes else path.with_name(path.name + default)

    def _folder(self) -> str:
        document = self._session.document
        if document is not None and document.path is not None and not _shipped(document.path):
            return str(document.path.parent)
        recent = [path for path in self._session.settings.recent_files if not _shipped(path)]
        return str(recent[0].parent if recent else Path.home())


def _changed_on_disk(document: Document) -> bool:
    try:
        return document.changed_on_disk
    except OSError:
        return False  # saving will tell


def _shipped(path: Path) -> bool:
    return path.is_relative_to(resources.root())
