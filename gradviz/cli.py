"""The command ``gradviz``: the window, and everything that works without one.

Each command imports what it needs when it runs: ``gradviz info`` on a server must not look for a screen.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from gradviz.plain import clipped, harmless

if TYPE_CHECKING:
    from gradviz.recording.program import Program
    from gradviz.trace.reader import Trace

BAD = 2
"""The exit code for wrong arguments and bad files."""
INTERRUPTED = 130
"""The exit code after Ctrl+C, as shells have it."""
LONGEST = 80
"""Characters of a name that ``info`` prints."""
COMMANDS = ("record", "info", "graph", "events", "export", "doctor")
KINDS = (
    "op", "backward_begin", "node_begin", "flow", "node_end", "accumulate", "backward_end", "grad_write",
    "value_write", "output", "warning", "error", "mark",
)  # fmt: skip
"""The kinds of ``trace.events``, named here so that ``--help`` need not load them."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage before it."""

    def error(self, message: str) -> NoReturn:
        self.exit(BAD, f"{harmless(f'{self.prog}: {message}; see {self.prog} --help')}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = given[0] if given and given[0] in COMMANDS else ""
    if command == "record":  # its streams are the program's
        with _reasons():
            return _record(given[1:])
    if not command:
        with _reasons():
            return _window(given)
    commands = {"info": _info, "graph": _graph, "events": _events, "export": _export, "doctor": _doctor}
    with _reasons(), _printing():
        return commands[command](given[1:])


@contextmanager
def _reasons() -> Iterator[None]:
    """Bad files end in one line."""
    from gradviz.trace.errors import TraceError

    try:
        yield
    except TraceError as error:
        _fail(str(error))


@contextmanager
def _printing() -> Iterator[None]:
    """What is printed arrives or is missed: a closed pipe (``gradviz events ... | head``) ends the command in
    silence, a full disk in one line. Letters that the terminal has not are written out."""
    if sys.stdout is None:
        _fail("there is nowhere to print to: standard output is closed")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _print_no_more()
        sys.exit(0)
    except OSError as error:
        _print_no_more()
        _fail(f"cannot print: {error.strerror or error}")
    except KeyboardInterrupt:
        _print_no_more()
        sys.exit(INTERRUPTED)


def _print_no_more() -> None:
    """What is still to be printed would fail again when Python ends."""
    with suppress(OSError, ValueError):  # a stream without a descriptor holds nothing back
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, advice: str = "") -> NoReturn:
    """End with one line that says what is wrong, and lines that say what to do about it."""
    _complain(message, advice)
    sys.exit(BAD)


def _complain(message: str, advice: str = "") -> None:
    """Say something on stderr, if there is one: a program that was recorded may have closed it."""
    if sys.stderr is not None:
        with suppress(OSError, ValueError):
            print("\n".join([f"gradviz: {harmless(message)}", *map(harmless, advice.splitlines())]), file=sys.stderr)


def _window(arguments: Sequence[str]) -> int:
    parser = _Parser(
        prog="gradviz",
        description="A desktop debugger for backpropagation.",
        epilog=f"Commands without a window: {', '.join(COMMANDS)}. Each explains itself with --help.",
    )
    parser.add_argument("file", nargs="?", help="a .py, .ipynb or .gradviz file; without one, an example")
    parser.add_argument("--step", type=_step, help="the step to open the trace at")
    parser.add_argument("--theme", choices=("dark", "light", "system"), help="colours")
    parser.add_argument(
        "--reset", action="store_true", help="put the settings and the arrangement of the window back, then open it"
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show program's version number and exit")
    options = parser.parse_args(arguments)
    if options.file is not None:
        _check_openable(Path(options.file))
    _require_qt()
    gc.disable()  # starting makes many objects and hardly any garbage; the window turns it on again
    from gradviz_ui import app

    if options.reset:
        print(app.reset())
    return app.run(options.file, options.step, options.theme)


def _require_qt() -> None:
    """End with a text that says what Qt lacks here, where Qt itself would abort."""
    from gradviz.startup import StartupError, require_window

    try:
        require_window()
    except StartupError as problem:
        what, _, advice = str(problem).partition("\n")
        _fail(what, advice)


def _check_openable(path: Path) -> None:
    """A file that cannot be shown is told in the terminal, not in a window."""
    if path.suffix.lower() == ".gradviz":
        from gradviz.trace.reader import check

        check(path)
    elif path.suffix.lower() in (".py", ".ipynb"):
        _load_program(path)
    elif path.exists():
        _fail(f"{path} is neither a .py, a .ipynb nor a .gradviz file")
    else:
        _fail(f"there is no file and no command {path}")


def _record(arguments: Sequence[str]) -> int:
    own, program_arguments = list(arguments), []
    if "--" in own:
        split = own.index("--")
        own, program_arguments = own[:split], own[split + 1 :]
    parser = _Parser(
        prog="gradviz record",
        usage="%(prog)s FILE [-o TRACE] [--backend B] [--values V] [-- ARGS]",
        description="Run a program and record it. Its input, output and exit code stay its own.",
    )
    parser.add_argument("file", metavar="FILE", help="a .py or .ipynb file")
    parser.add_argument("-o", dest="trace", metavar="TRACE", help="default: FILE's name with .gradviz, here")
    parser.add_argument(
        "--backend", choices=("numpy", "pytorch"), default="numpy",
        help="numpy: the built-in engine under the name of torch (default); pytorch: PyTorch itself",
    )  # fmt: skip
    parser.add_argument(
        "--values", choices=("full", "summary", "auto"), default="auto",
        help="what is kept of tensors: all, summary numbers, or all of those up to 1 MiB (default)",
    )  # fmt: skip
    options = parser.parse_args(own)
    program = _load_program(Path(options.file))
    trace = Path(options.trace or Path(options.file).with_suffix(".gradviz").name)
    from gradviz.recording.run import run
    from gradviz.recording.session import RecordError

    try:
        result = run(program, trace, backend=options.backend, values=options.values, arguments=program_arguments)
    except RecordError as error:
        _fail(str(error))
    if result.trouble is not None:
        _complain(result.trouble)
        return result.exit_code or BAD
    if sys.stderr is not None and sys.stderr.isatty():
        _complain(f"{_counted(result.events, 'event')} in {trace}")
    return result.exit_code


def _load_program(path: Path) -> Program:
    from gradviz.recording.program import Program, ProgramError

    try:
        return Program.load(path)
    except ProgramError as error:
        _fail(str(error))


def _info(arguments: Sequence[str]) -> int:
    parser = _Parser(prog="gradviz info", description="Tell what a trace holds.")
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--json", action="store_true", help="as one JSON object")
    options = parser.parse_args(arguments)
    from gradviz.trace.to_json import Jsonifier

    with _open(options.trace) as trace:
        facts = Jsonifier(trace).info()
    if options.json:
        print(json.dumps(facts))
    else:
        print(_facts_in_words(facts))
    return 0


def _facts_in_words(facts: dict[str, object]) -> str:
    """The facts for a person."""
    leaves, counts, versions = facts["leaves"], facts["events"], facts["versions"]
    assert isinstance(leaves, list)
    assert isinstance(counts, dict)
    assert isinstance(versions, dict)
    names = ", ".join(clipped(str(leaf["label"] or f"#{leaf['node']}"), LONGEST) for leaf in leaves[:12])
    more = f" and {len(leaves) - 12} more" if len(leaves) > 12 else ""
    used = [clipped(f"{name} {version}", LONGEST) for name, version in list(versions.items())[:12]]
    lines = {
        "program": clipped(str(facts["program"] or "(recorded from Python)"), LONGEST),
        "backend": clipped(str(facts["backend"]), LONGEST),
        "recorded": _moment(facts["created"]),
        "with": ", ".join(used) or "?",
        "complete": "yes" if facts["complete"] else "no: the recording was cut off, or is still going on",
        "events": f"{facts['steps']}: " + (", ".join(f"{n} {kind}" for kind, n in counts.items()) or "none"),
        "graph": f"{_counted(facts['nodes'], 'node')}, {_counted(facts['edges'], 'edge')}",
        "leaves": f"{len(leaves)}: {names}{more}" if leaves else "none",
        "tensors": f"{facts['tensors']} different ones",
    }
    return "\n".join(f"{title:<9} {text}" for title, text in lines.items())


def _counted(number: object, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _moment(created: object) -> str:
    """The time of day of a recording, in this machine's zone; a trace may hold any number."""
    from datetime import datetime

    try:
        return f"{datetime.fromtimestamp(float(str(created))):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return "?"


def _graph(arguments: Sequence[str]) -> int:
    parser = _Parser(prog="gradviz graph", description="Print a trace's backward graph.")
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--format", choices=("json", "dot", "graphml"), default="json")
    options = parser.parse_args(arguments)
    with _open(options.trace) as trace:
        if options.format == "json":
            from gradviz.trace.to_json import Jsonifier

            print(json.dumps(Jsonifier(trace).graph()))
        else:
            from gradviz.trace import to_graph

            write = to_graph.to_dot if options.format == "dot" else to_graph.to_graphml
            _print_utf8(write(trace))
    return 0


def _print_utf8(text: str) -> None:
    """Print what is UTF-8 by its format, whatever letters the terminal has."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8"))
    else:
        print(text, end="")


def _events(arguments: Sequence[str]) -> int:
    parser = _Parser(prog="gradviz events", description="Print a trace's events, one JSON object a line.")
    parser.add_argument("trace", metavar="TRACE")
    parser.add_argument("--kind", choices=KINDS, action="append", help="only these; may be given again")
    parser.add_argument("--values", action="store_true", help="tensors with their values, as nested lists")
    options = parser.parse_args(arguments)
    from gradviz.trace.to_json import Jsonifier

    with _open(options.trace) as trace:
        jsonifier = Jsonifier(trace, values=options.values)
        for event in trace.events:
            if options.kind is None or event.kind in options.kind:
                print(json.dumps(jsonifier.event(event)))
    return 0


def _export(arguments: Sequence[str]) -> int:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"  # pictures are drawn without a screen
    _require_qt()
    from gradviz_ui.export import command

    return command.run(arguments)


def _doctor(arguments: Sequence[str]) -> int:
    parser = _Parser(
        prog="gradviz doctor", description="Tell what works on this machine, and how to mend what does not."
    )
    parser.parse_args(arguments)
    from gradviz import doctor

    return doctor.run()


def _open(path: str) -> Trace:
    from gradviz.trace.reader import Trace

    return Trace.open(path)


def _step(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no step: steps count from 0")
    return int(text)


class _Version(argparse.Action):
    """Prints the version; finding it takes a while, so only where it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *arguments: object) -> NoReturn:
        print(f"gradviz {_version()}")
        parser.exit()


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("gradviz")
    except metadata.PackageNotFoundError:  # run from a source tree that is not installed
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
