"""``Why is after[0, 0] = 8?``: the question as a title, the answer as lines of sums."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from gradviz.replay.explain import Reason, why_accumulated
from gradviz.trace.contents import readable_array
from gradviz.trace.events import Accumulate
from gradviz.trace.numbers import index_text, number_text
from gradviz.trace.protocol import TraceLike
from gradviz_ui import theme
from gradviz_ui.labels import RoleLabel


class Why(QWidget):
    """Explains one element of a leaf's gradient; hidden where the trace does not know enough."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("why")
        self.title = RoleLabel("text", theme.ui_font(13, QFont.Weight.DemiBold))
        self.title.setObjectName("why_title")
        self._lines: list[tuple[RoleLabel, RoleLabel]] = []
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(4)
        self._grid.setColumnStretch(1, 1)
        self._grid.addWidget(self.title, 0, 0, 1, 2)

    @property
    def text(self) -> str:
        """The answer as it stands there."""
        shown = [(name.text(), text.text()) for name, text in self._lines if not text.isHidden()]
        return "\n".join(f"{name} {text}".strip() for name, text in shown)

    def explain(self, trace: TraceLike, event: Accumulate | None, index: tuple[int, ...] | None) -> None:
        """Explain the element at ``index`` of what ``event`` accumulated."""
        reasons = [] if event is None or index is None else why_accumulated(trace, event, index)
        self.setVisible(bool(reasons))
        if not reasons or event is None or index is None:
            return
        after = readable_array(trace, event.after)
        value = number_text(after[index]) if after is not None else "?"
        question = self.tr("Why is {element} = {value}?")
        self.title.setText(question.replace("{element}", f"after{index_text(index)}").replace("{value}", value))
        while len(self._lines) < len(reasons):
            self._add_line()
        for number, (name, text) in enumerate(self._lines):
            used = number < len(reasons)
            if used:
                _fill(reasons[number], name, text)
            name.setVisible(used)
            text.setVisible(used)

    def _add_line(self) -> None:
        name, text = (RoleLabel(font=theme.mono_font(12)) for _ in range(2))
        name.setWordWrap(False)
        name.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Minimum)
        name.setAlignment(Qt.AlignmentFlag.AlignTop)
        row = len(self._lines) + 1
        self._grid.addWidget(name, row, 0)
        self._grid.addWidget(text, row, 1)
        self._lines.append((name, text))


def _fill(reason: Reason, name: RoleLabel, text: RoleLabel) -> None:
    name.setText(reason.name)
    text.setText(f"= {reason.text}")
    for label in (name, text):
        label.set_role("muted" if reason.far else "text")
