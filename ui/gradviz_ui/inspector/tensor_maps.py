"""Tensors of a trace as heat maps: which plane of them is shown, and what stands under each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QPoint, Qt, Signal, Slot
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSpinBox, QVBoxLayout, QWidget

from gradviz.trace.model import Storage, TensorId, TensorInfo
from gradviz.trace.numbers import norm_text, number_text, shape_text
from gradviz.trace.protocol import TraceLike
from gradviz_ui import style, theme
from gradviz_ui.inspector.content import Content
from gradviz_ui.inspector.maps import HeatMaps, Term
from gradviz_ui.labels import RoleLabel
from gradviz_ui.plain import tip

Index = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One tensor to show; ``gap`` says what to write where there is none (``none``, ``not set``)."""

    title: str
    tensor: TensorId | None
    sign: str = ""
    gap: str = ""
    emphasised: bool = False


class TensorMaps(QWidget):
    """Heat maps of tensors of one shape, with a spin box for every dimension before the last two.

    A double click, or the menu, shows a tensor in a window of its own.
    """

    element_changed = Signal()
    enlarge_requested = Signal(int)
    """Carries the id of the tensor that was double-clicked."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._trace: TraceLike | None = None
        self._shown: tuple[Shown, ...] = ()
        self._contents: tuple[Content | None, ...] = ()
        self._slices: list[QSpinBox] = []
        self._slice_bar = QWidget()
        self._slice_bar.setObjectName("slice_bar")
        self._slice_row = QHBoxLayout(self._slice_bar)
        self._slice_row.setContentsMargins(0, 0, 0, 4)
        self._slice_row.setSpacing(4)
        self._slice_bar.hide()
        self.maps = HeatMaps()
        self.maps.setObjectName("heat_maps")
        self.maps.setAccessibleName(self.tr("Heat map"))
        self.maps.element_changed.connect(self.element_changed)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.problem = RoleLabel("error", theme.ui_font(12))
        self.problem.setObjectName("tensor_problem")
        self.problem.hide()
        layout.addWidget(self._slice_bar)
        layout.addWidget(self.maps)
        layout.addWidget(self.problem)

    @property
    def contents(self) -> tuple[Content | None, ...]:
        """What is known of each tensor, None where there is none."""
        return self._contents

    @property
    def index(self) -> Index | None:
        """The chosen element in the whole tensor; None where the numbers are not kept."""
        whole = next((content for content in self._contents if content and content.values is not None), None)
        element = self.maps.element
        if whole is None or element is None:
            return None
        place = (*self._leading(), *element)
        return place[len(place) - len(whole.info.shape) :] if whole.info.shape else ()

    def show_tensors(self, trace: TraceLike, shown: Sequence[Shown]) -> None:
        """Show these; nothing is read anew if they are shown already."""
        if trace is self._trace and tuple(shown) == self._shown:
            return
        if trace is not self._trace:
            self.maps.choose_anew()
        self._trace, self._shown = trace, tuple(shown)
        self._contents = tuple(None if each.tensor is None else Content.of(trace, each.tensor) for each in self._shown)
        sizes = next((content.slice_sizes for content in self._contents if content is not None), ())
        self._offer_slices(sizes)
        self._draw()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        tensor = self._tensor_at(event.position().toPoint())
        if tensor is not None:
            self.enlarge_requested.emit(tensor)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        tensor = self._tensor_at(event.pos())
        if tensor is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self.tr("Show in a window"), partial(self.enlarge_requested.emit, tensor))
        menu.addAction(self.tr("Copy the numbers"), partial(self.copy, tensor))
        menu.popup(event.globalPos())

    def copy(self, tensor: TensorId) -> None:
        """Put what is kept of a tensor into the clipboard, as rows of numbers that a program or a table reads."""
        content = next(found for found in self._contents if found is not None and found.info.id == tensor)
        plane = content.plane(self._leading())
        if plane is not None:
            rows = ("\t".join(number_text(value, 9) for value in row) for row in plane)
            QGuiApplication.clipboard().setText("\n".join(rows))

    def _tensor_at(self, place: QPoint) -> TensorId | None:
        """The tensor under a point, or the last one where the keyboard asks."""
        term = self.maps.term_at(self.maps.mapFrom(self, place).toPointF())
        if term is None and self.maps.hasFocus():
            term = len(self._shown) - 1
        return None if term is None else self._shown[term].tensor

    def _leading(self) -> Index:
        return tuple(box.value() for box in self._slices)

    def _offer_slices(self, sizes: Index) -> None:
        """One spin box for each leading dimension; those that stay keep their index."""
        self._slice_bar.setVisible(bool(sizes))
        if len(self._slices) != len(sizes):
            _clear(self._slice_row)
            self._slices = [self._slice_box(dimension) for dimension in range(len(sizes))]
            self._slice_row.addWidget(_small_label("["))
            for box in self._slices:
                self._slice_row.addWidget(box)
            self._slice_row.addWidget(_small_label(", :, :]"))
            self._slice_row.addStretch(1)
        for box, size in zip(self._slices, sizes, strict=True):
            box.blockSignals(True)
            box.setRange(0, max(size - 1, 0))
            box.setToolTip(tip(self.tr("0 to {last}").replace("{last}", str(max(size - 1, 0)))))
            box.blockSignals(False)

    def _slice_box(self, dimension: int) -> QSpinBox:
        box = QSpinBox()
        box.setObjectName(f"slice_{dimension}")
        box.setAccessibleName(self.tr("Index in dimension {n}").replace("{n}", str(dimension)))
        style.indent_number(box)
        box.setFont(theme.mono_font(11))
        box.setWrapping(True)
        box.valueChanged.connect(self._draw)
        return box

    @Slot()
    def _draw(self) -> None:
        known = [content for content in self._contents if content is not None]
        scale = max((content.largest for content in known), default=0.0) or 1.0
        self.maps.show_terms(
            [self._term(each, content) for each, content in zip(self._shown, self._contents, strict=True)],
            scale,
        )
        self.problem.show_text("\n".join(dict.fromkeys(content.problem for content in known if content.problem)))
        titles = ", ".join(each.title for each in self._shown if each.title)
        self.maps.setAccessibleName(titles or self.tr("Heat map"))
        self.maps.setAccessibleDescription(
            "; ".join(
                f"{term.title}: {', '.join((*term.notes, *filter(None, [term.alert])))}" for term in self.maps.terms
            )
        )

    def _term(self, shown: Shown, content: Content | None) -> Term:
        if content is None:
            return Term(shown.title, None, sign=shown.sign, gap=shown.gap, emphasised=shown.emphasised)
        return Term(
            shown.title,
            content.plane(self._leading()),
            self._notes(content),
            self._alert(content.info),
            shown.sign,
            self._gap(content),
            shown.emphasised,
        )

    def _gap(self, content: Content) -> str:
        """What stands where there are no numbers to show."""
        if content.problem:
            return self.tr("cannot be read")
        return self.tr("empty") if 0 in content.info.shape else self.tr("not kept")

    def _notes(self, content: Content) -> tuple[str, ...]:
        info = content.info
        notes = [self.tr("norm {norm}").replace("{norm}", norm_text(info.norm))]
        if info.storage is Storage.THUMBNAIL:
            notes.append(self.tr("means of {shape}").replace("{shape}", shape_text(info.shape)))
        elif info.storage is Storage.SUMMARY and info.min is not None and info.max is not None:
            notes.append(f"{number_text(info.min, 3)} … {number_text(info.max, 3)}")
        return tuple(notes)

    def _alert(self, info: TensorInfo) -> str:
        counts = ((info.nan, "nan"), (info.inf, "inf"))
        return ", ".join(f"{count} {name}" for count, name in counts if count)


def _small_label(text: str) -> QLabel:
    label = RoleLabel("muted", theme.mono_font(11), wraps=False)
    label.setSizePolicy(label.sizePolicy().Policy.Fixed, label.sizePolicy().Policy.Fixed)
    label.setText(text)
    label.setAlignment(Qt.AlignmentFlag.AlignVCenter)
    return label


def _clear(row: QHBoxLayout) -> None:
    while (item := row.takeAt(0)) is not None:
        widget = item.widget()
        if widget is not None:
            widget.setParent(None)
            widget.deleteLater()
