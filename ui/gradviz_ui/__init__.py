"""The desktop application. It sees traces, never the engine that made them."""

# PySide6 reads the source of every module that is imported after it, to see whether it wants Qt's features
# under Python's names. So all that is not Qt's goes first: it brings the first window forward noticeably.
import gradviz.projection.frame
import gradviz.projection.picking
import gradviz.replay.explain
import gradviz.replay.timeline
import gradviz.trace.reader  # noqa: F401
