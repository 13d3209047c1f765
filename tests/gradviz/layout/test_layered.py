import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradviz.layout import Drawing, LayoutCancelled, LayoutError, lanes, levels, place
from gradviz.layout.drawing import Pulse
from gradviz.layout.layered import layered
from gradviz.layout.layers import layers

from .checks import ends_on_borders, overlapping, through_boxes
from .graphs import BASICS, random_dag, residual

GRAPHS = {
    "basics": BASICS,
    "residual": residual(12),
    "random": random_dag(60, 3),
    "single": Drawing.of([[90, 50]], []),
}


@pytest.fixture(params=GRAPHS)
def graph(request: pytest.FixtureRequest) -> Drawing:
    return GRAPHS[request.param]


def test_no_box_overlaps_another(graph: Drawing) -> None:
    assert overlapping(graph, layered(graph)) == 0


def test_no_edge_runs_through_a_box(graph: Drawing) -> None:
    assert through_boxes(graph, layered(graph)) == []


def test_edges_run_downwards_from_border_to_border(graph: Drawing) -> None:
    placed = layered(graph)
    for edge in range(len(graph.edges)):
        route = placed.route(edge)
        assert (np.diff(route[:, 1]) >= 0).all()
        assert ends_on_borders(graph, placed, edge)


def test_the_same_graph_gives_the_same_drawing(graph: Drawing) -> None:
    first, second = layered(graph), layered(graph)
    assert np.array_equal(first.centres, second.centres)
    assert np.array_equal(first.points, second.points)


@given(st.integers(1, 70), st.integers(0, 10_000))
def test_any_graph_is_drawn_without_overlaps(count: int, seed: int) -> None:
    drawing = random_dag(count, seed)
    placed = layered(drawing)
    assert overlapping(drawing, placed) == 0
    assert through_boxes(drawing, placed) == []


def test_the_basics_look_like_the_textbook() -> None:
    """The loss's part on the left, its main line straight, both of its leaves in the last row."""
    centres = layered(BASICS).centres
    loss, add, squeeze, mm, w, b, out = centres[[0, 1, 2, 3, 4, 5, 6]]
    assert loss[0] == add[0] == squeeze[0] == mm[0] == w[0]
    assert loss[1] < add[1] < squeeze[1] < mm[1] < w[1] == b[1]
    assert b[0] > w[0]
    assert out[0] > centres[:6, 0].max()
    assert out[1] == loss[1]


def test_the_longest_path_of_a_deep_network_is_straight() -> None:
    drawing = residual(20)
    centres = layered(drawing).centres
    main = [0, *(7 * block + step for block in range(20) for step in (1, 3, 5, 7))]
    assert np.ptp(centres[main, 0]) == 0


def test_leaves_of_a_deep_network_stand_right_below_their_consumer() -> None:
    drawing = residual(20)
    y = layered(drawing).centres[:, 1]
    rows = np.unique(y)
    consumer, leaf = 1, 2
    assert np.searchsorted(rows, y[leaf]) == np.searchsorted(rows, y[consumer]) + 1


def test_two_edges_leave_a_box_at_different_places() -> None:
    placed = layered(BASICS)
    to_squeeze, to_b = placed.route(1), placed.route(4)
    assert to_squeeze[0, 1] == to_b[0, 1]
    assert to_b[0, 0] - to_squeeze[0, 0] >= 14


def test_a_long_edge_swings_through_rows_that_are_free_beside_it() -> None:
    """The edge to b is one S past the row of squeeze, then goes straight down."""
    route = layered(BASICS).route(4)
    assert len(route) == 3
    (_, top), (bend_x, bend_y), (end_x, end_y) = route.tolist()
    assert bend_x == end_x
    squeeze = layered(BASICS).centres[2]
    assert top < squeeze[1] < bend_y < end_y


def test_parallel_edges_and_loops() -> None:
    drawing = Drawing.of([[100, 50], [100, 50]], [[0, 1], [0, 1], [1, 1]])
    placed = layered(drawing)
    assert np.array_equal(placed.route(0), placed.route(1))
    assert len(placed.route(2)) == 0


def test_many_parts_fill_lines_like_text() -> None:
    chains = Drawing.of([[200, 50]] * 60, [[2 * k, 2 * k + 1] for k in range(30)])
    centres = layered(chains).centres[::2]
    assert len(np.unique(centres[:, 1])) > 1
    reading_order = np.lexsort((centres[:, 0], centres[:, 1]))
    assert reading_order.tolist() == list(range(30))


def test_an_edge_longer_than_the_budget_of_dummies_passes_by_the_side() -> None:
    """A node that every step of a long chain reads: drawn, without a dummy for each row and step."""
    count = 400
    edges = [(k, k + 1) for k in range(count - 1)] + [(k, count) for k in range(count)]
    drawing = Drawing.of([[100, 50]] * (count + 1), edges)
    placed = layered(drawing)
    assert through_boxes(drawing, placed) == []
    assert len(placed.points) < 40 * count


def shared(steps: int) -> Drawing:
    """A chain of which every node also reads one leaf, number ``steps``."""
    edges = [(k, k + 1) for k in range(steps - 1)] + [(k, steps) for k in range(steps)]
    return Drawing.of([[100, 50]] * (steps + 1), edges)


def test_the_edges_of_a_shared_leaf_run_down_one_trunk() -> None:
    drawing = shared(40)
    placed = layered(drawing)
    assert through_boxes(drawing, placed) == []
    to_leaf = [placed.route(edge) for edge in range(39, 39 + 38)]  # the last ones stand next to the leaf
    assert len({tuple(route[-1]) for route in to_leaf}) == 1
    assert len({float(route[2, 0]) for route in to_leaf}) == 1
    assert overlapping(drawing, placed) == 0


def test_a_node_that_hands_gradients_to_many_far_ones_does_it_through_one_trunk() -> None:
    """As the backward of ``stack`` does with the outputs of all steps."""
    edges = [(0, 1)] + [(k, k + 1) for k in range(1, 40)] + [(0, k) for k in range(3, 41)]
    drawing = Drawing.of([[100, 50]] * 41, edges)
    placed = layered(drawing)
    assert through_boxes(drawing, placed) == []
    handed = [placed.route(edge) for edge in range(40, 78)]
    assert len({tuple(route[0]) for route in handed}) == 1
    assert overlapping(drawing, placed) == 0


@pytest.mark.parametrize("steps", [400, 1600])
def test_a_shared_leaf_costs_as_much_for_each_of_many_steps_as_for_each_of_few(steps: int) -> None:
    drawing = shared(steps)
    part_of = np.zeros(drawing.count, np.intp)
    row, _ = layers(part_of, drawing.edges, Pulse())
    grid = levels.build(row, part_of, drawing.edges)
    assert grid.count < 2.1 * drawing.count
    assert len(layered(drawing).points) < 7 * drawing.count


def test_a_trunk_that_bends_too_much_passes_by_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "BENDS", -1)  # any trunk is too much
    drawing = shared(40)
    placed = layered(drawing)
    assert through_boxes(drawing, placed) == []
    assert placed.points[:, 0].max() > (placed.centres[:, 0] + 50).max()
    assert all(ends_on_borders(drawing, placed, edge) for edge in range(len(drawing.edges)))


def test_long_edges_beyond_the_budget_of_dummies_pass_by_the_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "FREE_DUMMIES", 0)
    monkeypatch.setattr(levels, "DUMMIES", 1)
    count = 40
    edges = [(k, k + 1) for k in range(count - 1)] + [(k, count - 1 - k) for k in range(count // 2 - 2)]
    drawing = Drawing.of([[100, 50]] * count, edges)
    placed = layered(drawing)
    assert through_boxes(drawing, placed) == []
    right = (placed.centres[:, 0] + 50).max()
    assert placed.points[:, 0].max() > right
    assert all(ends_on_borders(drawing, placed, edge) for edge in range(len(edges)))


@given(st.integers(2, 40), st.integers(0, 10_000))
def test_any_graph_with_a_leaf_that_all_read_is_drawn_without_overlaps(count: int, seed: int) -> None:
    graph = random_dag(count, seed)
    edges = [*graph.edges.tolist(), *([node, count] for node in range(count))]
    drawing = Drawing.of([*graph.sizes.tolist(), [120, 84]], edges)
    placed = layered(drawing)
    assert overlapping(drawing, placed) == 0
    assert through_boxes(drawing, placed) == []


@example([19, 1, 1, 29], 268)  # the second large one gains from a sweep after those that the first has
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(0, 1000))
def test_a_part_looks_the_same_alone_and_among_others(counts: list[int], seed: int) -> None:
    drawings = [random_dag(count, seed + number) for number, count in enumerate(counts)]
    first = np.cumsum([0, *counts])
    edges = np.concatenate([each.edges + shift for each, shift in zip(drawings, first, strict=False)])
    together = layered(Drawing(np.concatenate([each.sizes for each in drawings]), edges)).centres
    for drawing, begin in zip(drawings, first, strict=False):
        alone = layered(drawing).centres
        found = together[begin : begin + drawing.count]
        assert np.allclose(found - found[0], alone - alone[0])


def test_nothing_to_draw() -> None:
    placed = layered(Drawing.of([], []))
    assert placed.centres.shape == (0, 2)


def test_a_cycle_is_refused() -> None:
    with pytest.raises(LayoutError, match="cycle"):
        layered(Drawing.of([[100, 50]] * 2, [[0, 1], [1, 0]]))


def test_a_cancel_is_heard_at_every_stage() -> None:
    drawing = random_dag(300, 1)
    looks: list[None] = []

    def heard(last: int) -> bool:
        looks.append(None)
        return len(looks) > last

    layered(drawing, cancelled=lambda: heard(10**6))
    stages = len(looks)
    assert stages > 15
    for last in range(stages):
        looks.clear()
        with pytest.raises(LayoutCancelled):
            layered(drawing, cancelled=lambda last=last: heard(last))


def test_it_can_be_cancelled_and_tells_progress() -> None:
    with pytest.raises(LayoutCancelled):
        place(BASICS, "layered", cancelled=lambda: True)
    told: list[float] = []
    place(BASICS, "layered", progress=told.append)
    assert told == sorted(told)
    assert len(told) > 5
    assert told[-1] == 1.0
    assert all(0 <= fraction <= 1 for fraction in told)
