"""How much of a recording is lost when its recorder is killed.

    python benchmarks/loss.py [KILLS]

The program prints the time again and again, or once before it computes in silence; what is not in the trace
afterwards is lost, counted from the first print that is missing. ``stall`` is how long the program itself stood
still at most, which on a busy machine is time in which nobody could have written anything.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from gradviz.trace.events import Output
from gradviz.trace.reader import Trace

TARGET_MS = 200.0
PROGRAMS = {
    "computes and prints": "import time, torch\nw = torch.ones(3, requires_grad=True)\nwhile True:\n"
    "    (w * 2).sum().backward()\n    print(time.time(), flush=True)",
    "prints now and then": "import time\nwhile True:\n    print(time.time(), flush=True)\n    time.sleep(0.01)",
    "prints, then is busy": "import time\nfor _ in range(20): print(time.time(), flush=True)\nwhile True: pass",
}


def kill_once(program: str, folder: Path) -> tuple[float, float]:
    """Seconds lost, and of the longest stall."""
    file, path = folder / "p.py", folder / "t.gradviz"
    file.write_text(program)
    command = [sys.executable, "-m", "gradviz.cli", "record", str(file), "-o", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        first = float(child.stdout.readline())
        time.sleep(0.5 + 0.3 * random.random())
        child.kill()
        killed = time.time()
        said = [first, *map(float, child.stdout.read().splitlines())]
    with Trace.open(path) as trace:
        kept = sum(isinstance(event, Output) for event in trace.events)
    stall = max((after - before for before, after in pairwise(said)), default=0.0)
    return killed - min(said[kept:], default=killed), stall


def main(kills: int) -> None:
    """Kill each program so often."""
    print(f"ms lost: median, maximum (target: at most {TARGET_MS:g}); longest stall of the program")
    for title, program in PROGRAMS.items():
        with tempfile.TemporaryDirectory() as folder:
            results = [kill_once(program, Path(folder)) for _ in range(kills)]
        lost = sorted(lost for lost, _ in results)
        stall = max(stall for _, stall in results)
        print(
            f"{title:24} {lost[len(lost) // 2] * 1e3:7.1f} {lost[-1] * 1e3:7.1f}   stall {stall * 1e3:7.1f}", flush=True
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
