"""What the built-in engine does not have says so at its name."""

from __future__ import annotations


class NotInEngine(AttributeError):
    """A name PyTorch has and the built-in engine has not."""


def missing_name(where: str, name: str) -> AttributeError:
    """The error for ``where.name``; dunder names stay plain AttributeErrors, since Python itself asks for them."""
    if name.startswith("__"):
        return AttributeError(f"module '{where}' has no attribute '{name}'")
    return NotInEngine(
        f"{where}.{name} is not in the built-in engine; record with PyTorch (--backend pytorch) to use it"
    )
