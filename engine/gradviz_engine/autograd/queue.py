"""The ready queue: a max-heap on ``sequence_nr`` that breaks ties exactly as PyTorch's does.

PyTorch uses ``std::priority_queue``; AccumulateGrads all carry 2**64 - 1, so their order is decided by
how libstdc++ sifts. Push and pop here follow ``__push_heap`` and ``__adjust_heap`` of
libstdc++'s bits/stl_heap.h move for move.
"""

from __future__ import annotations

from gradviz_engine.autograd.node import Node


class ReadyQueue:
    """Nodes that have all their gradients; ``pop`` gives the one to run next."""

    __slots__ = ("_heap",)

    def __init__(self) -> None:
        self._heap: list[tuple[int, Node]] = []

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, node: Node) -> None:
        heap = self._heap
        item = (node.sequence, node)
        heap.append(item)
        if len(heap) > 1:
            _sift_up(heap, len(heap) - 1, item)

    def pop(self) -> Node:
        heap = self._heap
        last = heap.pop()
        if not heap:
            return last[1]
        top = heap[0]
        _adjust(heap, last)
        return top[1]

    def in_order(self) -> list[Node]:
        """The nodes as they would be popped; the queue stays as it is."""
        copy = ReadyQueue()
        copy._heap = list(self._heap)
        return [copy.pop() for _ in range(len(copy))]


def _sift_up(heap: list[tuple[int, Node]], hole: int, item: tuple[int, Node]) -> None:
    key = item[0]
    while hole > 0:
        parent = (hole - 1) // 2
        if heap[parent][0] >= key:
            break
        heap[hole] = heap[parent]
        hole = parent
    heap[hole] = item


def _adjust(heap: list[tuple[int, Node]], item: tuple[int, Node]) -> None:
    """Fill the hole at the top: the larger child moves up to the bottom, then ``item`` sifts up from there."""
    size = len(heap)
    hole = child = 0
    while child < (size - 1) // 2:
        child = 2 * (child + 1)
        if heap[child][0] < heap[child - 1][0]:
            child -= 1
        heap[hole] = heap[child]
        hole = child
    if size % 2 == 0 and child == (size - 2) // 2:
        child = 2 * (child + 1)
        heap[hole] = heap[child - 1]
        hole = child - 1
    _sift_up(heap, hole, item)
