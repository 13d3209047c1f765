"""Attack: traces with damaged bytes, and traces whose rows lie under digests that fit."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.attack.found import Finding, Hang, at_most, told
from tests.attack.mutate import mutate
from tests.attack.sound import sound
from tests.attack.use import use

NAME = "traces"
BYTES = 0.15
"""The share of traces whose bytes are damaged; the rows of the others are changed and signed anew."""
SHOWN = 0.05
"""The share of traces that the window shows, too."""


class Traces:
    """Makes and uses one bad trace for each seed."""

    def __init__(self, keep: Path | None = None) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="gradviz-attack-")
        self.folder = Path(self._folder.name)
        self._sound = sound(self.folder)
        self._keep = keep
        if keep is not None:
            keep.mkdir(parents=True, exist_ok=True)
        self.opened = self.shown = 0

    def attack(self, seed: int, shown: float = SHOWN) -> Finding | None:
        """Make the trace of this seed and do what can be done with it; what should not be is returned."""
        choose = random.Random(seed)
        path = self.folder / "attacked.gradviz"
        done = self.make(path, choose)
        try:
            with at_most():
                if use(path, choose):
                    self.opened += 1
                    if choose.random() < shown:
                        self._show(path, choose)
                return None
        except (Exception, Hang) as error:
            if self._keep is not None:
                path.replace(self._keep / f"{NAME}-{seed}.gradviz")
            return Finding(NAME, seed, f"mutations: {', '.join(done)}\n{told(error)}")
        finally:
            for file in self.folder.glob("attacked.gradviz*"):
                file.unlink()

    def _show(self, path: Path, choose: random.Random) -> None:
        from tests.attack.shown import shown_window  # the window is loaded only where it is attacked

        self.shown += 1
        shown_window().show(path, choose)

    def make(self, path: Path, choose: random.Random) -> list[str]:
        """Write a bad trace; what was done to it is returned."""
        rows = choose.choice(self._sound).copy()
        done = [] if choose.random() < BYTES else mutate(rows, choose)
        rows.write(path)
        if not done or choose.random() < 0.02:
            done += _damage(path, choose)
        return done

    def close(self) -> None:
        """Remove what was made."""
        self._folder.cleanup()


def _damage(path: Path, choose: random.Random) -> Iterator[str]:
    data = bytearray(path.read_bytes())
    for _ in range(choose.choice((1, 1, 2, 5, 40))):
        start = choose.randrange(len(data))
        match choose.randrange(4):
            case 0:
                data[start] ^= 1 << choose.randrange(8)
            case 1:
                data[start : start + choose.randrange(1, 60)] = choose.randbytes(choose.randrange(1, 60))
            case 2:
                data[start : start + 4096] = bytes(len(data[start : start + 4096]))
            case _:
                at = choose.randrange(0, 200)
                data[at] = choose.randrange(256)
        yield "bytes"
    if choose.random() < 0.3:
        del data[choose.randrange(len(data)) :]
        yield "cut"
    path.write_bytes(data)
    if choose.random() < 0.1:
        path.with_name(path.name + "-wal").write_bytes(choose.randbytes(choose.randrange(5000)))
        yield "stale wal"
