"""What programs ask of the machine, and names of early PyTorch."""

from __future__ import annotations

import pytest

import gradviz_engine as torch
from gradviz.recording.alias import engine_as_torch


def test_programs_that_ask_for_an_accelerator_run_on_the_cpu() -> None:
    with engine_as_torch():
        program = """
import torch
import torch.backends.cudnn as cudnn
cudnn.benchmark = True
device = torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
x = torch.ones(2, device=device).to(device)
device = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else "cpu"
"""
        names: dict[str, object] = {}
        exec(program, names)
    assert str(names["device"]) == "cpu"


def test_other_names_of_cuda_say_where_they_are() -> None:
    with pytest.raises(AttributeError, match=r"torch.cuda.Stream is not in the built-in engine; record with PyTorch"):
        _ = torch.cuda.Stream


def test_limits_of_dtypes() -> None:
    assert torch.finfo(torch.float32).eps == 2**-23
    assert torch.finfo().max > 1e38
    assert torch.iinfo(torch.int8).min == -128
    with pytest.raises(TypeError, match="requires a floating point input type"):
        torch.finfo(torch.int64)


def test_promotion_can_be_asked_for() -> None:
    assert torch.promote_types(torch.int64, torch.float16) is torch.float16
    assert torch.result_type(torch.ones(2, dtype=torch.int32), 1.5) is torch.float32
    assert torch.can_cast(torch.int64, torch.float32)
    assert not torch.can_cast(torch.float32, torch.int64)


def test_early_constructors() -> None:
    assert torch.FloatTensor([1, 2]).dtype is torch.float32
    assert torch.LongTensor([[1], [2]]).shape == (2, 1)
    assert torch.is_tensor(torch.IntTensor(2, 3))
    assert torch.numel(torch.IntTensor(2, 3)) == 6
