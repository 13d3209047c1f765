"""Questions about files: which to open, and where to save."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Slot
from PySide6.QtWidgets import QFileDialog, QMessageBox, QProgressBar, QProgressDialog, QWidget

from gradviz import resources
from gradviz_ui.plain import plain_box, plain_label
from gradviz_ui.program.document import Document
from gradviz_ui.session import Session
from gradviz_ui.session.opening import PROGRAM_SUFFIXES, TRACE_SUFFIX
from gradviz_ui.session.saving import Saving
from gradviz_ui.window.leaving import Leaving

PATIENCE_MS = 600
"""How long a recording is saved before the person is shown how far that is."""
STEPS = 1000
"""Of a bar that shows progress."""
WIDTH = 380


class FileQuestions(QObject):
    """Asks the person, then tells the session."""

    def __init__(self, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._session = session
        self._window = window
        self.leaving = Leaving(session, self, window)
        session.saving_changed.connect(self._saving_changed)

    def open(self, path: Path | None = None) -> None:
        """Open ``path``, or the file the person picks, once what is not saved has been dealt with."""
        if path is None:
            filters = self.tr("Programs and recordings") + " (*.py *.ipynb *.gradviz);;"
            filters += self.tr("All files") + " (*)"
            name, _ = QFileDialog.getOpenFileName(self._window, self.tr("Open"), self._folder(), filters)
            if not name:
                return
            path = Path(name)
        if path.suffix.lower() in (*PROGRAM_SUFFIXES, TRACE_SUFFIX):
            self.leaving.ask("open", partial(self._session.open, path))
        else:
            self._session.open(path)  # which says that it cannot

    def open_dropped(self, paths: list[Path]) -> None:
        """Open the first of the dropped files that can be opened; say so where there are several."""
        path = next((path for path in paths if path.suffix.lower() in (*PROGRAM_SUFFIXES, TRACE_SUFFIX)), paths[0])
        if len(paths) > 1:
            text = self.tr("One file is opened at a time: {name}, of the {count} that were dropped.")
            text = text.replace("{name}", path.name).replace("{count}", str(len(paths)))
            self._session.message.emit("info", text)
        self.open(path)

    def new(self, begun: Callable[[], object]) -> None:
        """Begin an empty program, once what is not saved has been dealt with; then call ``begun``."""
        self.leaving.ask("new", partial(self._begin_new, begun))

    def _begin_new(self, begun: Callable[[], object]) -> None:
        self._session.new_program("import torch\n\n")
        begun()

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

    def save_trace_as(self) -> Saving | None:
        """Begin to save the recording to the file the person picks; None if none was picked."""
        name = str(Path(self._folder()) / self._session.trace_name)
        filters = self.tr("Recordings") + f" (*{TRACE_SUFFIX})"
        path = self._pick(self.tr("Save recording"), name, filters, (TRACE_SUFFIX,), TRACE_SUFFIX)
        return None if path is None else self._session.save_trace(path)

    @Slot()
    def _saving_changed(self) -> None:
        """Show how far a recording that takes its time to be saved is, and let the person give it up."""
        saving = self._session.saving
        if saving is None:
            return
        text = self.tr("Saving {name}…").replace("{name}", saving.path.name)
        dialog = QProgressDialog("", self.tr("Cancel"), 0, STEPS, self._window)
        dialog.setObjectName("saving_dialog")
        dialog.setMinimumWidth(WIDTH)
        bar = QProgressBar()
        bar.setTextVisible(False)  # there is no room for it on a bar of this style
        bar.setRange(0, STEPS)
        dialog.setBar(bar)
        dialog.setLabel(plain_label(text))
        dialog.setWindowTitle(self.tr("Save recording"))
        dialog.setMinimumDuration(PATIENCE_MS)
        dialog.setAutoReset(False)
        dialog.canceled.connect(saving.give_up)
        saving.progressed.connect(partial(_show_fraction, dialog))
        saving.ended.connect(dialog.hide)
        saving.ended.connect(dialog.deleteLater)

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


def _show_fraction(dialog: QProgressDialog, fraction: float) -> None:
    dialog.setValue(round(fraction * STEPS))


def _shipped(path: Path) -> bool:
    return path.is_relative_to(resources.root())
