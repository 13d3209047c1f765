import numpy as np
import pytest

from gradviz.projection import picking
from gradviz.projection.diagram import VIEWS
from gradviz.projection.scene import Scene, build
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Edge, GraphNode, NodeKind
from synthetic import autograd_basics, training


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build(autograd_basics())


@pytest.fixture(scope="module")
def large() -> Scene:
    trace = training(nodes=600, calls=2)
    assert trace is not None
    return build(trace)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("layout", ["layered", "multipartite", "circular"])
def test_everything_lies_within_the_bounds(view: str, layout: str) -> None:
    scene = build(autograd_basics(), view, layout)
    left, top, width, height = scene.bounds
    corners = np.vstack([scene.rects[:, :2], scene.rects[:, :2] + scene.rects[:, 2:], scene.segments[0].reshape(-1, 2)])
    assert (corners >= (left, top)).all()
    assert (corners <= (left + width, top + height)).all()


def test_pieces_and_segments_follow_the_same_way(scene: Scene) -> None:
    lines, owners = scene.segments
    for link in range(len(scene.diagram.links)):
        own = lines[owners == link]
        pieces = scene.pieces(link)
        start, end = pieces[0][0][0], pieces[-1][0][-1]
        assert own[:, 1].min() == pytest.approx(start[1])
        assert own[:, 3].max() == pytest.approx(end[1])
        for points, bent in pieces:
            assert len(points) == (4 if bent else 2)


def test_parallel_links_lie_side_by_side() -> None:
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="x", shape=()))
    node = builder.add_node(GraphNode(0, "MulBackward0", NodeKind.FUNCTION, 0, shape=()))
    for slot in range(3):
        builder.add_edge(Edge(node, slot, leaf, 0))
    scene = build(builder.finish())
    assert np.diff([scene.route(link)[0, 0] for link in range(3)]).tolist() == [12.0, 12.0]


def test_an_empty_trace_has_an_empty_scene() -> None:
    scene = build(MemoryTrace())
    assert scene.bounds == (0.0, 0.0, 0.0, 0.0)
    assert picking.box_at(scene, 0, 0) is None
    assert picking.link_at(scene, 0, 0, 5) is None
    assert picking.boxes_in(scene, (0, 0, 10, 10)).tolist() == []


def test_each_box_is_found_at_its_middle_and_not_beside_it(large: Scene) -> None:
    for box in range(0, len(large.boxes), 7):
        left, top, width, height = large.box_bounds(box)
        assert picking.box_at(large, left + width / 2, top + height / 2) == box
        assert picking.box_at(large, left - 1, top + height / 2) != box


def test_boxes_in_an_area_are_those_that_touch_it(large: Scene) -> None:
    rects = large.rects
    for area in [(0.0, 0.0, 500.0, 300.0), (-50.0, 900.0, 800.0, 10.0), large.bounds, (1e6, 0.0, 10.0, 10.0)]:
        left, top, width, height = area
        touching = (
            (rects[:, 0] <= left + width) & (rects[:, 0] + rects[:, 2] >= left)
            & (rects[:, 1] <= top + height) & (rects[:, 1] + rects[:, 3] >= top)
        )  # fmt: skip
        assert set(picking.boxes_in(large, area).tolist()) == set(np.flatnonzero(touching).tolist())


def test_links_in_an_area_are_found_too(large: Scene) -> None:
    lines, _ = large.segments
    found, _ = picking.segments_in(large, large.bounds)
    assert len(found) == len(lines)
    box = large.box_bounds(40)
    _, near = picking.segments_in(large, box)
    assert set(large.links_of_box[40]) <= set(near.tolist())


def test_far_away_one_piece_stands_for_all_on_the_same_pixels() -> None:
    trace = training(nodes=3000, calls=2)
    assert trace is not None
    scene = build(trace)
    lines, _ = scene.segments
    for scale in (0.02, 0.005):
        coarse, owners = scene.coarse_segments(scale)
        assert len(coarse) < len(lines)
        assert len(owners) == len(coarse)
        assert (np.diff(np.minimum(coarse[:, 1], coarse[:, 3])) >= 0).all()
        kept = {tuple(pixels) for pixels in np.floor(coarse * scale).astype(int).tolist()}
        lost = [line for line in np.floor(lines * scale).astype(int).tolist() if tuple(line) not in kept]
        for line in lost[::50]:  # at most a pixel away from one that is painted
            assert any(max(abs(a - b) for a, b in zip(line, other, strict=True)) <= 1 for other in kept)


def test_small_graphs_are_painted_whole_however_far_away(scene: Scene) -> None:
    assert scene.coarse_segments(0.01)[0] is scene.segments[0]


def test_a_link_is_found_near_its_middle_only(scene: Scene) -> None:
    for link in range(len(scene.diagram.links)):
        x, y = scene.middle(link)
        assert picking.link_at(scene, x, y, 4) == link
        assert picking.link_at(scene, x + 40, y - 40, 3) is None
        label_x, label_y = scene.label_place(link)
        assert picking.link_at(scene, label_x, label_y, 3) is None


def test_walking_follows_links_down_and_neighbours_sideways(scene: Scene) -> None:
    number = {
        box.title if box.title != "AddBackward0" else f"AddBackward0 {box.corner}": i
        for i, box in enumerate(scene.boxes)
    }
    step = lambda box, way: picking.neighbour(scene, number[box], way)  # noqa: E731
    assert step("BinaryCrossEntropyWithLogits", "down") == number["AddBackward0 #2"]
    assert step("AddBackward0 #2", "down") == number["SqueezeBackward4"]
    assert step("AddBackward0 #2", "up") == number["BinaryCrossEntropyWithLogits"]
    assert step("w", "right") == number["b"]
    assert step("BinaryCrossEntropyWithLogits", "right") == number["TBackward0"]
    assert step("w", "left") is None
    assert step("TBackward0", "up") is None
