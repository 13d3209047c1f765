"""A recording of the autograd basics as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradviz.trace.memory import MemoryTrace
from gradviz.trace.writer import TraceWriter


@pytest.fixture
def recording(tmp_path: Path, basics: MemoryTrace) -> Path:
    """The basics trace, written as a recorder writes it."""
    path = tmp_path / "basics.gradviz"
    writer = TraceWriter(path, program="autograd_basics.py", backend="numpy")
    for source in basics.sources:
        writer.add_source(source)
    for tensor in range(basics.tensor_count):
        array = basics.array(tensor)
        assert array is not None
        writer.add_tensor(array)
    for node in basics.nodes:
        writer.add_node(node)
    for edge in basics.edges:
        writer.add_edge(edge)
    for value in basics.values:
        writer.add_value(value)
    for event in basics.events:
        writer.emit(event)
    writer.finish()
    return path
