"""How backward calls are called: by what the program wrote, as far as a trace tells."""

from __future__ import annotations

from gradviz.replay.index import index_of
from gradviz.trace.protocol import TraceLike


def call_name(trace: TraceLike, number: int) -> str:
    """``loss.backward()``, ``backward(a, b)``, ``grad(loss)``; the roots alone where it may be either.

    A call for named inputs is ``autograd.grad`` where it ended without having touched a ``.grad``.
    """
    index = index_of(trace)
    call = index.calls.get(number)
    if call is None:
        return "backward()"
    labels = [root.label for root in index.roots[number] if root.label]
    named = ", ".join(labels)
    if number in index.for_inputs and number not in index.accumulating:
        if call.end is not None and not call.failed:
            return f"grad({named})"
        return named or "backward()"
    return f"{named}.backward()" if len(labels) == 1 else f"backward({named})"
