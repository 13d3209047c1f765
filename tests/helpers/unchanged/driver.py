"""Runs programs of the table, each plain and recorded: ``python driver.py BACKEND FOLDER NAME...``

One process loads the backend, and each run is a fork of it: both start from the same state, down to the numbers
of nodes and what PyTorch warns of only once. What a person could see of each goes to FOLDER as a pickle.
"""

from __future__ import annotations

import os
import pickle
import random
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext, redirect_stderr, redirect_stdout
from importlib import import_module
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

import gradviz
from gradviz.recording.alias import engine_as_torch
from gradviz.replay.playhead import Playhead
from gradviz.trace import events as ev
from unchanged import PRELUDE, ROWS

FROM_HERE = "# recorded from here\n"
"""What comes before this line of a program is never recorded."""
SECONDS = 100


@contextmanager
def as_main(file: Path) -> Iterator[dict[str, Any]]:
    main = ModuleType("__main__")
    main.__file__ = str(file)
    before = sys.modules["__main__"]
    sys.modules["__main__"] = main
    try:
        yield main.__dict__
    finally:
        sys.modules["__main__"] = before


def run(name: str, backend: str, how: str, folder: Path) -> dict[str, Any]:
    """One run of a program; what it left behind."""
    os.environ["HOW"] = how
    os.environ["TORCHINDUCTOR_COMPILE_THREADS"] = "1"
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / how)  # what comes from a cache has other numbers
    file = folder / "program.py"
    text = ROWS[name].text
    file.write_text(text)
    before, _, after = text.rpartition(FROM_HERE)
    stdout, stderr, ended = StringIO(), StringIO(), None
    trace = folder / "t.gradviz"
    recording: Any = gradviz.record(trace, backend=backend) if how == "recorded" else nullcontext()
    with ExitStack() as stack:
        stack.enter_context(redirect_stdout(stdout))
        stack.enter_context(redirect_stderr(stderr))
        if backend == "numpy":
            stack.enter_context(engine_as_torch())
        namespace = stack.enter_context(as_main(file))
        random.seed(0)
        np.random.seed(0)
        exec(compile(before, str(file), "exec"), namespace)
        try:
            with recording:
                exec(compile("\n" * before.count("\n") + after, str(file), "exec"), namespace)
        except (Exception, SystemExit) as error:
            ended = type(error).__name__, str(error)
        seen = {
            "stdout": stdout.getvalue(),
            "stderr": stderr.getvalue(),
            "ended": ended,
            "python's random": random.getstate(),
            "numpy's random": pickle.dumps(np.random.get_state()),
            **left_behind(namespace, backend),
        }
    return {"seen": seen, "trace": told(trace) if how == "recorded" else None}


def left_behind(namespace: dict[str, Any], backend: str) -> dict[str, Any]:
    torch = sys.modules["torch"]
    found: dict[str, Any] = {
        "torch's random": torch.get_rng_state().numpy().tobytes(),
        "grad mode": torch.is_grad_enabled(),
        "dtype": str(torch.get_default_dtype()),
    }
    if backend == "pytorch":
        found["modes"] = torch._C._len_torch_function_stack()
        found["threads"] = torch.get_num_threads()
        found["engine"] = type(torch.autograd.graph._engine_run_backward).__name__
        found["hooks"] = len(torch.nn.modules.module._global_forward_hooks)
        found["nodes"] = torch._C._autograd._get_sequence_nr()
    for name, value in sorted(namespace.items()):
        if isinstance(value, torch.Tensor):
            found[name] = described(value, torch)
        elif isinstance(value, torch.nn.Module):
            for path, tensor in [*value.named_parameters(), *value.named_buffers()]:
                found[f"{name}.{path}"] = described(tensor, torch)
        elif isinstance(value, (int, float, str, list, dict, tuple)) and not name.startswith("__"):
            found[name] = re.sub(r" at 0x[0-9a-f]+", "", repr(value))
    return found


def described(tensor: Any, torch: Any) -> dict[str, Any]:
    facts = {
        "shape": tuple(tensor.shape),
        "dtype": str(tensor.dtype),
        "kind": type(tensor).__name__,
        "numbers": numbers(tensor, torch),
    }
    if not tensor.is_inference():
        facts["version"] = tensor._version
    try:
        facts["requires_grad"], facts["is_leaf"] = tensor.requires_grad, tensor.is_leaf
        if tensor.is_leaf or tensor.retains_grad:
            facts["grad"] = None if tensor.grad is None else described(tensor.grad, torch)
        facts["grad_fn"] = None if tensor.grad_fn is None else tensor.grad_fn.name()
        facts["number"] = None if tensor.grad_fn is None else getattr(tensor.grad_fn, "_sequence_nr", lambda: 0)()
    except RuntimeError as error:
        facts["grad_fn"] = str(error)
    return facts


def numbers(tensor: Any, torch: Any) -> bytes | None:
    try:
        plain = tensor.detach()
        if str(plain.layout) != "torch.strided":
            plain = plain.to_dense()
        if str(plain.dtype) == "torch.bfloat16":
            plain = plain.view(torch.int16)
        if plain.is_complex():
            plain = torch.view_as_real(plain.resolve_conj())
        return bytes(plain.resolve_neg().contiguous().numpy().tobytes())
    except (RuntimeError, NotImplementedError, TypeError, AttributeError):  # no numbers: fake, meta, of its own kind
        return None


def told(path: Path) -> dict[str, Any]:
    """The trace opens, is complete, and can be replayed."""
    with gradviz.load(path) as trace:
        for step in range(0, len(trace.events) + 1, max(1, len(trace.events) // 7)):
            Playhead(trace, step)
        return {
            "complete": trace.complete,
            "warnings": [event.message for event in trace.events if isinstance(event, ev.Warned)],
            "ops": [
                (event.name, event.line - PRELUDE.count("\n"), [trace.nodes[node].name for node in event.nodes])
                for event in trace.events
                if isinstance(event, ev.Op) and event.line is not None
            ],
            "calls": sum(isinstance(event, ev.BackwardBegin) for event in trace.events),
        }


def forked(name: str, backend: str, how: str, folder: Path) -> dict[str, Any]:
    work = folder / "work"  # both runs have the same names to print
    work.mkdir(exist_ok=True)
    result = folder / "result"
    result.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        try:
            os.chdir(work)
            result.write_bytes(pickle.dumps(run(name, backend, how, work)))
        except BaseException:
            result.write_bytes(pickle.dumps({"broken": traceback.format_exc()}))
        finally:
            sys.stdout.flush()
            os._exit(0)
    end = time.monotonic() + SECONDS
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return {"broken": f"still running after {SECONDS} s"}
        time.sleep(0.005)
    return pickle.loads(result.read_bytes()) if result.exists() else {"broken": "the process died"}  # type: ignore[no-any-return]


def main() -> None:
    backend, folder, names = sys.argv[1], Path(sys.argv[2]), sys.argv[3:]
    if backend == "pytorch":
        import torch  # noqa: F401

        import gradviz.recording.pytorch_backend
    else:
        import gradviz.recording.engine_backend  # noqa: F401
    results: dict[str, Any] = {}
    chosen = names or [row.name for row in ROWS.values() if backend == "pytorch" or row.engine]
    for name in sorted(chosen, key=lambda name: ROWS[name].compiler):
        if ROWS[name].compiler and "torch._dynamo" not in sys.modules:  # seconds, once instead of for each run
            import_module("torch._inductor.compile_fx")
        plain, recorded = (forked(name, backend, how, folder) for how in ("plain", "recorded"))
        results[name] = plain, recorded
        (folder / "results").write_bytes(pickle.dumps(results))


if __name__ == "__main__":
    main()
