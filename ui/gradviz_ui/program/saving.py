"""What is written when a program is saved, so that nothing of the file but its code changes, and nothing is lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from gradviz import files
from gradviz.recording import script
from gradviz.recording.program import NOTEBOOK_LIMIT, NOTEBOOK_SUFFIX, Program, ProgramError
from gradviz_ui.program.notebook import new_notebook, write_back


class SaveError(Exception):
    """The text cannot be put into the file; the message says why."""


class ChangedOnDiskError(SaveError):
    """Another program has changed the code in the file since it was read."""


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it was read, or saved last."""

    path: Path
    data: bytes

    @property
    def changed_on_disk(self) -> bool:
        """Does the file hold other code by now? Not so if it is gone; raises OSError if it cannot be read."""
        here = _held(self.path)
        return here is not None and not self._same_code(here)

    def base(self, overwrite: bool) -> bytes:
        """What to put the edited code into: what the file holds now, as long as its code is that of before.

        Outputs, say, that a notebook got elsewhere are kept so. Raises ChangedOnDiskError, and OSError.
        """
        here = _held(self.path)
        if here is None or overwrite:
            return self.data
        if not self._same_code(here):
            text = QCoreApplication.translate("SaveError", "another program has changed it since it was opened here")
            raise ChangedOnDiskError(text)
        return here

    def _same_code(self, here: bytes) -> bool:
        if here == self.data:
            return True
        try:
            there, then = Program.from_bytes(here, self.path), Program.from_bytes(self.data, self.path)
        except ProgramError:
            return False
        return (there.text, there.cells) == (then.text, then.cells)


def is_notebook(path: Path) -> bool:
    """Does a file of this name hold a notebook?"""
    return path.suffix.lower() == NOTEBOOK_SUFFIX


def content(
    target: Path, text: str, sources: Sequence[str], original: Original | None, overwrite: bool = False
) -> bytes:
    """What to write into ``target``; raises SaveError and OSError.

    ``sources`` are the cells, for a notebook. It takes over everything else of the notebook it came from, else
    of the one that is there, whose place a new one never takes.
    """
    base = None
    if original is not None and is_notebook(original.path) is is_notebook(target):
        base = original.base(overwrite) if _same_file(original.path, target) else original.data
    try:
        if not is_notebook(target):
            return script.bytes_of(text, base)
        script.check_characters(text)
        if base is None:
            base = _held(target)
        return new_notebook(sources) if not base else _written_back(base, sources)
    except (ValueError, RecursionError) as error:
        raise SaveError(str(error)) from None


def _written_back(base: bytes, sources: Sequence[str]) -> bytes:
    try:
        return write_back(base, sources)
    except (ValueError, LookupError, RecursionError):
        raise SaveError(
            QCoreApplication.translate(
                "SaveError", "the file is a notebook with other cells, and its texts and outputs would be lost"
            )
        ) from None


def _held(path: Path) -> bytes | None:
    try:
        return files.read(path, NOTEBOOK_LIMIT)
    except FileNotFoundError:
        return None


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return one.absolute() == other.absolute()
