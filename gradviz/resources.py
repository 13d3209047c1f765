"""Where the files that ship with gradviz are: themes, icons, fonts, translations, examples."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def root() -> Path:
    """The resources folder: inside the package when installed, at the top of the source tree otherwise."""
    # Not importlib.resources: fonts and traces have to be real files, and loading it delays the first window.
    package = Path(__file__).resolve().parent
    packaged = package / "resources"
    return packaged if packaged.is_dir() else package.parent / "resources"


def path(*parts: str) -> Path:
    """The path of one shipped file, ``path("themes", "dark.json")``; FileNotFoundError if there is none."""
    found = root().joinpath(*parts)
    if not found.exists():
        raise FileNotFoundError(f"gradviz is not installed completely: {found} is missing")
    return found
