import random

import numpy as np
import pytest

from gradviz.projection.cards import Card
from gradviz.projection.diagram import VIEWS, BoxKind
from gradviz.projection.frame import Frame, LinkState, norm_width, vanished
from gradviz.projection.scene import Scene, build
from gradviz.replay import NodeState, Playhead
from gradviz.trace.events import Accumulate, BackwardBegin, BackwardEnd, Flow, GradWrite, NodeBegin, NodeEnd, Op
from gradviz.trace.memory import MemoryTrace, TraceBuilder
from gradviz.trace.model import Edge, GraphNode, NodeKind
from gradviz.trace.views import Events
from simulator import Simulator
from synthetic import autograd_basics, training


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
    assert (card.title, card.overline, card.badge) == ("inp", "AccumulateGrad", "×2 sums")
    assert card.detail == "‖g‖ 11.31 + 11.31"
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


@pytest.mark.parametrize("moved", [True, False])
def test_what_an_operation_made_is_there_from_its_own_step_on(basics: MemoryTrace, moved: bool) -> None:
    """Its box and its numbers, whether one steps there or comes from elsewhere; also while it is what runs."""
    frame = frame_at(basics, 0, "forward")
    boxes = range(len(frame.scene.boxes))
    begun = [box.step for box in frame.scene.boxes]
    with_numbers = [frame_at(basics, len(basics.events), "forward").card(box).heat is not None for box in boxes]
    assert len(set(begun)) > 4
    assert any(numbers for step, numbers in zip(begun, with_numbers, strict=True) if step > 1)
    for step in range(len(basics.events) + 1):
        frame = moved_to(frame, step) if moved else frame_at(basics, step, "forward")
        assert frame.present.tolist() == [made <= step for made in begun]
        shown = [frame.card(box).heat is not None for box in boxes]
        assert shown == [numbers and made <= step for made, numbers in zip(begun, with_numbers, strict=True)]


def moved_to(frame: Frame, step: int) -> Frame:
    frame.update(frame.playhead.seek(step))
    return frame


def test_nodes_wait_in_a_running_call_only() -> None:
    """The count is gone with the call, however it ended."""
    for seed in range(8):
        trace = Simulator(seed).run(40)
        playhead = Playhead(trace, 0)
        for step in range(len(trace.events) + 1):
            playhead.seek(step)
            waiting = [node for node in range(len(trace.nodes)) if playhead.remaining(node)]
            assert playhead.call is not None or not waiting, (seed, step)


def test_captions_name_the_gradient_a_call_starts_with(basics: MemoryTrace) -> None:
    before = frame_at(basics, step_of(basics, BackwardBegin, 1) - 1)
    assert [(each.name, each.gradient) for each in before.captions] == [("loss", ""), ("out", "")]
    during = frame_at(basics, step_of(basics, BackwardBegin, 1))
    assert [(each.name, each.gradient, each.now) for each in during.captions] == [
        ("loss", "", False),
        ("out", "grad = ones(5, 4)", True),
    ]


def test_links_go_from_empty_over_active_to_carried_and_past(basics: MemoryTrace) -> None:
    """The first edge of the first call, whose nodes are freed, and the first of the second, whose are not."""
    for number, after in ((0, LinkState.PAST), (5, LinkState.CARRIED)):
        flow = step_of(basics, Flow, number)
        event = basics.events[flow - 1]
        assert isinstance(event, Flow)
        end = next(each.step for each in basics.events[flow:] if isinstance(each, BackwardEnd))
        states = []
        for step in (flow - 1, flow, end):
            frame = frame_at(basics, step)
            edge = next(i for i, e in enumerate(basics.edges) if (e.source, e.slot) == (event.source, event.slot))
            states.append(LinkState(int(frame.links[frame.scene.link_of_edge[edge]])))
        assert states == [LinkState.EMPTY, LinkState.ACTIVE, after]


def test_an_operation_runs_in_the_forward_view_when_its_event_is_shown(basics: MemoryTrace) -> None:
    step = step_of(basics, Op, 1)
    frame = frame_at(basics, step, "forward")
    assert titles(frame, frame.running) == {"add"}
    assert {titles(frame, [frame.scene.sources[link]]).pop() for link in frame.active} == {"matmul", "b"}
    later = frame_at(basics, step + 1, "forward")
    assert "add" not in titles(later, later.running)


@pytest.mark.parametrize("view", VIEWS)
def test_following_the_playhead_shows_what_a_plain_look_at_the_events_says(basics: MemoryTrace, view: str) -> None:
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
    """Move one frame along the route; at every step it is what `Plain` says, and so is what is to be painted."""
    scene = build(trace, view)
    playhead = Playhead(trace)
    followed = Frame(scene, playhead)
    for step in route:
        painted = paintable(followed)
        dirty = followed.update(playhead.seek(step))
        now = paintable(followed)
        plain = Plain(trace, step)
        for index, box in enumerate(scene.boxes):
            assert NodeState(int(followed.states[index])) is plain.state(scene, index), f"{box.title} at step {step}"
        for index in range(len(scene.diagram.links)):
            assert LinkState(int(followed.links[index])) is plain.link(scene, index), f"link {index} at step {step}"
        assert now == paintable(Frame(scene, Playhead(trace, step))), f"at step {step}"
        if not dirty.everything:
            boxes = {box for box, look in now[0].items() if look != painted[0][box]}
            links = {link for link, look in now[1].items() if look != painted[1][link]}
            assert boxes <= dirty.boxes, f"boxes not painted again at step {step}"
            assert links <= dirty.links, f"links not painted again at step {step}"


class Plain:
    """What holds after a step, by going through the events once more: for calls one after another."""

    def __init__(self, trace: MemoryTrace, step: int) -> None:
        self.step, self.event = step, trace.events[step - 1] if step else None
        self.states = dict.fromkeys(range(len(trace.nodes)), NodeState.IDLE)
        self.carried: set[tuple[int, int]] = set()
        self.call: int | None = None
        self.trace = trace
        waiting: dict[int, int] = {}
        for event in trace.events[:step]:
            match event:
                case BackwardBegin():
                    self.call = event.call
                    waiting = self._reached(event)
                    for node, count in waiting.items():
                        self.states[node] = NodeState.READY if count == 0 else NodeState.IDLE
                        self.carried -= {each for each in self.carried if each[0] == node}
                case NodeBegin():
                    self.states[event.node] = NodeState.RUNNING
                case Flow():
                    self.carried.add((event.source, event.slot))
                    waiting[event.target] -= 1
                    if waiting[event.target] == 0:
                        self.states[event.target] = NodeState.READY
                case NodeEnd():
                    self.states[event.node] = NodeState.FREED if event.freed else NodeState.DONE
                case BackwardEnd():
                    self.call = None

    def _reached(self, begin: BackwardBegin) -> dict[int, int]:
        counts = {root.node: 0 for root in begin.roots}
        pending = list(counts)
        while pending:
            node = pending.pop()
            for edge in self.trace.edges:
                if edge.source == node:
                    if edge.target not in counts:
                        counts[edge.target] = 0
                        pending.append(edge.target)
                    counts[edge.target] += 1
        return counts

    def serves(self, scene: Scene, box: int) -> bool:
        """A leaf drawn at each of its consumers takes part where one of these runs in the present call."""
        if scene.boxes[box].copies == 1 or self.call is None:
            return True
        links = [link for link in scene.diagram.links if box in (link.source, link.target)]
        others = {link.source if link.target == box else link.target for link in links}
        nodes = {node for other in others for node in scene.boxes[other].nodes}
        return any(
            isinstance(event, NodeBegin) and event.call == self.call and event.node in nodes
            for event in self.trace.events
        )

    def state(self, scene: Scene, box: int) -> NodeState:
        shown = scene.boxes[box]
        if shown.kind is BoxKind.OPERATION and isinstance(self.event, Op) and shown.step == self.step:
            return NodeState.RUNNING
        states = [self.states[node] for node in shown.nodes]
        if not states:
            return NodeState.IDLE
        rank = [NodeState.IDLE, NodeState.DONE, NodeState.FREED, NodeState.READY, NodeState.RUNNING]
        most = max(states, key=rank.index)
        if not self.serves(scene, box):
            return NodeState.DONE if most in (NodeState.DONE, NodeState.FREED) else NodeState.IDLE
        return most

    def link(self, scene: Scene, link: int) -> LinkState:
        shown = scene.diagram.links[link]
        if shown.edge < 0:
            target = scene.boxes[shown.target]
            if isinstance(self.event, Op) and target.step == self.step:
                return LinkState.ACTIVE
            return LinkState.PAST if target.step <= self.step else LinkState.EMPTY
        edge = self.trace.edges[shown.edge]
        if (edge.source, edge.slot) not in self.carried:
            return LinkState.EMPTY
        match self.event:
            case Flow(source=edge.source, slot=edge.slot):
                return LinkState.ACTIVE
            case NodeBegin(node=edge.target) | Accumulate(leaf=edge.target):
                if self.serves(scene, shown.target):
                    return LinkState.ACTIVE
        return LinkState.PAST if self.state(scene, shown.source) is NodeState.FREED else LinkState.CARRIED


def paintable(frame: Frame) -> tuple[dict[int, object], dict[int, object], list[object]]:
    """All that a painter asks of a frame."""
    captions = {caption.box: caption for caption in frame.captions}
    boxes: dict[int, object] = {}
    for box in range(len(frame.scene.boxes)):
        card = frame.card(box)
        heat = None if card.heat is None else card.heat.tolist()
        boxes[box] = (
            int(frame.states[box]), bool(frame.present[box]), card.title, card.detail, card.badge,
            card.strong, str(heat), card.scale, card.zeroed, captions.get(box),
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


def inp_card(trace: MemoryTrace, step: int) -> Card:
    frame = frame_at(trace, step)
    return next(frame.card(box) for box in range(len(frame.scene.boxes)) if frame.scene.boxes[box].title == "inp")


def test_zeroing_says_so_for_a_step_and_leaves_the_card_empty(basics: MemoryTrace) -> None:
    step = step_of(basics, GradWrite)
    now, next_one = inp_card(basics, step), inp_card(basics, step + 1)
    assert (now.badge, now.zeroed, now.heat) == ("zeroed", True, None)
    assert (next_one.badge, next_one.zeroed, next_one.heat) == ("", False, None)
    frame = frame_at(basics, step)
    assert titles(frame, frame.zeroed) == {"inp"}
    assert not frame_at(basics, step - 1).zeroed


def test_twice_the_gradient_is_twice_the_colour(basics: MemoryTrace) -> None:
    """The heat map of ``inp.grad`` has one scale: 4 and 2, then 8 and 4, and 4 and 2 again after the zeroing."""
    levels = []
    for number in (2, 3, 4):
        card = inp_card(basics, step_of(basics, Accumulate, number))
        assert card.heat is not None
        assert card.scale is not None
        levels.append(float(card.heat.max() / card.scale))
    assert levels == [0.5, 1.0, 0.5]


def test_the_first_gradient_is_no_sum_yet(basics: MemoryTrace) -> None:
    card = inp_card(basics, step_of(basics, Accumulate, 2))
    assert (card.badge, card.strong) == ("+1", False)


@pytest.mark.parametrize(("numbers", "expected"), [([0, 0], True), ([0, 1], False), ([1, 1], False)])
def test_a_gradient_has_vanished_where_every_number_is_zero(numbers: list[float], expected: bool) -> None:
    builder = TraceBuilder()
    tensor = builder.add_tensor(np.array(numbers, np.float32))
    assert vanished(builder.finish(), tensor) is expected
    assert not vanished(builder.finish(), None)


@pytest.mark.parametrize("calls", [3, 30])
def test_a_step_makes_no_object_of_an_event_but_its_own_and_those_of_leaves(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = training(20 * calls, calls=calls, leaves=2)
    assert trace is not None
    playhead = Playhead(trace, 0)
    frame = Frame(build(trace), playhead)
    playhead.seek(len(trace.events) - 60)
    made: list[int] = []
    whole = Events._block
    monkeypatch.setattr(Events, "_block", lambda self, first, last: made.append(first) or whole(self, first, last))
    most = 0
    for _ in range(50):
        made.clear()
        frame.update(playhead.seek(playhead.step + 1))
        most = max(most, len(made))
    assert 1 <= most <= 4
