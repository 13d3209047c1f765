import subprocess
import sys

import networkx as nx
import numpy as np
import pytest

from gradviz.layout import LAYOUTS, Drawing, LayoutCancelled, LayoutError, classic, estimate, layout, missing, place

from .checks import ends_on_borders, overlapping
from .graphs import BASICS, random_dag, residual

PRESENT = [name for name in LAYOUTS if missing(name) is None]


@pytest.mark.parametrize("name", PRESENT)
@pytest.mark.parametrize("drawing", [BASICS, residual(4)], ids=["basics", "residual"])
def test_every_layout_places_boxes_side_by_side(name: str, drawing: Drawing) -> None:
    placed = place(drawing, name)
    assert np.isfinite(placed.centres).all()
    assert overlapping(drawing, placed) == 0
    assert all(ends_on_borders(drawing, placed, edge) for edge in range(len(drawing.edges)))


@pytest.mark.parametrize("name", PRESENT)
def test_every_layout_is_deterministic(name: str) -> None:
    drawing = residual(3)
    assert np.array_equal(place(drawing, name).centres, place(drawing, name).centres)


@pytest.mark.parametrize("name", PRESENT)
def test_the_loss_stands_left_of_what_comes_later(name: str) -> None:
    x = place(BASICS, name).centres[:, 0]
    assert x[:6].max() < x[6:].min()


@pytest.mark.parametrize("name", ["layered", "multipartite", "breadth-first", "spring", "spectral"])
def test_gradients_flow_downwards(name: str) -> None:
    centres = place(residual(4), name).centres
    edges = residual(4).edges
    assert (centres[edges[:, 1], 1] - centres[edges[:, 0], 1]).mean() > 0
    assert centres[0, 1] < np.median(centres[:, 1])


def test_a_networkx_graph_with_any_nodes() -> None:
    graph = nx.DiGraph([("loss", "mul"), ("mul", "w"), ("mul", "x")])
    sizes = dict.fromkeys(graph, (120.0, 50.0))
    found = layout(graph, "layered", sizes)
    assert found.positions.keys() == set(graph)
    assert found.routes.keys() == set(graph.edges)
    assert found.positions["loss"][1] < found.positions["mul"][1] < found.positions["w"][1]
    assert found.routes["loss", "mul"][0].tolist() == [
        found.positions["loss"][0], found.positions["loss"][1] + 25.0,
    ]  # fmt: skip


def test_an_unknown_name_says_which_there_are() -> None:
    with pytest.raises(LayoutError, match=r"unknown layout 'circle'.*layered.*circular"):
        place(BASICS, "circle")


def test_a_graph_that_is_not_planar_says_so() -> None:
    complete = nx.complete_graph(5)
    edges = [(min(edge), max(edge)) for edge in complete.edges]
    with pytest.raises(LayoutError, match="not planar"):
        place(Drawing.of([[100, 50]] * 5, edges), "planar")


def test_kamada_kawai_refuses_what_would_fill_the_memory() -> None:
    pytest.importorskip("scipy")
    with pytest.raises(LayoutError, match="4,000"):
        place(residual(600), "kamada-kawai")


def test_a_slow_layout_runs_in_a_process_that_can_be_cancelled() -> None:
    drawing = random_dag(3000, 1)
    assert estimate("spring", drawing.count) > 5
    told: list[float] = []
    with pytest.raises(LayoutCancelled):
        place(drawing, "spring", progress=told.append, cancelled=lambda: len(told) >= 3)
    assert told == sorted(told)
    assert all(0 <= fraction < 1 for fraction in told)


def test_the_process_gives_the_same_answer() -> None:
    from gradviz.layout import child

    drawing = residual(5)
    apart = child.compute(drawing, "spring", 1.0, None, None)
    here = classic.classic(drawing, "spring")
    assert np.array_equal(apart.centres, here.centres)
    assert np.array_equal(apart.points, here.points)
    assert not apart.curved


def test_the_process_reports_its_error() -> None:
    from gradviz.layout import child

    edges = [(a, b) for a in range(5) for b in range(a + 1, 5)]
    with pytest.raises(LayoutError, match="not planar"):
        child.compute(Drawing.of([[100, 50]] * 5, edges), "planar", 1.0, None, None)


def test_the_layered_layout_needs_no_networkx() -> None:
    """The first window is drawn without paying for the import."""
    code = (
        "import sys; from gradviz.layout import Drawing, place;"
        "place(Drawing.of([[100, 50], [100, 50]], [[0, 1]]), 'layered');"
        "assert 'networkx' not in sys.modules and 'scipy' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_estimates_grow_with_the_graph() -> None:
    for name in LAYOUTS:
        assert 0 < estimate(name, 10) < estimate(name, 10_000)


def test_spectral_is_known_to_be_slow_without_scipy(monkeypatch: pytest.MonkeyPatch) -> None:
    """7.1 s of CPU were measured for 2,101 nodes and 21 s for 3,011; with scipy 0.45 s for 1,051."""
    monkeypatch.setattr(classic, "find_spec", lambda name: None)
    assert 7.1 / 3 < estimate("spectral", 2101) < 7.1 * 3
    assert 21.1 / 3 < estimate("spectral", 3011) < 21.1 * 3
    monkeypatch.setattr(classic, "find_spec", lambda name: object())
    assert 0.45 / 3 < estimate("spectral", 1051) < 0.45 * 3
