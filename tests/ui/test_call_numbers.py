"""A backward call has one name and one number, wherever the window speaks of it."""

from __future__ import annotations

from PySide6.QtCore import QPointF

from gradviz.replay.index import index_of
from gradviz.trace.events import BackwardBegin
from gradviz.trace.memory import MemoryTrace
from gradviz_ui.events.model import Column, EventModel
from gradviz_ui.timeline import painting
from gradviz_ui.window.main_window import MainWindow


def test_toolbar_timeline_strip_events_and_inspector_agree(window: MainWindow, basics: MemoryTrace) -> None:
    window.resize(1600, 900)
    session, view = window.session, window.timeline.view
    begins = [event for event in basics.events if isinstance(event, BackwardBegin)]
    names = ["loss.backward()", "out.backward()", "out.backward()", "out.backward()"]
    assert [event.call for event in begins] == [1, 2, 3, 4]
    for event, name in zip(begins, names, strict=True):
        told = f"{name} · call {event.call}"
        session.debugging.seek(event.step)
        call = index_of(basics).calls[event.call]
        assert call.end is not None
        middle = QPointF(view.axis.x((call.begin + call.end) / 2), painting.SPAN_TOP + 5)
        assert window.top_bar.what.text() == f"{told} · begins"
        assert window.code.note.text().endswith(told)
        assert view.tip_at(middle) == f"{told}, steps {call.begin} to {call.end}"
        assert view.accessibleDescription().partition(": ")[2].startswith(f"{told} begins")
        model = EventModel()
        model.show_steps(basics, window.events.model.steps)
        row = model.row_of(event.step)
        assert row is not None
        assert model.data(model.index(row, Column.DESCRIPTION)).startswith(f"{told} begins")
        assert view.strip is not None
        span = next(i for i, each in enumerate(view.strip.spans.spans) if each.call == event.call)
        assert view.strip.texts(span) == (told, f"call {event.call}", str(event.call))
