"""Writes pictures of a trace to files: the one place that the dialog and the command line call.

Works on any thread; needs a QGuiApplication, for the fonts, and no screen.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gradviz.layout import LayoutCancelled
from gradviz.projection.cards import ENGLISH, Words
from gradviz.projection.frame import Frame
from gradviz.projection.scene import build
from gradviz.trace.protocol import TraceLike
from gradviz_ui.export.options import ANIMATED, ExportError, Options
from gradviz_ui.export.picture import Book, image, svg

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
    frame = Frame(scene, trace.at(options.steps[0]), words)
    report(0.0)
    if options.format in ANIMATED:
        from gradviz_ui.export import animation  # Pillow takes a while to import

        with replacing(path) as unfinished:
            animation.write(frame, options, unfinished, report)
        return [path]
    if options.format == "pdf":
        with replacing(path) as unfinished:
            _write_pages(frame, options, unfinished, report)
        return [path]
    return _write_files(frame, options, path, report)


def numbered(path: Path, step: int, last: int) -> Path:
    """``graph-07.png`` for step 7 of ``graph.png``; as many digits as the last step has."""
    return path.with_name(f"{path.stem}-{step:0{len(str(last))}d}{path.suffix}")


def _write_files(frame: Frame, options: Options, path: Path, report: Progress) -> list[Path]:
    written = []
    for done, step in enumerate(options.steps, 1):
        frame.update(frame.playhead.seek(step))
        target = path if len(options.steps) == 1 else numbered(path, step, len(frame.trace.events))
        with replacing(target) as unfinished:
            if options.format == "svg":
                unfinished.write_bytes(svg(frame, options.theme))
            elif not image(frame, options.theme, options.scale).save(str(unfinished)):
                raise ExportError(f"{target} cannot be written")
        written.append(target)
        report(done / len(options.steps))
    return written


def _write_pages(frame: Frame, options: Options, path: Path, report: Progress) -> None:
    book = Book(str(path), frame.trace.program or "gradviz")
    try:
        for done, step in enumerate(options.steps, 1):
            frame.update(frame.playhead.seek(step))
            book.add(frame, options.theme)
            report(done / len(options.steps))
    finally:
        book.close()


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write to that takes the place of ``path`` once the block has ended well."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror}") from error
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        if path.is_dir():
            raise ExportError(f"{path} cannot be written: it is a folder")
        unfinished.chmod(0o666 & ~_umask())
        os.replace(unfinished, path)
    except OSError as error:
        raise ExportError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def _umask() -> int:
    """The process's file mode mask, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
