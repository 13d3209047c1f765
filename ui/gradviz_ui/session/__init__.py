"""What the window shows and what runs: the session, the debugging that its panels look at, and their parts."""

from gradviz_ui.session.debugging import NOTHING, Debugging, Selection
from gradviz_ui.session.session import Session

__all__ = ["NOTHING", "Debugging", "Selection", "Session"]
