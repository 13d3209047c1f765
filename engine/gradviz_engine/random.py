"""``torch.random``: the seed and the state of the default generator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gradviz_engine.generator import Generator, default_generator
from gradviz_engine.tensor import Tensor


def manual_seed(seed: int) -> Generator:
    """Start the default generator's stream of ``seed``."""
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start a stream nobody can predict, and return its seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed the default generator started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The default generator's state, a uint8 tensor."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Go on from a state that ``get_rng_state`` gave."""
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True, **others: Any) -> Iterator[None]:
    """Put the default generator's state back at the end of the block."""
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
