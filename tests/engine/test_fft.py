"""Fourier transforms against numpy's, for every kind, size and normalization."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradviz_engine as torch

SIGNAL = np.random.default_rng(0).normal(size=(4, 6))
SPECTRUM = SIGNAL + 1j * np.random.default_rng(1).normal(size=(4, 6))


@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
@pytest.mark.parametrize("n", [None, 3, 9])
@pytest.mark.parametrize("kind", ["fft", "ifft", "rfft", "irfft", "hfft", "ihfft"])
def test_one_dimension(kind: str, n: int | None, norm: str | None) -> None:
    data = SIGNAL if kind in ("fft", "rfft", "ihfft") else SPECTRUM
    found = getattr(torch.fft, kind)(torch.tensor(data), n, 1, norm)
    np.testing.assert_allclose(found.numpy(), getattr(np.fft, kind)(data, n, 1, norm), atol=1e-12)


@pytest.mark.parametrize("norm", [None, "ortho", "forward"])
@pytest.mark.parametrize("kind", ["fft2", "ifft2", "rfft2", "irfft2", "fftn", "ifftn", "rfftn", "irfftn"])
def test_several_dimensions(kind: str, norm: str | None) -> None:
    data = SIGNAL if kind in ("rfft2", "rfftn") else SPECTRUM
    found = getattr(torch.fft, kind)(torch.tensor(data), (3, 8), (0, 1), norm)
    np.testing.assert_allclose(found.numpy(), getattr(np.fft, kind)(data, (3, 8), (0, 1), norm), atol=1e-12)


def test_hermitian_transforms_undo_each_other() -> None:
    x = torch.tensor(SIGNAL)
    assert np.allclose(torch.fft.hfft2(torch.fft.ihfft2(x), (4, 6)).numpy(), SIGNAL)


def test_shifts_and_frequencies_are_numpys() -> None:
    x = torch.tensor(SIGNAL)
    assert torch.fft.fftshift(x).tolist() == np.fft.fftshift(SIGNAL).tolist()
    assert torch.fft.ifftshift(x, 1).tolist() == np.fft.ifftshift(SIGNAL, 1).tolist()
    assert np.allclose(torch.fft.fftfreq(5, 0.1).numpy(), np.fft.fftfreq(5, 0.1))
    assert np.allclose(torch.fft.rfftfreq(6).numpy(), np.fft.rfftfreq(6))


def test_single_precision_stays_single() -> None:
    assert torch.fft.fft(torch.ones(4)).dtype is torch.complex64


def test_energy_is_kept_and_so_is_its_gradient() -> None:
    """Parseval: the sum of squares is that of the orthonormal transform, so its gradient is 2 x."""
    x = torch.tensor(SIGNAL, requires_grad=True)
    spectrum = torch.fft.fft2(x, norm="ortho")
    torch.view_as_real(spectrum).pow(2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * SIGNAL, atol=1e-12)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (lambda x: torch.fft.fft(x, 0), "Invalid number of data points (0) specified"),
        (lambda x: torch.fft.fft(x, norm="half"), 'Invalid normalization mode: "half"'),
        (lambda x: torch.fft.rfft(x * 1j), "rfft expects a real input tensor, but got ComplexDouble"),
    ],
)
def test_impossible_transforms_are_refused(run: Any, message: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        run(torch.tensor(SIGNAL))
    assert str(caught.value) == message
