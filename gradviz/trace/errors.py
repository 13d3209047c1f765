"""The one exception that reading or writing a trace raises."""

from __future__ import annotations


class TraceError(Exception):
    """A trace cannot be read or written; the message is one line that says why."""
