import numpy as np
import pytest

from gradviz.projection.backward import root_labels, title_of
from gradviz.projection.diagram import VIEWS, Box, BoxKind, Diagram
from gradviz.projection.forward import diagram
from gradviz.projection.sizes import size, sizes
from gradviz.trace.events import Op
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Edge, GraphNode, NodeKind, Value
from synthetic import autograd_basics, training


@pytest.fixture(scope="module")
def basics() -> MemoryTrace:
    return autograd_basics()


def names(trace: MemoryTrace, view: str) -> list[tuple[str, str]]:
    """The links of a view by the titles of their ends."""
    found = diagram(trace, view)
    return [(found.boxes[link.source].title, found.boxes[link.target].title) for link in found.links]


def test_the_backward_graph_is_that_of_the_trace(basics: MemoryTrace) -> None:
    assert names(basics, "backward") == [
        (title_of(basics.nodes[edge.source]), basics.nodes[edge.target].label or title_of(basics.nodes[edge.target]))
        for edge in basics.edges
    ]
    kinds = [box.kind for box in diagram(basics, "backward").boxes]
    assert kinds.count(BoxKind.LEAF) == 3
    assert kinds.count(BoxKind.FUNCTION) == 7


def test_roots_are_named_after_their_tensors(basics: MemoryTrace) -> None:
    roots = {box.title: box.root for box in diagram(basics, "backward").boxes if box.root}
    assert roots == {"BinaryCrossEntropyWithLogits": "loss", "TBackward0": "out"}


def test_the_forward_pass_runs_from_tensors_to_results(basics: MemoryTrace) -> None:
    assert names(basics, "forward") == [
        ("x", "matmul"), ("w", "matmul"), ("matmul", "add"), ("b", "add"),
        ("add", "binary_cross_entropy_with_logits"), ("y", "binary_cross_entropy_with_logits"),
        ("inp", "add"), ("add", "pow"), ("pow", "t"),
    ]  # fmt: skip


def test_both_views_together(basics: MemoryTrace) -> None:
    both, forward, backward = (diagram(basics, view) for view in ("both", "forward", "backward"))
    assert both.boxes == forward.boxes + backward.boxes
    assert len(both.links) == len(forward.links) + len(backward.links)
    last = both.links[-1]
    assert both.boxes[last.source] is not None
    assert both.boxes[last.target].kind in (BoxKind.LEAF, BoxKind.FUNCTION)


def leaf_with_consumers(*consumers: int) -> MemoryTrace:
    """A leaf, and for each number a node with so many edges to it."""
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="w", shape=(2,)))
    for number, edges in enumerate(consumers):
        node = builder.add_node(GraphNode(0, "MulBackward0", NodeKind.FUNCTION, number, shape=(2,)))
        for slot in range(edges):
            builder.add_edge(Edge(node, slot, leaf, 0))
    return builder.finish()


def test_a_leaf_with_several_consumers_has_a_box_at_each() -> None:
    found = diagram(leaf_with_consumers(1, 1, 1), "backward")
    copies = [box for box in found.boxes if box.kind is BoxKind.LEAF]
    assert [(box.copy, box.copies, box.nodes) for box in copies] == [(1, 3, (0,)), (2, 3, (0,)), (3, 3, (0,))]
    assert len({link.target for link in found.links}) == 3


def test_two_edges_of_one_consumer_lead_to_one_box() -> None:
    found = diagram(leaf_with_consumers(2), "backward")
    assert len(found.boxes) == 2
    assert [(link.source, link.target, link.edge) for link in found.links] == [(1, 0, 0), (1, 0, 1)]


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("MmBackward0", "MmBackward0"),
        ("BinaryCrossEntropyWithLogitsBackward0", "BinaryCrossEntropyWithLogits"),
        ("torch::autograd::CopySlices", "CopySlices"),
        ("MyVeryOwnFunctionWithALongNameBackward", "MyVeryOwnFunctionWithALongName"),
        ("AnEndlessNameOfACustomFunctionThatGoesOnAndOn", "AnEndlessNameOf…nThatGoesOnAndOn"),
    ],
)
def test_titles_lose_what_says_nothing(name: str, title: str) -> None:
    shown = title_of(GraphNode(0, name, NodeKind.FUNCTION))
    assert len(shown) <= 32
    assert shown == title


def test_an_in_place_write_is_from_then_on_the_tensors_source() -> None:
    builder = TraceBuilder()
    value = builder.add_value(Value(0, "x", (2,), "float32"))
    builder.emit(Op(step=0, name="sum", inputs=(value,)))
    builder.emit(Op(step=0, name="mul_", inputs=(value,), outputs=(value,)))
    builder.emit(Op(step=0, name="add_", inputs=(value,), outputs=(value,)))
    assert names(builder.finish(), "forward") == [("x", "sum"), ("x", "mul_"), ("mul_", "add_")]


def test_a_tensor_read_by_several_operations_has_a_box_at_each() -> None:
    builder = TraceBuilder()
    x = builder.add_value(Value(0, "x", (2,), "float32"))
    for _ in range(2):
        builder.emit(Op(step=0, name="mul", inputs=(x, x), outputs=()))
    found = diagram(builder.finish(), "forward")
    assert [(box.title, box.copy, box.copies) for box in found.boxes] == [
        ("x", 1, 2), ("mul", 1, 1), ("x", 2, 2), ("mul", 1, 1),
    ]  # fmt: skip
    assert [(link.source, link.target) for link in found.links] == [(0, 1), (0, 1), (2, 3), (2, 3)]


def test_a_parameter_that_was_filled_in_place_is_no_result_and_knows_its_leaf() -> None:
    """As ``nn.Linear`` makes its weight: values known before there was a node for them."""
    builder = TraceBuilder()
    x, raw, weight, result = (
        builder.add_value(Value(0, label, shape, "float32"))
        for label, shape in (("x", (4,)), (None, (2, 4)), (None, (2, 4)), ("y", (2,)))
    )
    builder.emit(Op(step=0, name="uniform_", inputs=(raw,), outputs=(weight,)))
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="0.weight", shape=(2, 4)))
    node = builder.add_node(GraphNode(0, "MvBackward0", NodeKind.FUNCTION, 0, shape=(2,)))
    builder.add_edge(Edge(node, 0, leaf, 0))
    builder.emit(Op(step=0, name="linear", nodes=(node,), inputs=(x, weight), outputs=(result,)))
    found = diagram(builder.finish(), "forward")
    assert [(box.title, box.nodes) for box in found.boxes] == [("x", ()), ("0.weight", (leaf,)), ("linear", (node,))]


def test_unnamed_and_unused_things_do_not_break_it() -> None:
    builder = TraceBuilder()
    builder.emit(Op(step=0, name="manual_seed"))
    builder.add_node(GraphNode(0, "", NodeKind.CUSTOM))
    builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD))
    trace = builder.finish()
    for view in VIEWS:
        assert np.isfinite(sizes(diagram(trace, view))).all()
    assert root_labels(trace) == {}


def test_boxes_have_room_for_what_may_stand_in_them(basics: MemoryTrace) -> None:
    small, large = diagram(basics, "backward").boxes[0:2]
    assert size(small)[1] == 84
    assert size(large)[1] == 50
    for box in diagram(basics, "both").boxes:
        width, _ = size(box)
        assert width >= 132
        assert width % 2 == 0


def test_a_large_training_run_shares_its_leaves() -> None:
    trace = training(nodes=400, calls=4, leaves=10)
    assert trace is not None
    boxes = diagram(trace, "backward").boxes
    assert len(boxes) > len(trace.nodes)
    assert {box.copies for box in boxes if box.kind is BoxKind.LEAF} == {4}


@pytest.mark.parametrize("view", VIEWS)
def test_boxes_measured_together_are_as_large_as_each_alone(view: str) -> None:
    trace = training(400, calls=2, leaves=30)
    assert trace is not None
    boxes = diagram(trace, view).boxes
    assert sizes(diagram(trace, view)).tolist() == [list(size(box)) for box in boxes]


def test_a_box_is_measured_with_all_that_stands_in_it() -> None:
    made = Diagram("forward")
    for corner in ("#7", "#123456789012345678901234567890", "数数数数数数数数数数数数数数数", "#7"):
        made.add(Box(BoxKind.FUNCTION, "AddBackward0", corner, (2, 3)))
    for inputs, nodes in (((2, 3),), ()), (((2, 3), (2000, 3000)), ()), ((), (1,)):
        made.add(Box(BoxKind.OPERATION, "add", "", (2, 3), inputs=inputs, nodes=nodes))
    for copy in 1, 1000:
        made.add(Box(BoxKind.LEAF, "w", shape=(2, 3), nodes=(1,), copy=copy, copies=10**30))
    for nodes in (), (1,):
        made.add(Box(BoxKind.TENSOR, "w", shape=(), nodes=nodes))
    found = sizes(made)
    assert found.tolist() == [list(size(box)) for box in made.boxes]
    assert len(set(found[:3, 0])) == 3
