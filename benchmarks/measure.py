"""What the benchmarks share: turns, medians, ratios, a table, and the helpers of the tests."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))


def medians(candidates: dict[str, Callable[[], object]], rounds: int = 25, warmup: int = 3) -> dict[str, float]:
    """Median seconds of each candidate; they take turns, so that a slow moment of the machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(warmup + rounds):
        for name, run in candidates.items():
            begin = time.perf_counter()
            run()
            if turn >= warmup:
                times[name].append(time.perf_counter() - begin)
    return {name: statistics.median(values) for name, values in times.items()}


def row(title: str, numbers: dict[str, float], baseline: str, target: str) -> str:
    """One line: each candidate in ms, the first against the baseline as a ratio, and the target."""
    first = next(iter(numbers))
    cells = "  ".join(f"{name} {value * 1e3:8.2f} ms" for name, value in numbers.items())
    return f"{title:34} {cells}   {first}/{baseline} = {numbers[first] / numbers[baseline]:.2f} (target: {target})"
