"""While a program is recorded with the built-in engine, ``import torch`` gives the engine.

Every ``torch.x.y`` is ``gradviz_engine.x.y``, the same module object, so that ``torch.nn.functional`` and
``gradviz_engine.nn.functional`` cannot drift apart.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType

NAME, ENGINE = "torch", "gradviz_engine"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds ``torch`` and what is below it among the engine's modules."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name.partition(".")[0] != NAME:
            return None
        own = ENGINE + name[len(NAME) :]
        found = importlib.util.find_spec(own) if _parent_is_package(own) else None
        if found is None:
            raise ModuleNotFoundError(
                f"No module named {name!r} in gradviz's built-in engine; record with PyTorch to use it",
                name=name,
            )
        package = found.submodule_search_locations is not None
        return importlib.machinery.ModuleSpec(name, self, origin=found.origin, is_package=package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        module = importlib.import_module(ENGINE + spec.name[len(NAME) :])
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """The module ran under its own name already; give it back its own spec."""
        spec = module.__spec__
        assert spec is not None
        module.__spec__ = spec.loader_state


def _parent_is_package(name: str) -> bool:
    parent = name.rpartition(".")[0]
    return not parent or hasattr(importlib.import_module(parent), "__path__")


@contextmanager
def engine_as_torch() -> Iterator[None]:
    """``torch`` is the engine inside the block; a PyTorch that was imported before comes back after it."""
    hidden = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_torch(name)}
    finder = _Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name in list(sys.modules):
            if _is_torch(name):
                del sys.modules[name]
        sys.modules.update(hidden)


def _is_torch(name: str) -> bool:
    return name == NAME or name.startswith(NAME + ".")
