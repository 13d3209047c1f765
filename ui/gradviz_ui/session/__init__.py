"""What the window shows and what runs: the session, and the parts that it is made of."""

from gradviz_ui.session.session import NOTHING, Selection, Session

__all__ = ["NOTHING", "Selection", "Session"]
