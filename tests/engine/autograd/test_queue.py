"""The ready queue runs later nodes first and breaks ties as libstdc++'s heap does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradviz_engine.autograd.accumulate import LAST
from gradviz_engine.autograd.node import Node
from gradviz_engine.autograd.queue import ReadyQueue


def numbered(sequence: int) -> Node:
    node = Node()
    node.sequence = sequence
    return node


def drain(queue: ReadyQueue) -> list[Node]:
    return [queue.pop() for _ in range(len(queue))]


# Observed with PyTorch 2.13.0: ``torch.stack`` of n leaves, the order of their AccumulateGrads.
TIES = {
    2: [0, 1],
    3: [0, 1, 2],
    4: [0, 2, 1, 3],
    5: [0, 2, 4, 1, 3],
    6: [0, 2, 5, 4, 1, 3],
    7: [0, 2, 5, 6, 4, 1, 3],
    8: [0, 2, 6, 5, 7, 4, 1, 3],
    20: [0, 2, 6, 14, 19, 18, 17, 16, 13, 15, 12, 11, 10, 9, 8, 5, 7, 4, 1, 3],
}


@pytest.mark.parametrize("count", TIES)
def test_ties_among_accumulate_grads_fall_as_in_pytorch(count: int) -> None:
    queue, nodes = ReadyQueue(), [numbered(LAST) for _ in range(count)]
    for node in nodes:
        queue.push(node)
    assert [nodes.index(node) for node in drain(queue)] == TIES[count]


@given(st.lists(st.integers(0, 50), min_size=1))
def test_larger_numbers_run_first(numbers: list[int]) -> None:
    queue = ReadyQueue()
    for number in numbers:
        queue.push(numbered(number))
    assert [node.sequence for node in drain(queue)] == sorted(numbers, reverse=True)


@given(st.lists(st.sampled_from([1, 2, LAST]), min_size=1))
def test_in_order_foretells_the_pops_and_changes_nothing(numbers: list[int]) -> None:
    queue = ReadyQueue()
    for number in numbers:
        queue.push(numbered(number))
    foretold = queue.in_order()
    assert drain(queue) == foretold
