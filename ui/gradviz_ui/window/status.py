"""The status bar: what is recorded and where it is kept, and the keys to step with."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QStatusBar, QWidget

from gradviz.trace.protocol import TraceLike
from gradviz_ui.counting import counted
from gradviz_ui.elided import ElidedLabel
from gradviz_ui.plain import plain_label
from gradviz_ui.session import Session
from gradviz_ui.window.top_bar import BACKENDS


class StatusBar(QStatusBar):
    """Follows the session's trace and recording."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status_bar")
        self.setSizeGripEnabled(False)
        self.session = session
        self.facts = ElidedLabel(parent=self)
        self.facts.setObjectName("status_facts")
        self.hint = plain_label(self.tr("←/→ step · Shift+→ next backward · F5 run to breakpoint · F1 all keys"), self)
        self.hint.setObjectName("status_hint")
        self.setContentsMargins(12, 0, 12, 0)
        self.addWidget(self.facts, 1)
        self.addPermanentWidget(self.hint)
        session.debugging.trace_changed.connect(self.show_facts)
        session.recording_changed.connect(self.show_facts)
        session.loading_changed.connect(self.show_facts)
        self.show_facts()

    @Slot()
    def show_facts(self) -> None:
        """Write what is recorded, or what goes on."""
        session, trace = self.session, self.session.debugging.trace
        if session.recording:
            text = self.tr("Recording… {events}")
            self.facts.setText(text.replace("{events}", counted(session.recorded_events, "event")))
        elif session.loading:
            self.facts.setText(self.tr("Opening…"))
        elif trace is None:
            self.facts.setText(self.tr("Nothing recorded yet"))
        else:
            self.facts.setText(self._about(trace))

    def _about(self, trace: TraceLike) -> str:
        text = self.tr("Recorded {events} · {nodes} · {leaves} · {backend}")
        for key, value in {
            "events": counted(len(trace.events), "event"),
            "nodes": counted(len(trace.nodes), "node"),
            "leaves": counted(len(trace.leaves), "leaf"),
            "backend": self.tr(BACKENDS.get(trace.backend, trace.backend)),
        }.items():
            text = text.replace("{" + key + "}", value)
        if not trace.complete:
            text += " · " + self.tr("incomplete: the program was stopped")
        if trace.path is not None:
            saved = self.tr("saved") if self.session.trace_saved else self.tr("not saved")
            text += f" · {self.session.trace_name} ({saved})"
        return text
