"""The edges at a node."""

from __future__ import annotations

from gradviz.replay.adjacency import adjacency_of
from synthetic import autograd_basics, training


def test_every_edge_is_found_from_both_of_its_ends() -> None:
    trace = training(nodes=300, calls=2, leaves=5)
    assert trace is not None
    adjacency = adjacency_of(trace)
    for index, edge in enumerate(trace.edges):
        assert index in adjacency.out(edge.source)
        assert index in adjacency.into(edge.target)
    assert sum(len(adjacency.out(node.id)) for node in trace.nodes) == len(trace.edges)


def test_edges_leave_in_the_order_of_their_slots() -> None:
    trace = autograd_basics()
    add = next(node.id for node in trace.nodes if node.name == "AddBackward0" and node.shape == (3,))
    targets = [trace.nodes[trace.edges[edge].target].name for edge in adjacency_of(trace).out(add)]
    assert targets == ["SqueezeBackward4", "AccumulateGrad"]


def test_it_is_built_once() -> None:
    trace = autograd_basics()
    assert adjacency_of(trace) is adjacency_of(trace)
