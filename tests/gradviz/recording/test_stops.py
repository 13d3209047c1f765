"""A breakpoint on a line without code goes to the next line that can stop."""

from __future__ import annotations

import pytest

from gradviz.recording.program import Program
from gradviz.recording.stops import next_stop
from gradviz.trace.model import Cell

TEXT = '''\
# a comment

import torch

def f(x):
    """Words

    and more words."""
    # why
    return x * 2

y = f(
    torch.ones(2),

)
try:
    y.sum()
finally:
    pass
# the end
'''


@pytest.mark.parametrize(
    ("line", "stop"),
    [(1, 3), (2, 3), (3, 3), (4, 5), (5, 5), (7, 10), (9, 10), (10, 10), (11, 12), (14, 16), (20, None), (99, None)],
)
def test_the_next_line_that_holds_code(line: int, stop: int | None) -> None:
    assert next_stop(Program(TEXT, "p.py"), line) == stop


def test_what_does_not_compile_yet_is_judged_by_its_look() -> None:
    program = Program("x = (\n\n# why\ny = 2\n", "p.py")
    assert [next_stop(program, line) for line in (1, 2, 4, 5)] == [1, 4, 4, None]


def test_magics_do_not_stop() -> None:
    program = Program(
        "%time\nx = 1\n\n!ls\n\ny = 2\n", "n.ipynb", (Cell("In [1]", 1), Cell("In [2]", 4), Cell("In [3]", 6))
    )
    assert [next_stop(program, line) for line in (1, 3, 4, 6)] == [2, 6, 6, 6]


def test_a_look_at_code_warns_of_nothing(recwarn: pytest.WarningsRecorder) -> None:
    assert next_stop(Program("x = '\\d'\n", "p.py"), 1) == 1
    assert not list(recwarn)
