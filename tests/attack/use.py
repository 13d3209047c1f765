"""Everything that can be done with a trace without a window."""

from __future__ import annotations

import io
import json
import random
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path
from unicodedata import category

from gradviz import cli
from gradviz.layout import LayoutError
from gradviz.projection.frame import Frame
from gradviz.projection.scene import build
from gradviz.replay import Playhead
from gradviz.replay.breakpoints import Breakpoints
from gradviz.replay.explain import why_accumulated
from gradviz.replay.index import index_of
from gradviz.replay.moves import Move, target
from gradviz.replay.timeline import gradient_lane, markers, program_spans
from gradviz.trace.errors import TraceError
from gradviz.trace.events import Accumulate
from gradviz.trace.reader import Trace

MOST_NODES = 400
"""Larger graphs are laid out by the benchmarks; here they would be all that is done."""
SEEKS = 6
COMMANDS = (
    ["info"], ["info", "--json"], ["graph"], ["graph", "--format", "dot"], ["graph", "--format", "graphml"],
    ["events"], ["events", "--values"],
)  # fmt: skip


def use(path: Path, choose: random.Random) -> bool:
    """Open a trace and do all that can be done with it; False where it is refused with a reason.

    A ``TraceError`` is an answer, anything else that is raised is a finding.
    """
    try:
        trace = Trace.open(path)
    except TraceError as error:
        _check_reason(path, error)
        return False
    with trace:
        index_of(trace)
        playhead = Playhead(trace, choose.randrange(len(trace.events) + 1))
        for _ in range(SEEKS):
            playhead.seek(choose.randrange(-1, len(trace.events) + 2))
            _ask(playhead, choose)
        _walk(playhead, choose)
        _read_tensors(trace, choose)
        for do in (_timeline, _explanations, _projection):
            do(trace, choose)
    for command in choose.sample(COMMANDS, 2):
        run_command([command[0], str(path), *command[1:]])
    return True


def _check_reason(path: Path, error: TraceError) -> None:
    text = str(error)
    assert str(path) in text, f"the reason does not name the file: {text[:300]}"
    assert text.isprintable(), f"the reason is not one printable line: {text[:300]!r}"
    assert len(text) < 2000, f"the reason is {len(text)} characters long"


def _ask(playhead: Playhead, choose: random.Random) -> None:
    trace = playhead.trace
    for node in choose.sample(range(len(trace.nodes)), min(8, len(trace.nodes))):
        playhead.node_state(node)
        playhead.created(node)
        playhead.remaining(node)
        playhead.node_gradients(node)
        playhead.buffer(node, 0)
        playhead.value(node)
        playhead.leaf(node)
    assert (playhead.ready_queue, playhead.location, playhead.output(), playhead.call) is not None
    assert len(playhead.created_nodes) == len(trace.nodes)


def _walk(playhead: Playhead, choose: random.Random) -> None:
    for _ in range(10):
        playhead.seek(target(playhead, choose.choice(list(Move))))
    stops = Breakpoints()
    if playhead.trace.nodes:
        stops.toggle_node(choose.randrange(len(playhead.trace.nodes)))
    stops.toggle_line("program.py", 3)
    playhead.seek(stops.next_stop(playhead.trace, playhead.step, choose.random() < 0.5))


def _read_tensors(trace: Trace, choose: random.Random) -> None:
    for tensor in choose.sample(range(trace.tensor_count), min(10, trace.tensor_count)):
        for read in (trace.array, trace.thumbnail):
            try:
                read(tensor)
            except TraceError as error:
                assert trace.path is not None
                _check_reason(trace.path, error)


def _timeline(trace: Trace, choose: random.Random) -> None:
    program_spans(trace)
    markers(trace)
    for leaf in trace.leaves[:5]:
        gradient_lane(trace, leaf)


def _explanations(trace: Trace, choose: random.Random) -> None:
    accumulations = [event for event in trace.events if isinstance(event, Accumulate)]
    for event in choose.sample(accumulations, min(4, len(accumulations))):
        shape = trace.tensor(event.after).shape
        index = tuple(choose.randrange(min(size, 5)) for size in shape) if 0 not in shape else ()
        why_accumulated(trace, event, index)


def _projection(trace: Trace, choose: random.Random) -> None:
    if len(trace.nodes) > MOST_NODES or len(trace.events) > 4000:
        return
    view = choose.choice(("backward", "forward", "both"))
    try:
        scene = build(trace, view)
    except LayoutError:
        return
    frame = Frame(scene, Playhead(trace, choose.randrange(len(trace.events) + 1)))
    for _ in range(SEEKS):
        frame.update(frame.playhead.seek(choose.randrange(len(trace.events) + 1)))
        for box in range(min(len(scene.boxes), 40)):
            frame.card(box)
        for link in range(min(len(scene.sources), 40)):
            frame.label(link)


def run_command(arguments: list[str]) -> None:
    """Run a command in this process; what it prints must do no harm, and be what it claims to be."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    errors = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    kept, sys.stdout, sys.stderr = (sys.stdout, sys.stderr), out, errors
    try:
        code = cli.main(arguments)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout, sys.stderr = kept
    printed, complaint = (stream.buffer.getvalue().decode("utf-8") for stream in (out, errors))  # type: ignore[attr-defined]
    assert code in (0, cli.BAD), f"{arguments} ended with code {code}"
    assert complaint.count("\n") == (code != 0), f"{arguments}: {complaint[:600]}"
    _check_harmless(printed.replace("\n", "") + complaint.rstrip("\n"), arguments)
    if code == 0:
        _check_format(arguments, printed)


def _check_harmless(text: str, arguments: list[str]) -> None:
    odd = sorted({c for c in set(text) if category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") and c not in "\t\u200c\u200d"})
    assert not odd, f"{arguments} prints {odd[:10]!r}"


def _check_format(arguments: list[str], printed: str) -> None:
    if "graphml" in arguments:
        ET.fromstring(printed)
    elif "dot" in arguments:
        assert printed.startswith("digraph gradviz {")
        assert printed.endswith("}\n")
    elif arguments[0] in ("events", "graph") or "--json" in arguments:
        assert printed.isascii()
        for line in printed.splitlines():
            json.loads(line, parse_constant=_no_constants)


def _no_constants(name: str) -> None:
    raise AssertionError(f"{name} is not JSON")


Use = Callable[[Path, random.Random], bool]
