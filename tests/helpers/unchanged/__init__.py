"""Programs that are run twice, plain and recorded: nothing a person could see may differ in one bit."""

from __future__ import annotations

from dataclasses import dataclass

from unchanged import autograd, beyond, compiled, training

PRELUDE = """\
import torch
from torch import nn
import torch.nn.functional as F
torch.manual_seed(0)
"""


@dataclass(frozen=True)
class Row:
    """One program.

    ``engine``: the built-in engine can run it, too. ``told``: how the warnings of its trace begin. ``compiler``:
    it finds PyTorch's compiler loaded.
    """

    name: str
    text: str
    engine: bool = False
    told: tuple[str, ...] = ()
    compiler: bool = False


def _rows() -> list[Row]:
    rows = [
        Row(
            name,
            PRELUDE + text,
            engine=name not in table.PYTORCH_ONLY,
            told=table.TOLD.get(name, ()),
            compiler=table is compiled and name not in compiled.LOADS_THE_COMPILER,
        )
        for table in (training, autograd, beyond, compiled)
        for name, text in table.PROGRAMS.items()
    ]
    assert len({row.name for row in rows}) == len(rows)
    return rows


ROWS = {row.name: row for row in _rows()}
