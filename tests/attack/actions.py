"""Attack: random hands in the real window. ``DEEDS`` is the table of what they do, and how often."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, QPointF, QSize, Qt, QUrl
from PySide6.QtGui import QContextMenuEvent, QDropEvent, QKeySequence, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QDialog,
    QFileDialog,
    QLineEdit,
    QMenu,
    QMessageBox,
    QWidget,
)
from shiboken6 import isValid

from gradviz_ui.session import Selection
from gradviz_ui.window.actions import ACTIONS
from gradviz_ui.window.main_window import MainWindow
from tests.attack import hostile
from tests.attack.damage import Kept, damage
from tests.attack.found import Finding, told
from tests.attack.shown import stage
from tests.attack.sound import PROGRAM, sound
from tests.attack.traces import Traces
from tests.attack.window import Meanwhile

NAME = "actions"
IN_ONE_WINDOW = 100
"""Actions before the window is closed and another one opened."""
ANSWER_MS = 40
TRIES = 25
"""Answers to one dialog before it is closed, whatever it asks."""
KEYS = tuple(
    getattr(Qt.Key, f"Key_{name}")
    for name in (
        "Right", "Left", "Up", "Down", "Home", "End", "Tab", "Backtab", "Escape", "Return", "Space", "Delete",
        "Backspace", "A", "F", "Z", "F1", "F5", "F6", "F9", "F10", "PageUp", "PageDown", "Plus", "Minus", "Menu",
    )
)  # fmt: skip
TYPED = ("x = 1", "\n", "    ", "loss.backward()\n", "(", "\"'", "汉字 é 😀", "import torch\n", "# <b>", "\t")
PROGRAMS = {
    "short.py": "import torch\nx = torch.ones(3, requires_grad=True)\n(x * 2).sum().backward()\nprint(x.grad)\n",
    "long.py": PROGRAM,
    "endless.py": "while True:\n    print('on')\n",
    "wrong.py": "x = (\n",
    "empty.py": "",
    "sleep.py": "import time\ntime.sleep(60)\n",
    "odd <b>&[*].py": "raise ValueError('<img src=x>')\n",
}


class Hands:
    """Acts at random in a window; what was done is kept to be told."""

    def __init__(self, window: MainWindow, files: list[Path], folder: Path, choose: random.Random) -> None:
        self.window, self.files, self.folder, self.random = window, files, folder, choose
        self.done: list[str] = []
        self._answered: dict[int, int] = {}
        self._answers = Meanwhile(self.answer, ANSWER_MS)

    def act(self) -> None:
        """One deed at random, then whatever it set going."""
        deed = self.random.choices(list(DEEDS), list(DEEDS.values()))[0]
        deed(self)
        QTest.qWait(self.random.choice((0, 0, 5, 30)))

    def close(self) -> None:
        """Take the hands off."""
        self._answers.close()

    def note(self, what: str) -> None:
        """Remember what was done."""
        self.done.append(what[:120])

    # Deeds

    def action(self) -> None:
        """An action of the table."""
        row = self.random.choice(ACTIONS)
        self.note(row.id)
        self.window.actions_by_id[row.id].trigger()

    def shortcut(self) -> None:
        """The keys of an action, wherever the focus is."""
        row = self.random.choice([row for row in ACTIONS if row.sequences])
        self.note(f"keys of {row.id}")
        QTest.keySequence(self._focus(), QKeySequence(self.random.choice(row.sequences)))

    def key(self) -> None:
        """A key."""
        key = self.random.choice(KEYS)
        modifier = self.random.choice((Qt.KeyboardModifier.NoModifier,) * 3 + _MODIFIERS)
        self.note(f"key {key.name} {modifier.name}")
        QTest.keyClick(self._focus(), key, modifier)

    def type(self) -> None:
        """Text, into whatever has the focus, or into the program."""
        if self.random.random() < 0.5:
            self.window.docks["code"].reveal()
        focus = self._focus()
        text = self.random.choice(TYPED)
        self.note(f"type {text!r} into {focus.objectName()}")
        for letter in text:
            QTest.keyClick(focus, letter) if letter.isascii() and letter.isprintable() else None

    def click(self) -> None:
        """A click, or two, with some button somewhere."""
        widget = self._somewhere()
        point = self._point(widget)
        button = self.random.choice(
            (Qt.MouseButton.LeftButton,) * 4 + (Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton)
        )
        self.note(f"click {button.name} {_name(widget)} {point.x()},{point.y()}")
        click = QTest.mouseDClick if self.random.random() < 0.2 else QTest.mouseClick
        click(widget, button, Qt.KeyboardModifier.NoModifier, point)

    def drag(self) -> None:
        """A drag within a widget."""
        widget = self._somewhere()
        start, end = self._point(widget), self._point(widget)
        self.note(f"drag {_name(widget)}")
        QTest.mousePress(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
        for part in (0.3, 0.7, 1.0):
            if isValid(widget):
                QTest.mouseMove(widget, start + (end - start) * part)
                QApplication.processEvents()
        if isValid(widget):
            QTest.mouseRelease(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, end)

    def wheel(self) -> None:
        """A turn of the wheel."""
        widget = self._somewhere()
        point = QPointF(self._point(widget))
        self.note(f"wheel {_name(widget)}")
        event = QWheelEvent(
            point, widget.mapToGlobal(point), QPoint(), QPoint(0, self.random.choice((-960, -120, 120, 960))),
            Qt.MouseButton.NoButton, self.random.choice((Qt.KeyboardModifier.NoModifier, *_MODIFIERS)),
            Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(widget, event)

    def menu(self) -> None:
        """A context menu."""
        widget = self._somewhere()
        point = self._point(widget)
        self.note(f"context menu of {_name(widget)}")
        QApplication.sendEvent(
            widget, QContextMenuEvent(QContextMenuEvent.Reason.Mouse, point, widget.mapToGlobal(point))
        )

    def seek(self) -> None:
        """A jump in time."""
        step = self.random.randint(-2, self.window.session.debugging.last_step + 2)
        self.note(f"seek {step}")
        self.window.session.debugging.seek(step)

    def select(self) -> None:
        """A node, an edge or nothing."""
        trace = self.window.session.debugging.trace
        if trace is not None and trace.nodes and trace.edges:
            node, edge = self.random.randrange(len(trace.nodes)), self.random.randrange(len(trace.edges))
            choice = self.random.choice((Selection(node=node), Selection(edge=edge), Selection()))
            self.note(f"select {choice}")
            self.window.session.debugging.select(choice, reveal=self.random.random() < 0.5)

    def panel(self) -> None:
        """A panel to the front, hidden, afloat or back."""
        dock = self.random.choice(list(self.window.docks.values()))
        what = self.random.choice(("reveal", "close", "toggle_floating"))
        self.note(f"{what} {dock.objectName()}")
        getattr(dock, what)()

    def resize(self) -> None:
        """Another size."""
        size = QSize(self.random.randint(300, 2200), self.random.randint(200, 1300))
        self.note(f"resize {size.width()} x {size.height()}")
        self.window.resize(size)

    def open(self) -> None:
        """Another file: a program, a sound trace, a bad one, none at all; or one that is dropped."""
        path = self.random.choice(self.files)
        self.note(f"open {path.name}")
        if self.random.random() < 0.7:
            self.window.files.open(path)
            return
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(path))])
        target = self._somewhere()
        event = QDropEvent(
            QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(target, event)

    def record(self) -> None:
        """A recording begins, or is stopped."""
        session = self.window.session
        self.note("stop" if session.recording else "record")
        session.stop() if session.recording else self.window.actions_by_id["record.start"].trigger()

    def damage(self) -> None:
        """A file, most often one that is shown or recorded to, is deleted, replaced or damaged."""
        session = self.window.session
        used = [
            session.debugging.trace.path if session.debugging.trace is not None else None,
            session.document.path if session.document is not None else None,
            session.recorded_path if session.recording else None,
        ]
        own = [path for path in used if path is not None and path.is_relative_to(self.folder.parent)]
        path = self.random.choice(own if own and self.random.random() < 0.7 else self.files)
        self.note(f"{damage(path, self.random)} {path.name}")

    def palette(self) -> None:
        """Something is looked for and chosen."""
        self.note("palette")
        self.window.palette_box.enter()
        QTest.keyClicks(self.window.palette_box.field, self.random.choice(("", "add", "the", "panel", "x", "((", "zz")))
        QTest.keyClick(
            self.window.palette_box.field, self.random.choice((Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Down))
        )

    def wait(self) -> None:
        """Nothing, for a while: what was begun goes on."""
        self.note("wait")
        QTest.qWait(self.random.choice((50, 200, 500)))

    # Whatever asks is answered

    def answer(self) -> None:
        """Answer the dialog or menu that lies over the window, at random; close it if it stays."""
        popup = QApplication.activePopupWidget()
        dialog = QApplication.activeModalWidget()
        if isinstance(popup, QMenu):
            self._answer_menu(popup)
        elif popup is not None:
            popup.close()
        elif isinstance(dialog, QDialog):
            self._answered[id(dialog)] = tries = self._answered.get(id(dialog), 0) + 1
            if tries > TRIES:
                self.note(f"reject {_name(dialog)}")
                dialog.reject()
            else:
                self._answer_dialog(dialog)

    def _answer_menu(self, menu: QMenu) -> None:
        rows = [
            action for action in menu.actions() if action.isEnabled() and not action.isSeparator() and not action.menu()
        ]
        chosen = self.random.choice([*rows, None]) if rows else None
        self.note(f"menu {menu.objectName()}: {chosen.text() if chosen else 'close'}")
        menu.close()
        if chosen is not None:
            chosen.trigger()

    def _answer_dialog(self, dialog: QDialog) -> None:
        if isinstance(dialog, QFileDialog):
            self._answer_file(dialog)
            return
        parts = [part for part in dialog.findChildren(QWidget) if part.isVisible() and part.isEnabled()]
        buttons = [
            part for part in parts if isinstance(part, QAbstractButton) and part.objectName() != "qt_spinbox_lineedit"
        ]
        fields = [part for part in parts if isinstance(part, QComboBox | QLineEdit)]
        field = self.random.choice([*fields, None]) if not isinstance(dialog, QMessageBox) else None
        if isinstance(field, QComboBox) and field.count():
            field.setCurrentIndex(self.random.randrange(field.count()))
        elif isinstance(field, QLineEdit) and field.objectName() == "export_path":
            field.setText(
                str(
                    self.folder
                    / self.random.choice(("a.png", "b.svg", "c.pdf", "d.gif", "e.webp", "f.txt", "no/x.png"))
                )
            )
        elif buttons:
            button = self.random.choice(buttons)
            self.note(f"button {_name(dialog)}: {button.text()}")
            button.click()

    def _answer_file(self, dialog: QFileDialog) -> None:
        if self.random.random() < 0.4:
            self.note("no file")
            dialog.reject()
            return
        saves = dialog.acceptMode() == QFileDialog.AcceptMode.AcceptSave
        names = ("saved.py", "saved.ipynb", "saved.gradviz", "saved", "no/such/folder.py", "<b>&.py", "x" * 300)
        name = str(self.folder / self.random.choice(names)) if saves else str(self.random.choice(self.files))
        self.note(f"file {name[-40:]}")
        field = dialog.findChild(QLineEdit)
        if field is not None:
            field.setText(name)
        dialog.accept()
        if isValid(dialog) and dialog.isVisible() and self.random.random() < 0.3:
            dialog.reject()

    # Where

    def _focus(self) -> QWidget:
        return QApplication.focusWidget() or self.window

    def _somewhere(self) -> QWidget:
        dialogs = [
            widget for widget in QApplication.topLevelWidgets() if isinstance(widget, QDialog) and widget.isVisible()
        ]
        top: QWidget = self.random.choice(dialogs) if dialogs and self.random.random() < 0.5 else self.window
        return self.random.choice(
            [part for part in (top, *top.findChildren(QWidget)) if part.isVisible()] or [self.window]
        )

    def _point(self, widget: QWidget) -> QPoint:
        return QPoint(self.random.randrange(max(widget.width(), 1)), self.random.randrange(max(widget.height(), 1)))


_MODIFIERS = (
    Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.AltModifier,
)  # fmt: skip

DEEDS: dict[Callable[[Hands], None], int] = {
    Hands.action: 20, Hands.shortcut: 8, Hands.key: 12, Hands.type: 6, Hands.click: 20, Hands.drag: 6, Hands.wheel: 6,
    Hands.menu: 5, Hands.seek: 6, Hands.select: 6, Hands.panel: 5, Hands.resize: 2, Hands.open: 4, Hands.record: 3,
    Hands.palette: 3, Hands.wait: 3, Hands.damage: 3,
}  # fmt: skip


class Actions:
    """One window for each seed, and ``IN_ONE_WINDOW`` deeds in it. ``stalls``: is one a finding?"""

    def __init__(self, *, stalls: bool = True) -> None:
        self.stage = stage()
        self._stalls = stalls
        self.uncertain: list[str] = []
        self.done = 0
        self._folder = self.stage.folder / "files"
        self._folder.mkdir(exist_ok=True)
        self._kept = self._make_files()
        nothing = (self._folder / "nothing.py", self._folder / "nothing.gradviz", self._folder)
        self.files = [*self._kept.paths, *nothing]

    def _make_files(self) -> Kept:
        for name, text in PROGRAMS.items():
            (self._folder / name).write_text(text)
        made = sound(self._folder)
        assert made
        bad = Traces()
        for number in range(6):
            bad.make(self._folder / f"bad{number}.gradviz", random.Random(number))
        bad.close()
        names = self._folder / "names.gradviz"
        rows = made[0].copy()
        for row in rows.tables["node"]:
            row[4] = random.Random(row[0]).choice([text for text in hostile.TEXTS if text.isprintable()])
        rows.write(names)
        return Kept(self._folder)

    def attack(self, seed: int, count: int) -> Finding | None:
        """``count`` deeds, in another window where one was quit; what should not be is returned."""
        choose, before = random.Random(seed), self.done
        while self.done < before + count:
            hands, wrong = self._in_one_window(choose, before + count - self.done)
            if wrong:
                return Finding(NAME, seed, "\n".join([*wrong, "after:", *hands.done[-25:]]), count)
        return None

    def _in_one_window(self, choose: random.Random, count: int) -> tuple[Hands, list[str]]:
        """No more than ``count`` deeds in a window that nobody has touched, and what went wrong."""
        stage, wrong = self.stage, list[str]()
        self._kept.put_back()
        stage.ears.taken()
        stage.watch.start()
        hands = Hands(stage.window, self.files, self._folder, choose)
        stage.window.files.open(choose.choice(self.files))
        try:
            for _ in range(count):
                if not isValid(hands.window) or not hands.window.isVisible():
                    break  # it was quit
                hands.act()
                self.done += 1
                wrong += self._wrong(hands)
                if wrong:
                    break
        except Exception as error:
            wrong.append(told(error))
        finally:
            hands.close()
            stage.watch.stop()
        return hands, [*wrong, *stage.renew(), *stage.ears.taken()]

    def _wrong(self, hands: Hands) -> list[str]:
        """What has gone wrong since this was last asked."""
        stalls = self.stage.watch.taken()
        certain = [stall for stall in stalls if stall.certain and self._stalls]
        self.uncertain += [str(stall) for stall in stalls if stall not in certain]
        wrong = [*self.stage.ears.taken(), *map(str, certain)]
        with suppress(RuntimeError):  # the window may be gone by now
            failure = hands.window.canvas.view.item.failure
            wrong += [failure] if failure else []
            session = hands.window.session
            if not 0 <= session.debugging.step <= session.debugging.last_step:
                wrong.append(f"step {session.debugging.step} of {session.debugging.last_step}")
        wrong += ["a crash box" for box in QApplication.topLevelWidgets() if box.objectName() == "crash_box"]
        return wrong


def _name(widget: QWidget) -> str:
    return widget.objectName() or type(widget).__name__
