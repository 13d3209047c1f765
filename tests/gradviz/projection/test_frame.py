import random

import numpy as np
import pytest

from gradviz.projection.diagram import VIEWS
from gradviz.projection.frame import Frame, LinkState, norm_width
from gradviz.projection.scene import build
from gradviz.replay import NodeState, Playhead
from gradviz.trace.events import Accumulate, BackwardBegin, Flow, GradWrite, NodeBegin, Op
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Edge, GraphNode, NodeKind
from gradviz.trace.synthetic import autograd_basics, training


@pytest.fixture(scope="module")
def basics() -> MemoryTrace:
    return autograd_basics()


def frame_at(trace: MemoryTrace, step: int, view: str = "backward") -> Frame:
    return Frame(build(trace, view), Playhead(trace, step))


def step_of(trace: MemoryTrace, kind: type, number: int = 0) -> int:
    """The step of the event of this kind with this position among its kind."""
    return [event.step for event in trace.events if isinstance(event, kind)][number]


def titles(frame: Frame, boxes: object) -> set[str]:
    return {frame.scene.boxes[box].title for box in boxes}  # type: ignore[attr-defined]


def test_the_second_accumulation_of_the_picture(basics: MemoryTrace) -> None:
    """What the canvas shows where ``inp.grad`` goes from 4 and 2 to 8 and 4."""
    frame = frame_at(basics, step_of(basics, Accumulate, 3))
    assert titles(frame, frame.running) == {"inp"}
    assert [frame.label(link) for link in frame.active] == ["(4, 5)  ‖g‖ 11.31"]
    box = next(iter(frame.running))
    card = frame.card(box)
    assert (card.title, card.overline, card.detail, card.badge) == ("inp", "AccumulateGrad", "(4, 5) leaf", "×2 sums")
    assert card.strong
    assert card.heat is not None
    assert card.heat.tolist() == (4 * np.eye(4, 5) + 4).tolist()
    states = {frame.scene.boxes[i].title: NodeState(int(s)) for i, s in enumerate(frame.states)}
    assert states["BinaryCrossEntropyWithLogits"] is NodeState.FREED
    assert states["w"] is NodeState.DONE
    assert states["TBackward0"] is NodeState.DONE


def test_cards_tell_shape_norm_and_that_buffers_are_freed(basics: MemoryTrace) -> None:
    frame = frame_at(basics, len(basics.events))
    cards = {card.title: card for card in map(frame.card, range(len(frame.scene.boxes)))}
    assert cards["BinaryCrossEntropyWithLogits"].detail == "() · ‖g‖ 1.00 · freed"
    assert cards["BinaryCrossEntropyWithLogits"].corner == "#3"
    assert cards["TBackward0"].detail.startswith("(5, 4) · ‖g‖ 4.47")
    assert cards["b"].badge == "+1"


def test_nodes_tell_how_many_gradients_they_wait_for(basics: MemoryTrace) -> None:
    frame = frame_at(basics, step_of(basics, BackwardBegin))
    cards = {frame.card(box).title: frame.card(box).detail for box in range(len(frame.scene.boxes))}
    assert cards["MmBackward0"] == "(1, 3) · waits for 1"


def test_what_is_not_made_yet_is_marked_absent(basics: MemoryTrace) -> None:
    assert not frame_at(basics, 0).present.any()
    made = frame_at(basics, step_of(basics, BackwardBegin))
    assert titles(made, np.flatnonzero(made.present)) >= {"w", "b", "MmBackward0"}
    assert "TBackward0" not in titles(made, np.flatnonzero(made.present))
    assert frame_at(basics, len(basics.events)).present.all()


def test_captions_name_the_gradient_a_call_starts_with(basics: MemoryTrace) -> None:
    before = frame_at(basics, step_of(basics, BackwardBegin, 1) - 1)
    assert [(each.name, each.gradient) for each in before.captions] == [("loss", ""), ("out", "")]
    during = frame_at(basics, step_of(basics, BackwardBegin, 1))
    assert [(each.name, each.gradient, each.now) for each in during.captions] == [
        ("loss", "", False),
        ("out", "grad = ones(5, 4)", True),
    ]


def test_links_go_from_empty_over_active_to_carried(basics: MemoryTrace) -> None:
    flow = step_of(basics, Flow, -1)
    event = basics.events[flow - 1]
    assert isinstance(event, Flow)
    states = []
    for step in (flow - 1, flow, len(basics.events)):
        frame = frame_at(basics, step)
        link = next(
            i for i, each in enumerate(frame.scene.diagram.links) if basics.edges[each.edge].target == event.target
        )
        states.append(LinkState(int(frame.links[link])))
    assert states[1:] == [LinkState.ACTIVE, LinkState.CARRIED]


def test_an_operation_runs_in_the_forward_view_when_its_event_is_shown(basics: MemoryTrace) -> None:
    step = step_of(basics, Op, 1)
    frame = frame_at(basics, step, "forward")
    assert titles(frame, frame.running) == {"add"}
    assert {titles(frame, [frame.scene.sources[link]]).pop() for link in frame.active} == {"matmul", "b"}
    later = frame_at(basics, step + 1, "forward")
    assert "add" not in titles(later, later.running)


@pytest.mark.parametrize("view", VIEWS)
def test_following_the_playhead_gives_what_a_new_frame_gives(basics: MemoryTrace, view: str) -> None:
    walk(basics, view, [*range(len(basics.events) + 1), *range(len(basics.events), -1, -1)])


@pytest.mark.parametrize("view", VIEWS)
def test_so_does_any_route_through_a_run_with_shared_leaves(view: str) -> None:
    trace = training(nodes=90, calls=3, leaves=5)
    assert trace is not None
    choose = random.Random(11)
    route = [0]
    for _ in range(250):
        near = route[-1] + choose.choice((-2, -1, 1, 1, 1, 2))
        route.append(choose.randrange(len(trace.events)) if choose.random() < 0.05 else max(0, near))
    walk(trace, view, route)


def walk(trace: MemoryTrace, view: str, route: list[int]) -> None:
    """Move one frame along the route and compare it with a new one at every step."""
    scene = build(trace, view)
    playhead = Playhead(trace)
    followed = Frame(scene, playhead)
    for step in route:
        painted = paintable(followed)
        dirty = followed.update(playhead.seek(step))
        fresh = Frame(scene, Playhead(trace, step))
        now = paintable(followed)
        assert now == paintable(fresh), f"at step {step}"
        if not dirty.everything:
            boxes = {box for box, look in now[0].items() if look != painted[0][box]}
            links = {link for link, look in now[1].items() if look != painted[1][link]}
            assert boxes <= dirty.boxes, f"boxes not painted again at step {step}"
            assert links <= dirty.links, f"links not painted again at step {step}"


def paintable(frame: Frame) -> tuple[dict[int, object], dict[int, object], list[object]]:
    """All that a painter asks of a frame."""
    captions = {caption.box: caption for caption in frame.captions}
    boxes: dict[int, object] = {}
    for box in range(len(frame.scene.boxes)):
        card = frame.card(box)
        heat = None if card.heat is None else card.heat.tolist()
        boxes[box] = (
            int(frame.states[box]), bool(frame.present[box]), card.title, card.detail, card.badge,
            card.strong, str(heat), captions.get(box),
        )  # fmt: skip
    links: dict[int, object] = {
        link: (int(frame.links[link]), frame.width(link), frame.label(link))
        for link in range(len(frame.scene.diagram.links))
    }
    return boxes, links, list(frame.captions)


def test_one_step_touches_little_of_a_large_graph() -> None:
    trace = training(nodes=3000, calls=2)
    assert trace is not None
    frame = frame_at(trace, len(trace.events) // 2)
    for step in range(len(trace.events) // 2, len(trace.events) // 2 + 200):
        dirty = frame.update(frame.playhead.seek(step))
        assert not dirty.everything
        assert len(dirty.boxes) + len(dirty.links) < 60


def test_only_the_copy_that_takes_part_in_the_call_runs() -> None:
    trace = training(nodes=60, calls=3, leaves=3)
    assert trace is not None
    frame = frame_at(trace, 0)
    ran = 0
    for event in trace.events:
        frame.update(frame.playhead.seek(event.step))
        if isinstance(event, NodeBegin) and event.node in trace.leaves:
            assert len(frame.running) == 1, f"step {event.step}"
            ran += 1
    assert ran


@pytest.mark.parametrize(
    ("norm", "width"),
    [(None, 1.0), (0.0, 1.0), (1e-9, 1.0), (0.1, 1.0), (1.0, 2.0), (10.0, 3.0), (1e3, 5.0), (1e9, 5.0),
     (float("inf"), 5.0), (float("nan"), 5.0)],
)  # fmt: skip
def test_width_grows_with_the_logarithm_of_the_norm(norm: float | None, width: float) -> None:
    assert norm_width(norm) == pytest.approx(width)


def test_a_gradient_with_nan_is_told() -> None:
    builder = TraceBuilder()
    leaf = builder.add_node(GraphNode(0, "AccumulateGrad", NodeKind.ACCUMULATE_GRAD, label="w", shape=(2,)))
    node = builder.add_node(GraphNode(0, "LogBackward0", NodeKind.FUNCTION, 0, shape=(2,)))
    builder.add_edge(Edge(node, 0, leaf, 0))
    bad = builder.add_tensor(np.array([np.nan, 1.0], np.float32))
    builder.emit(BackwardBegin(step=0, call=1, roots=(), retain_graph=False, create_graph=False))
    builder.emit(Flow(step=0, call=1, source=node, slot=0, target=leaf, target_slot=0, gradient=bad, total=bad))
    frame = frame_at(builder.finish(), 2)
    assert frame.broken(0)
    assert frame.label(0) == "(2,)  ‖g‖ nan"
    assert frame.width(0) == 5.0


def test_zeroing_takes_the_badge_and_leaves_a_heat_map_of_zeros(basics: MemoryTrace) -> None:
    frame = frame_at(basics, step_of(basics, GradWrite))
    card = next(frame.card(box) for box in range(len(frame.scene.boxes)) if frame.scene.boxes[box].title == "inp")
    assert card.badge == ""
    assert card.heat is not None
    assert not card.heat.any()
