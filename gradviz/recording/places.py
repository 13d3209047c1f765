"""Where in the user's program something happens: the innermost frame that is theirs."""

from __future__ import annotations

import linecache
import os
import sys
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from types import FrameType, TracebackType

from gradviz.recording.program import Program
from gradviz.trace.model import Source
from gradviz.trace.protocol import TraceSink

Place = tuple[str | None, int | None]
"""A file as events name it, and a line; None where it is not known."""

PASSED_ON = "passed on by gradviz"
"""The name of functions that stand in for a line of the program's."""

_LIBRARIES = ("site-packages", "dist-packages")
_STDLIB = tuple(
    {str(Path(sysconfig.get_path(key)).resolve()) for key in ("stdlib", "platstdlib") if sysconfig.get_path(key)}
)


def _folder_of(package: str) -> str:
    spec = find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return str(Path(spec.origin).resolve().parent) + os.sep


_OUR_FOLDERS = (_folder_of("gradviz"), _folder_of("gradviz_engine"))


class Places:
    """Tells the user's frames from all others, and keeps the text of each file of theirs that is met.

    With a ``program``, its own code and the files beside it are the user's; without one, all code
    outside of Python's and installed libraries is.
    """

    def __init__(self, sink: TraceSink, program: Program | None = None) -> None:
        self._sink = sink
        self._not_user = (*_OUR_FOLDERS, *_STDLIB)
        self._names: dict[str, str | None] = {}
        self._program = program
        self._folder: Path | None = Path.cwd()
        if program is not None:
            self._folder = program.file.parent.resolve() if program.file is not None else None
            self._names[program.code_name] = program.name
            sink.add_source(program.source)

    def name_of(self, code_file: str) -> str | None:
        """What events call a code object's file; None where it is not the user's."""
        try:
            return self._names[code_file]
        except KeyError:
            name = self._names[code_file] = self._decide(code_file)
            return name

    def _decide(self, code_file: str) -> str | None:
        if code_file.startswith("<frozen") or (self._program is not None and code_file.startswith("<")):
            return None
        if code_file.startswith("<"):  # typed into a prompt
            name = code_file
        else:
            path = Path(code_file).resolve()
            if any(part in _LIBRARIES for part in path.parts) or str(path).startswith(self._not_user):
                return None
            if self._folder is not None and path.is_relative_to(self._folder):
                name = path.relative_to(self._folder).as_posix()
            elif self._program is None:
                name = path.name
            else:
                return None
        lines = linecache.getlines(code_file)
        if lines:
            self._sink.add_source(Source(name, "".join(lines)))
        return name

    def here(self) -> Place:
        """File and line of the innermost frame of the user's program."""
        frame: FrameType | None = sys._getframe(1)
        names = self._names
        while frame is not None:
            file = frame.f_code.co_filename
            name = names[file] if file in names else self.name_of(file)
            if name is not None:
                return name, frame.f_lineno
            frame = frame.f_back
        return None, None

    def frames(self) -> list[FrameType]:
        """The user's frames, outermost first."""
        found = []
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if self.name_of(frame.f_code.co_filename) is not None:
                found.append(frame)
            frame = frame.f_back
        found.reverse()
        return found

    def of_traceback(self, trace: TracebackType | None) -> Place:
        """File and line of the innermost frame of the user's program that an exception came through."""
        place: Place = (None, None)
        while trace is not None:
            name = self.name_of(trace.tb_frame.f_code.co_filename)
            if name is not None:
                place = name, trace.tb_lineno
            trace = trace.tb_next
        return place

    def is_ours(self, code_file: str, name: str = "") -> bool:
        """Is it code of gradviz or its engine? Whoever debugs a program does not want to see that."""
        return name == PASSED_ON or (code_file.startswith(_OUR_FOLDERS) and self.name_of(code_file) is None)
