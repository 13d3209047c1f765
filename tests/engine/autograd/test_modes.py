"""Grad modes, inference mode and anomaly detection."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import pytest

import gradviz_engine as torch
from gradviz_engine.autograd import anomaly


def test_no_grad_as_block_decorator_and_generator() -> None:
    x = torch.ones(2, requires_grad=True)
    with torch.no_grad():
        assert not (x * 2).requires_grad

    @torch.no_grad()
    def doubled() -> Any:
        return x * 2

    @torch.no_grad()
    def stream() -> Any:
        yield x * 2

    assert not doubled().requires_grad
    for value in stream():
        assert not value.requires_grad
        assert torch.is_grad_enabled()


def test_set_grad_enabled_acts_at_once_and_ends_with_its_block() -> None:
    torch.set_grad_enabled(False)
    try:
        assert not torch.is_grad_enabled()
        with torch.enable_grad():
            assert torch.is_grad_enabled()
    finally:
        torch.set_grad_enabled(True)
    with torch.set_grad_enabled(False):
        assert not torch.is_grad_enabled()
    assert torch.is_grad_enabled()


def test_modes_come_back_after_an_exception() -> None:
    with pytest.raises(ValueError, match="x"), torch.no_grad():
        raise ValueError("x")
    assert torch.is_grad_enabled()


def test_each_thread_has_its_own_mode_and_numbers() -> None:
    seen: list[Any] = []
    x = torch.ones(2, requires_grad=True)

    def work() -> None:
        seen.extend([torch.is_grad_enabled(), (x * 1).grad_fn._sequence_nr()])

    with torch.no_grad():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [True, 0]


def test_inference_tensors_stay_out_of_graphs() -> None:
    x = torch.ones(3, requires_grad=True)
    with torch.inference_mode():
        t = torch.ones(3) * 1
    assert t.is_inference()
    with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
        t * x
    with pytest.raises(RuntimeError, match="Inplace update to inference tensor outside InferenceMode"):
        t.add_(1)
    with pytest.raises(RuntimeError, match="Inference tensors do not track version counter"):
        _ = t._version


def test_anomaly_detection_names_the_operation_and_its_place() -> None:
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        detecting = torch.autograd.detect_anomaly()
    with detecting:
        x = torch.tensor([0.0], requires_grad=True)
        loss = (x.sqrt() * 0).sum()
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            with pytest.raises(RuntimeError, match=r"Function 'SqrtBackward0' returned nan values in its 0th output\."):
                loss.backward()
    assert "Error detected in SqrtBackward0. Traceback of forward call" in str(warned[0].message)
    assert "x.sqrt() * 0" in str(warned[0].message)
    assert not anomaly.is_enabled()


def test_nan_passes_where_it_is_not_looked_for() -> None:
    with torch.autograd.set_detect_anomaly(True, check_nan=False):
        x = torch.tensor([0.0], requires_grad=True)
        (x.sqrt() * 0).sum().backward()
    assert x.grad.isnan().all()
