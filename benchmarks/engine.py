"""The built-in engine beside PyTorch and HIPS autograd, one thread, in one run.

    OMP_NUM_THREADS=1 python benchmarks/engine.py

Needs ``torch==2.13.0`` and ``autograd`` beside the project. Prints medians and ratios; candidates take turns.
"""

from __future__ import annotations

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measure import medians, row


def chain(torch: Any) -> Callable[[], object]:
    """1,000 pointwise operations on 10 floats, forward and backward."""
    x = torch.tensor((np.arange(1, 11) / 10).astype(np.float32), requires_grad=True)
    seed = torch.ones(10)

    def run() -> None:
        x.grad = None
        y = x
        for _ in range(250):
            y = (y * 1.01).sin()
            y = (y + x) * 0.5
        y.backward(seed)

    return run


def chain_of_autograd() -> Callable[[], object]:
    """The same chain in HIPS autograd."""
    import autograd.numpy as anp
    from autograd.core import make_vjp

    def function(x: Any) -> Any:
        y = x
        for _ in range(250):
            y = anp.sin(y * 1.01)
            y = (y + x) * 0.5
        return y

    start = (np.arange(1, 11) / 10).astype(np.float32)
    seed = np.ones(10, np.float32)

    def run() -> None:
        vjp, _ = make_vjp(function, start)
        vjp(seed)

    return run


def training_step(torch: Any, model: Any, inputs: Any, loss_of: Callable[[Any], Any]) -> Callable[[], object]:
    """Zero, forward, backward, SGD step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    def run() -> None:
        optimizer.zero_grad()
        loss_of(model(inputs)).backward()
        optimizer.step()

    return run


def perceptron(torch: Any, batch: int = 64) -> Callable[[], object]:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    labels = torch.arange(batch) % 10
    criterion = nn.CrossEntropyLoss()
    return training_step(torch, model, torch.rand(batch, 784), lambda out: criterion(out, labels))


def lenet(torch: Any) -> Callable[[], object]:
    nn = torch.nn
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )  # fmt: skip
    labels = torch.arange(32) % 10
    criterion = nn.CrossEntropyLoss()
    return training_step(torch, model, torch.rand(32, 1, 28, 28), lambda out: criterion(out, labels))


def transformer(torch: Any) -> Callable[[], object]:
    torch.manual_seed(0)
    model = torch.nn.TransformerEncoderLayer(128, 4, 512, dropout=0.0, batch_first=True)
    return training_step(torch, model, torch.rand(4, 64, 128), lambda out: out.pow(2).mean())


def in_a_process_of_its_own(call: str) -> float:
    """The number a call of this module gives in a new process."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); import engine; print(engine.{call})"
    here = os.path.dirname(os.path.abspath(__file__))
    # Large blocks straight from the system, and back to it when freed: the peak is then what is in use.
    env = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536"}
    return float(subprocess.run([sys.executable, "-c", code, here], check=True, capture_output=True, env=env).stdout)


def memory_of_a_step(backend: str) -> float:
    """MiB a wide perceptron's training step adds at its peak (Linux: the peak is reset before the step)."""
    torch = __import__(backend)
    if backend == "torch":
        torch.set_num_threads(1)
    run = perceptron(torch, 16384)
    run()
    Path("/proc/self/clear_refs").write_text("5")
    before = _memory("VmRSS")
    run()
    return _memory("VmHWM") - before


def _memory(field: str) -> float:
    """A field of this process's status, in MiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))


def seconds_of_a_chain(observable: bool) -> float:
    """The chain's median time, with the engine's questions for an observer or with all of them cut out."""
    if not observable:
        import unobserved

        unobserved.install()
    return medians({"chain": chain(__import__("gradviz_engine"))}, rounds=201)["chain"]


def observer_overhead(processes: int = 7) -> float:
    """What the questions cost while nobody observes, as a share: medians over processes that take turns."""
    times: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(processes):
        for observable, seen in times.items():
            seen.append(in_a_process_of_its_own(f"seconds_of_a_chain({observable})"))
    return statistics.median(times[True]) / statistics.median(times[False]) - 1


def main() -> int:
    try:
        import autograd  # noqa: F401
        import torch
    except ImportError as error:
        print(f"{error.name} is missing: pip install torch==2.13.0 autograd", file=sys.stderr)
        return 2
    import gradviz_engine as engine

    torch.set_num_threads(1)
    both = lambda build: {"engine": build(engine), "torch": build(torch)}  # noqa: E731
    print(f"torch {torch.__version__}, numpy {np.__version__}, Python {sys.version.split()[0]}, one thread; medians")
    peers = {"engine": chain(engine), "autograd": chain_of_autograd(), "torch": chain(torch)}
    print(row("chain of 1,000 pointwise", medians(peers), "autograd", "< 1"))
    print(row("784-256-10, batch 64", medians(both(perceptron), 61), "torch", "<= 1.3"))
    print(row("LeNet, 32 images", medians(both(lenet)), "torch", "<= 4"))
    print(row("transformer block (4, 64, 128)", medians(both(transformer)), "torch", "<= 4"))
    print(f"{'observer, nobody observing':34} overhead {observer_overhead():.1%} (target: < 3 %)")
    mine, theirs = (in_a_process_of_its_own(f"memory_of_a_step({name!r})") for name in ("gradviz_engine", "torch"))
    print(f"{'memory of a step, batch 16384':34} engine {mine:.0f} MiB  torch {theirs:.0f} MiB   "
          f"engine/torch = {mine / theirs:.2f} (target: <= 1.5)")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
