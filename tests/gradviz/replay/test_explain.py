"""Why an element of a gradient has its value: only what the trace shows to be true is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from altered import altered
from gradviz.replay.explain import Reason, arrived, why_accumulated
from gradviz.trace.events import Accumulate
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from synthetic import Scribe, autograd_basics


def accumulations(trace: MemoryTrace, label: str) -> list[Accumulate]:
    return [
        event for event in trace.events
        if isinstance(event, Accumulate) and trace.nodes[event.leaf].label == label
    ]  # fmt: skip


def lines(reasons: list[Reason]) -> list[str]:
    return [f"{reason.name} = {reason.text}".strip() for reason in reasons]


@pytest.fixture(scope="module")
def basics() -> MemoryTrace:
    return autograd_basics()


def test_the_second_call_adds_four_to_four(basics: MemoryTrace) -> None:
    _, second, _ = accumulations(basics, "inp")
    assert lines(why_accumulated(basics, second, (0, 0))) == [
        "after[0,0] = before[0,0] + incoming[0,0]",
        "= 4 + 4",
        "incoming = AddBackward0.grad[0,0]",
        "= PowBackward0: grad · exponent · self^(exponent - 1)",
        "= 1 · 2 · 2^(2 - 1) = 4",
    ]


def test_the_first_call_sets(basics: MemoryTrace) -> None:
    first, _, _ = accumulations(basics, "inp")
    assert lines(why_accumulated(basics, first, (0, 1)))[:2] == ["after[0,1] = incoming[0,1]", "= 2"]


def test_a_matrix_product_is_worked_out_for_the_element(basics: MemoryTrace) -> None:
    (event,) = accumulations(basics, "w")
    formula, numbers = lines(why_accumulated(basics, event, (0, 0)))[-2:]
    assert formula == "incoming = MmBackward0: selfᵀ @ grad"
    assert numbers == "= 1 · 0.2669 = 0.2669"


def test_a_formula_that_is_no_arithmetic_is_quoted_without_numbers() -> None:
    other = autograd_basics()
    power = next(node for node in other.nodes if node.name == "PowBackward0")
    odd = replace(power, formula=("grad, as the wind blows",))
    other = altered(other, nodes=[odd if node == power else node for node in other.nodes])
    _, second, _ = accumulations(other, "inp")
    assert lines(why_accumulated(other, second, (0, 0)))[-1] == "= PowBackward0: grad, as the wind blows"


def test_a_formula_that_the_numbers_contradict_is_not_quoted() -> None:
    lying = autograd_basics()
    power = next(node for node in lying.nodes if node.name == "PowBackward0")
    lie = replace(power, formula=("grad · self",))
    lying = altered(lying, nodes=[lie if node == power else node for node in lying.nodes])
    _, second, _ = accumulations(lying, "inp")
    assert lines(why_accumulated(lying, second, (0, 0)))[-1] == "= PowBackward0[0,0]"


def two_arms() -> tuple[MemoryTrace, int]:
    """``loss = 2 * x + x``: two gradients meet in the leaf's buffer."""
    builder = TraceBuilder()
    scribe = Scribe(builder, "p.py")
    leaf = scribe.parameter("x", (2,))
    twice = scribe.node("MulBackward0", (leaf,), shape=(2,))
    both = scribe.node("AddBackward0", (twice, leaf), shape=(2,))
    one, two = np.ones(2, np.float32), np.full(2, -2, np.float32)
    scribe.backward(both, one, {both: [one, one], twice: [two]}, line=1)
    return builder.finish(), leaf


def test_several_arrivals_are_shown_as_their_sum() -> None:
    trace, leaf = two_arms()
    (event,) = accumulations(trace, "x")
    assert lines(why_accumulated(trace, event, (1,)))[2:] == [
        "incoming = AddBackward0[1] + MulBackward0[1]",
        "= 1 + (-2)",
    ]
    flows, root = arrived(trace, leaf, 0, event.call, event.step)
    assert [flow.source for flow in flows] == [2, 1]
    assert root is None


def test_a_gradient_given_to_backward_is_the_end_of_the_chain() -> None:
    builder = TraceBuilder()
    scribe = Scribe(builder, "p.py")
    leaf = scribe.parameter("x", (1,))
    scribe.backward(leaf, np.array([3], np.float32), {}, line=1)
    trace = builder.finish()
    (event,) = accumulations(trace, "x")
    assert lines(why_accumulated(trace, event, (0,))) == [
        "after[0] = incoming[0]", "= 3", "incoming = gradient[0] given to backward()",
    ]  # fmt: skip


def test_nothing_is_said_where_the_values_were_not_kept(basics: MemoryTrace, monkeypatch: pytest.MonkeyPatch) -> None:
    _, second, _ = accumulations(basics, "inp")
    monkeypatch.setattr(MemoryTrace, "array", lambda self, tensor: None)
    assert why_accumulated(basics, second, (0, 0)) == []
