"""Writes pictures of a trace to files: the one place that the dialog and the command line call.

Works on any thread; needs a QGuiApplication, for the fonts, and no screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QFile, QIODevice

from gradviz import files
from gradviz.layout import LayoutCancelled
from gradviz.projection.cards import ENGLISH, Words
from gradviz.projection.frame import Frame
from gradviz.projection.scene import build
from gradviz.replay.playhead import Playhead
from gradviz.trace.protocol import TraceLike
from gradviz_ui.export.options import ANIMATED, ExportError, Options
from gradviz_ui.export.picture import Book, png, svg

Progress = Callable[[float], None]
Cancelled = Callable[[], bool]

LAYOUT_SHARE = 0.2
"""Of the progress, before the first picture."""


class ExportCancelled(Exception):
    """The export was cancelled; no file was left half written."""


def export(
    trace: TraceLike, options: Options, path: Path, *,
    progress: Progress | None = None, cancelled: Cancelled | None = None, words: Words = ENGLISH,
) -> list[Path]:  # fmt: skip
    """Write the picture or pictures; the files written are returned.

    PNG and SVG of several steps become numbered files beside ``path``; PDF has a page for each step.
    Raises ExportError, LayoutError or ExportCancelled. A file that was there stays as it was unless its
    replacement is complete.
    """
    count = len(trace.events)
    wrong = next((step for step in options.steps if not 0 <= step <= count), None)
    if wrong is not None:
        raise ExportError(f"step {wrong} is not in the recording, which has steps 0 to {count}")

    def report(fraction: float) -> None:
        if cancelled is not None and cancelled():
            raise ExportCancelled
        if progress is not None:
            progress(LAYOUT_SHARE + (1 - LAYOUT_SHARE) * fraction)

    try:
        scene = build(
            trace, options.view, options.layout,
            progress=lambda done: progress(LAYOUT_SHARE * done) if progress else None, cancelled=cancelled,
        )  # fmt: skip
    except LayoutCancelled as error:
        raise ExportCancelled from error
    frame = Frame(scene, Playhead(trace, options.steps[0]), words)
    report(0.0)
    if options.format in ANIMATED:
        from gradviz_ui.export import animation  # Pillow takes a while to import

        with _replacing(path) as unfinished:
            animation.write(frame, options, unfinished, report)
        return [path]
    if options.format == "pdf":
        with _replacing(path) as unfinished:
            _write_pages(frame, options, unfinished, report)
        return [path]
    return _write_files(frame, options, path, report)


def targets(path: Path, options: Options, last: int) -> list[Path]:
    """The files that an export writes, of a recording of ``last`` events."""
    if options.format in (*ANIMATED, "pdf") or len(options.steps) == 1:
        return [path]
    return [numbered(path, step, last) for step in options.steps]


def numbered(path: Path, step: int, last: int) -> Path:
    """``graph-07.png`` for step 7 of ``graph.png``; as many digits as the last step has."""
    return path.with_name(f"{path.stem}-{step:0{len(str(last))}d}{path.suffix}")


def _write_files(frame: Frame, options: Options, path: Path, report: Progress) -> list[Path]:
    written = []
    for done, step in enumerate(options.steps, 1):
        frame.update(frame.playhead.seek(step))
        target = path if len(options.steps) == 1 else numbered(path, step, len(frame.trace.events))
        with _replacing(target) as unfinished:
            made = svg(frame, options.theme) if options.format == "svg" else png(frame, options.theme, options.scale)
            unfinished.write_bytes(made)
        written.append(target)
        report(done / len(options.steps))
    return written


def _write_pages(frame: Frame, options: Options, path: Path, report: Progress) -> None:
    file = QFile(str(path))
    if not file.open(QIODevice.OpenModeFlag.WriteOnly):
        raise ExportError(f"{path} cannot be written: {file.errorString()}")
    try:
        book = Book(file, frame.trace.program or "gradviz")
        try:
            for done, step in enumerate(options.steps, 1):
                frame.update(frame.playhead.seek(step))
                book.add(frame, options.theme)
                report(done / len(options.steps))
        finally:
            book.close()
    finally:
        file.close()
    if file.error() != QFile.FileError.NoError:  # the writer of PDFs does not tell
        raise OSError(None, file.errorString())


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file to write to that takes the place of ``path`` once the block has ended well."""
    if path.is_dir():
        raise ExportError(f"{path} cannot be written: it is a folder")
    try:
        with files.replacing(path) as unfinished:
            yield unfinished
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
