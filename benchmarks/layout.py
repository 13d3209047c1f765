"""What the layered layout costs and how good it is, beside Graphviz dot where it is installed.

    python benchmarks/layout.py [NAME ...]

CPU time a node, pairs of edges that cross, edges through boxes that are not theirs, and boxes that overlap, as
drawn. Lines that run over each other for the same target count as one line, as they look. dot is run as a program
with the same boxes; its time is its own, its crossings are those of the curves it gives.
"""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import networks
import numpy as np
import quality

from gradviz.layout import Drawing, place
from gradviz.layout.drawing import COLUMN_GAP, ROW_GAP

GRAPHS: dict[str, Callable[[], Drawing]] = {
    "ResNet-152": networks.resnet,
    "GPT 48": lambda: networks.gpt(48),
    "LSTM 200": lambda: networks.lstm(200),
    "RNN 10,000": lambda: networks.rnn(10_000),
    "RNN 1,000 shared": lambda: networks.rnn(1000, split=False),
    "RNN 10,000 shared": lambda: networks.rnn(10_000, split=False),
    "training 100,000": lambda: networks.training(100_000),
}
COMPARED = 5000
"""Up to this many nodes dot is run too."""
PATIENCE = 60
"""Seconds dot may take."""


def dot(drawing: Drawing) -> tuple[float, int] | None:
    """dot's CPU seconds and its crossings; None where it is not there or takes too long."""
    if shutil.which("dot") is None or drawing.count > COMPARED:
        return None
    lines = [f'digraph {{ nodesep={COLUMN_GAP / 72} ranksep={ROW_GAP / 72} node [shape=box fixedsize=true label=""];']
    lines += [f"{box} [width={w / 72} height={h / 72}];" for box, (w, h) in enumerate(drawing.sizes.tolist())]
    lines += [f"{source} -> {target};" for source, target in drawing.edges.tolist()]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        found = subprocess.run(
            ["dot", "-Tplain"],
            input="\n".join([*lines, "}"]),
            text=True,
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
    except subprocess.TimeoutExpired:
        return None
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    edges, routes = [], []
    for line in found.stdout.splitlines():
        words = line.split()
        if words[0] == "edge":
            edges.append((int(words[1]), int(words[2])))
            routes.append(np.array(words[4 : 4 + 2 * int(words[3])], np.float64).reshape(-1, 2) * 72)
    pieces = [quality.bezier(route) for route in routes]
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, quality.crossings(pieces, np.array(edges))


def main(names: list[str]) -> None:
    """Measure the graphs named, or all."""
    place(networks.rnn(10), "layered")
    for name, make in GRAPHS.items():
        if names and name not in names:
            continue
        drawing = make()
        begin = time.process_time()
        placed = place(drawing, "layered")
        seconds = time.process_time() - begin
        pieces = quality.drawn(placed)
        print(
            f"{name:18} {drawing.count:7,} nodes {seconds:6.2f} s {seconds / drawing.count * 1e6:5.1f} us a node"
            f"  crossings {quality.crossings(pieces, drawing.edges):,}"
            f"  through boxes {quality.through(pieces, drawing, placed)}  overlaps {quality.overlaps(drawing, placed)}"
            f"  {np.ptp(placed.centres[:, 0]):,.0f} x {np.ptp(placed.centres[:, 1]):,.0f}",
            flush=True,
        )
        beside = dot(drawing)
        if beside:
            print(
                f"{'':18} dot {beside[0]:6.2f} s, {beside[0] / seconds:.1f} times as long; crossings {beside[1]:,}",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1:])
