"""A walk through the window: names for tests and for people who cannot see it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QSizeGrip,
    QWidget,
)

from gradviz_ui.window.main_window import MainWindow

QT_MAKES_PARTS_OF = (QComboBox, QLineEdit, QAbstractItemView, QSizeGrip)


def ours(widget: QWidget) -> Iterator[QWidget]:
    """The widgets below this one that gradviz made, not the parts that Qt's own widgets are made of."""
    for child in widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
        made_by_qt = child.objectName().startswith("qt_") or isinstance(child, QSizeGrip | QScrollBar)
        made_by_qt |= isinstance(widget, QAbstractScrollArea) and child is widget.viewport()
        if not made_by_qt:
            yield child
        if not isinstance(child, QT_MAKES_PARTS_OF):
            yield from ours(child)


@pytest.fixture(autouse=True)
def tidied(window: MainWindow) -> None:
    """Pages that are made when they are needed are there; widgets that are to be deleted are gone."""
    assert all((window.inspector.leaf_page, window.inspector.node_page, window.inspector.edge_page))
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_every_widget_has_a_name(window: MainWindow) -> None:
    unnamed = [f"{type(widget).__name__} in {path(widget)}" for widget in ours(window) if not widget.objectName()]
    assert unnamed == []


def test_every_widget_that_takes_the_focus_says_what_it_is(window: MainWindow) -> None:
    silent = [
        path(widget)
        for widget in ours(window)
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and not widget.accessibleName()
        and not getattr(widget, "text", str)()
    ]
    assert silent == []


def path(widget: QWidget) -> str:
    """The names from the window down to the widget."""
    names = []
    at: QWidget | None = widget
    while at is not None:
        names.append(at.objectName() or type(at).__name__)
        at = at.parentWidget()
    return "/".join(reversed(names))


@pytest.mark.parametrize("size", [(1024, 640), (1280, 800), (1920, 1080)])
def test_the_window_fits_common_screens(window: MainWindow, size: tuple[int, int]) -> None:
    window.resize(*size)
    assert (window.width(), window.height()) == size
