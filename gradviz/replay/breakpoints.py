"""Breakpoints on nodes and on lines of the program."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradviz.replay.moves import to_line, to_node
from gradviz.trace.model import NodeId
from gradviz.trace.protocol import TraceLike


@dataclass
class Breakpoints:
    """Where to stop: when a node begins to run, when the program comes to a line (file, number from 1)."""

    nodes: set[NodeId] = field(default_factory=set)
    lines: set[tuple[str, int]] = field(default_factory=set)

    def toggle_node(self, node: NodeId) -> bool:
        """Set or take away a node's breakpoint; True if it is now set."""
        self.nodes ^= {node}
        return node in self.nodes

    def toggle_line(self, file: str, line: int) -> bool:
        """Set or take away a line's breakpoint; True if it is now set."""
        self.lines ^= {(file, line)}
        return (file, line) in self.lines

    def clear(self) -> None:
        """Take all breakpoints away."""
        self.nodes.clear()
        self.lines.clear()

    def next_stop(self, trace: TraceLike, step: int, forward: bool = True) -> int:
        """The nearest step at which a breakpoint stops; the trace's end, or its start, if there is none."""
        steps = [to_node(trace, step, node, forward) for node in self.nodes]
        steps += [to_line(trace, step, file, line, forward) for file, line in self.lines]
        ahead = [found for found in steps if found != step]
        if forward:
            return min(ahead, default=len(trace.events))
        return max(ahead, default=0)
