"""``gradviz export``: pictures of a trace from the command line, on machines without a screen too."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from gradviz.plain import harmless

BAD = 2
"""The exit code for wrong arguments and files that cannot be read or written."""
BAR = 30


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD, f"{harmless(f'{self.prog}: {message}; see {self.prog} --help')}\n")


def parser() -> argparse.ArgumentParser:
    """The arguments of the command."""
    from gradviz.layout import LAYOUTS
    from gradviz.projection.diagram import VIEWS
    from gradviz_ui.export.options import FORMATS, THEMES

    made = _Parser(
        prog="gradviz export",
        description="Draw the graph of a recording at one step, or at all of them. No screen is needed.",
        epilog="PNG and SVG of all steps become numbered files, PDF gets a page for each, GIF and WebP move.",
    )
    made.add_argument("trace", metavar="TRACE", help="a .gradviz file")
    made.add_argument("-o", "--output", required=True, metavar="OUT", type=Path, help=f"a file: .{', .'.join(FORMATS)}")
    which = made.add_mutually_exclusive_group()
    which.add_argument("--step", type=int, metavar="N", help="the step to draw; without it the last one")
    which.add_argument("--all", action="store_true", help="every step; GIF and WebP do so unless told --step")
    made.add_argument("--view", choices=VIEWS, default="backward", help="which graph")
    made.add_argument("--layout", metavar="NAME", default="layered", help=f"how it is arranged: {', '.join(LAYOUTS)}")
    made.add_argument("--theme", choices=THEMES, default="dark", help="colours")
    made.add_argument(
        "--scale", type=float, metavar="X", help="pixels for each unit: by default 2, and 1 for what moves"
    )
    return made


def run(arguments: Sequence[str] | argparse.Namespace) -> int:
    """Run the command; returns its exit code. Wrong arguments end in one line on stderr and exit code 2."""
    given = arguments if isinstance(arguments, argparse.Namespace) else parser().parse_args(arguments)
    from PySide6.QtGui import QGuiApplication

    if QGuiApplication.instance() is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        application = QGuiApplication(["gradviz"])  # kept until this function is over, for the fonts
        assert application is not None
    from gradviz.layout import LayoutError
    from gradviz.trace.errors import TraceError
    from gradviz_ui.export.options import ExportError

    try:
        for path in _export(given):
            print(harmless(str(path)))
    except (ExportError, LayoutError, TraceError) as error:
        print(f"gradviz export: {harmless(str(error))}", file=sys.stderr)
        return BAD
    except KeyboardInterrupt:
        print("gradviz export: interrupted", file=sys.stderr)
        return 130
    return 0


def _export(given: argparse.Namespace) -> list[Path]:
    from gradviz.trace.reader import Trace
    from gradviz_ui.export.exporter import export
    from gradviz_ui.export.options import ANIMATED, FORMATS, ExportError, Options, default_scale

    output: Path = given.output
    kind = output.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise ExportError(f"{output} should end in .{', .'.join(FORMATS)}")
    if not output.parent.is_dir():
        raise ExportError(f"there is no folder {output.parent}")
    with Trace.open(given.trace) as trace:
        last = len(trace.events)
        every = given.all or (kind in ANIMATED and given.step is None)
        steps = tuple(range(last + 1)) if every else (last if given.step is None else given.step,)
        scale = given.scale if given.scale is not None else default_scale(kind)
        options = Options(kind, steps, given.view, given.layout, given.theme, scale)
        return export(trace, options, output, progress=_bar if sys.stderr.isatty() else None)


def _bar(fraction: float) -> None:
    """A bar on the terminal, wiped once it is full."""
    done = round(BAR * fraction)
    line = f"\r[{'#' * done}{'.' * (BAR - done)}] {fraction:4.0%}" if fraction < 1 else f"\r{' ' * (BAR + 8)}\r"
    print(line, end="", file=sys.stderr, flush=True)
