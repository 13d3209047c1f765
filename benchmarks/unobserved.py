"""The engine with every question for an observer cut out of its source: the baseline of the overhead figure."""

from __future__ import annotations

import ast
import importlib.abc
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

QUESTIONS = ("observer.current is not None", "watcher is not None")


class _Cut(ast.NodeTransformer):
    """``if observer.current is not None: ...`` disappears; its ``else`` stays."""

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        test = ast.unparse(node.test)
        return node.orelse or ast.Pass() if any(test.startswith(q) for q in QUESTIONS) else node


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads ``gradviz_engine`` modules from their source, cut."""

    def __init__(self, package: Path) -> None:
        self.package = package

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
        if name.split(".")[0] != "gradviz_engine":
            return None
        place = self.package.parent / Path(*name.split("."))
        file = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        folders = [str(place)] if place.is_dir() else None
        return importlib.util.spec_from_file_location(name, file, loader=self, submodule_search_locations=folders)

    def create_module(self, spec: Any) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        assert module.__file__ is not None
        tree = _Cut().visit(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))
        exec(compile(ast.fix_missing_locations(tree), module.__file__, "exec"), module.__dict__)


def install() -> None:
    """From now on this process imports the engine without its questions; it must not be imported yet."""
    assert "gradviz_engine" not in sys.modules
    spec = importlib.util.find_spec("gradviz_engine")
    assert spec is not None
    assert spec.origin is not None
    sys.meta_path.insert(0, _Finder(Path(spec.origin).parent))
