"""Start gradviz as its command does, with the arguments given, and close the window once it shows a graph.

Exit code 0 if the graph was painted and the program then ended as it should; used by ``.ci/run``.
"""

from __future__ import annotations

import sys
import time

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

from gradviz import cli
from gradviz_ui import app
from gradviz_ui.canvas.item import GraphItem
from gradviz_ui.window.main_window import MainWindow

PATIENCE = 60
painted: list[float] = []


def main() -> int:
    """Run the command line with a watch on the canvas."""
    begin = time.monotonic()
    paint = GraphItem.paint

    def watched(item: GraphItem, *arguments: object) -> None:
        paint(item, *arguments)  # type: ignore[arg-type]
        if item.painter is not None:
            painted.append(time.monotonic() - begin)

    GraphItem.paint = watched  # type: ignore[method-assign,assignment]
    stay = app._stay

    def stay_until_painted(application: QApplication, window: MainWindow) -> int:
        timer = QTimer(window)

        def look() -> None:
            if painted or time.monotonic() - begin > PATIENCE:
                window.close()

        timer.timeout.connect(look)
        timer.start(100)
        return stay(application, window)

    app._stay = stay_until_painted
    code = cli.main(sys.argv[1:])
    if not painted:
        print(f"no graph was painted within {PATIENCE} s", file=sys.stderr)
        return 1
    print(f"graph painted after {painted[0]:.2f} s; closed with exit code {code}")
    return int(code or 0)


if __name__ == "__main__":
    sys.exit(main())
