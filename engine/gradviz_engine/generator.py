"""The random number generator: the 32-bit Mersenne Twister, as PyTorch's CPU generator uses it.

Source: aten/src/ATen/CPUGeneratorImpl.cpp and ATen/core/MT19937RNGEngine.h of PyTorch 2.13. numpy's bit generator
has the same recurrence; only seeding and the layout of the saved state are PyTorch's own.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from gradviz_engine.device import CPU, check_device, device

if TYPE_CHECKING:
    from gradviz_engine.tensor import Tensor

Array = np.ndarray[Any, Any]

DEFAULT_SEED = 67280421310721
_WORDS = 624
# seed, left, seeded, next, state, cached double normal (x, y, rho, valid), cached float normal (value, valid).
_LAYOUT = struct.Struct(f"<QiiQ{_WORDS}QdddixxxxfBxxx")


class Generator:
    """``torch.Generator``: the state of a stream of random numbers."""

    __module__ = "torch"

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self._bits = np.random.MT19937(0)
        self._seed = 0
        self._untouched = True
        self.cached_normal: float | None = None
        self.manual_seed(DEFAULT_SEED)

    @property
    def device(self) -> device:
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of ``seed``; negative seeds count back from 2**64. ValueError beyond 64 bits."""
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError("Overflow when unpacking long long")
        self._seed = seed % 2**64
        key = np.empty(_WORDS, np.uint32)
        word = self._seed & 0xFFFFFFFF
        for index in range(_WORDS):
            key[index] = word
            word = (1812433253 * (word ^ (word >> 30)) + index + 1) & 0xFFFFFFFF
        self._set_words(key, _WORDS)
        self._untouched = True
        self.cached_normal = None
        return self

    def seed(self) -> int:
        """Start a stream nobody can predict, and return its seed."""
        seed = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        return self._seed

    def _set_words(self, key: Array, position: int) -> None:
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}

    # Drawing

    def words(self, count: int) -> Array:
        """``count`` numbers of 32 random bits, as uint64."""
        if count:
            self._untouched = False
        return self._bits.random_raw(count)

    def double_words(self, count: int) -> Array:
        """``count`` numbers of 64 random bits, of two draws each, the first the upper half."""
        words = self.words(2 * count)
        return (words[0::2] << np.uint64(32)) | words[1::2]

    # State

    def get_state(self) -> Tensor:
        """The whole state as 5,056 bytes, laid out as PyTorch lays it out."""
        from gradviz_engine.tensor import wrap

        state = self._bits.state["state"]
        position = int(state["pos"])
        next_ = 0 if self._untouched else position
        cached = self.cached_normal
        packed = _LAYOUT.pack(
            self._seed, _WORDS + 1 - position, 1, next_, *map(int, state["key"]),
            0.0, 0.0 if cached is None else cached, 0.0, cached is not None, 0.0, 0,
        )  # fmt: skip
        return wrap(np.frombuffer(packed, np.uint8).copy())

    def set_state(self, new_state: Tensor) -> Generator:
        """Go on from a state that ``get_state`` gave; RuntimeError for anything else."""
        data = np.ascontiguousarray(new_state._data)
        if data.dtype != np.uint8:
            raise TypeError("RNG state must be a torch.ByteTensor")
        if data.size != _LAYOUT.size:
            raise RuntimeError("Expected either a CPUGeneratorImplStateLegacy of size 5048 or a CPUGeneratorImplState "
                               f"of size 5056 but found the input RNG state size to be {data.size}")  # fmt: skip
        seed, left, seeded, next_, *rest = _LAYOUT.unpack(data.tobytes())
        words, (_, cached, _, valid, _, _) = rest[:_WORDS], rest[_WORDS:]
        if not (seeded == 1 and 0 < left <= _WORDS and next_ <= _WORDS):
            raise RuntimeError("Invalid mt19937 state")
        self._seed = seed
        self._set_words(np.array(words, np.uint32), _WORDS + 1 - left)
        self._untouched = next_ == 0
        self.cached_normal = cached if valid else None
        return self

    def clone_state(self) -> Generator:
        return Generator().set_state(self.get_state())


default_generator = Generator()
