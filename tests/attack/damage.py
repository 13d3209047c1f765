"""What happens to files behind the window's back, one function each; ``DAMAGES`` is the table of them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path


def delete(path: Path, choose: random.Random) -> None:
    """It is gone."""
    path.unlink(missing_ok=True)


def empty(path: Path, choose: random.Random) -> None:
    """Nothing is in it any more."""
    path.write_bytes(b"")


def cut(path: Path, choose: random.Random) -> None:
    """Its end is missing."""
    os.truncate(path, choose.randrange(path.stat().st_size + 1))


def garble(path: Path, choose: random.Random) -> None:
    """Other bytes stand in the midst of it."""
    with path.open("r+b") as file:
        file.seek(choose.randrange(path.stat().st_size + 1))
        file.write(choose.randbytes(choose.choice((1, 100, 5000))))


def replace(path: Path, choose: random.Random) -> None:
    """Another file of the folder has its name."""
    others = sorted(other for other in path.parent.iterdir() if other.is_file())
    beside = path.with_name("replacement.tmp")
    beside.write_bytes(choose.choice(others).read_bytes() if others else b"")
    beside.replace(path)


DAMAGES: tuple[Callable[[Path, random.Random], None], ...] = (delete, empty, cut, garble, replace)


def damage(path: Path, choose: random.Random) -> str:
    """Do one of these to a file, if it is there; the name of what was done is returned."""
    deed = choose.choice(DAMAGES)
    with suppress(OSError):
        deed(path, choose)
    return deed.__name__


class Kept:
    """The files of a folder, to be put back as they were."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files = {path: path.read_bytes() for path in _files(folder)}

    @property
    def paths(self) -> list[Path]:
        """The files, in order."""
        return list(self._files)

    def put_back(self) -> None:
        """Undo what was done to them, and remove what came along."""
        for path in _files(self._folder):
            if path not in self._files:
                path.unlink()
        for path, content in self._files.items():
            if not path.is_file() or path.read_bytes() != content:
                path.write_bytes(content)


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())
