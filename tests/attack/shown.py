"""A trace in the real window: opened, stepped through, selected in, exported."""

from __future__ import annotations

import random
import xml.etree.ElementTree as ET
from functools import cache
from pathlib import Path

from PySide6.QtWidgets import QApplication, QMessageBox

from gradviz.replay.moves import Move
from gradviz_ui.export.options import ExportError
from gradviz_ui.export.picture import image, svg
from gradviz_ui.inspector.enlarged import TensorWindow
from gradviz_ui.session import Selection
from tests.attack.window import Stage, close_dialogs

STEPS = 12


class ShownWrong(Exception):
    """What was heard or seen while the window showed a trace."""


@cache
def stage() -> Stage:
    """The one stage of this process."""
    return Stage()


class Showing:
    """Shows one trace after the other in a window."""

    def __init__(self) -> None:
        self.stage = stage()
        self.uncertain = 0

    def show(self, path: Path, choose: random.Random) -> None:
        """Show the trace and act on it; ``ShownWrong`` if anything went wrong."""
        stage, window = self.stage, self.stage.window
        stage.ears.taken()
        stage.watch.start()
        window.session.open(path, choose.randrange(40))
        if not stage.wait(lambda: not window.session.loading and not window.canvas.job.busy):
            raise ShownWrong("opening it took more than a minute")
        for _ in range(STEPS):
            self._act(choose)
            QApplication.processEvents()
        stage.watch.stop()
        self._export(choose)  # which the window does on another thread
        close_dialogs()
        stalls = stage.watch.taken()
        self.uncertain += sum(not stall.certain for stall in stalls)
        wrong = [*stage.ears.taken(), *(str(stall) for stall in stalls if stall.certain)]
        if window.canvas.view.item.failure:
            wrong.append(window.canvas.view.item.failure)
        wrong += [f"{box.text()} {box.informativeText()}" for box in window.findChildren(QMessageBox)]
        window.session.new_program()
        if wrong:
            raise ShownWrong("\n".join(wrong))

    def _act(self, choose: random.Random) -> None:
        window = self.stage.window
        session, trace = window.session, window.session.debugging.trace
        if trace is None:
            return
        match choose.randrange(7):
            case 0:
                session.debugging.seek(choose.randrange(-1, session.debugging.last_step + 2))
            case 1:
                session.debugging.move(choose.choice(list(Move)))
            case 2:
                node = choose.randrange(len(trace.nodes)) if trace.nodes else None
                session.debugging.select(Selection(node=node), reveal=True)
            case 3:
                edge = choose.randrange(len(trace.edges)) if trace.edges else None
                session.debugging.select(Selection(edge=edge), reveal=True)
            case 4:
                choose.choice(list(window.docks.values())).reveal()
            case 5:
                session.debugging.set_view(choose.choice(("backward", "forward", "both")))
                self.stage.wait(lambda: not window.canvas.job.busy)
            case _:
                if trace.tensor_count:
                    TensorWindow(trace, choose.randrange(trace.tensor_count), window).show()

    def _export(self, choose: random.Random) -> None:
        frame = self.stage.window.canvas.frame
        if frame is None or len(frame.scene.boxes) > 400:
            return
        try:
            if choose.random() < 0.5:
                ET.fromstring(svg(frame, "light"))
            else:
                image(frame, "dark", 0.5)
        except ExportError:
            return


@cache
def shown_window() -> Showing:
    """The one showing of this process."""
    return Showing()
