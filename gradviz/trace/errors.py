"""The one exception that reading or writing a trace raises."""

from __future__ import annotations

from gradviz.plain import harmless


class TraceError(Exception):
    """A trace cannot be read or written; the message is one line that says why, and can be shown as it is."""

    def __init__(self, message: str) -> None:
        super().__init__(harmless(message))
