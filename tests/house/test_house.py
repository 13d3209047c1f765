"""Facts about the project as it is installed: walls between packages, resources, the command."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from gradviz import resources
from gradviz.doctor import PACKAGES

SOURCE = Path(__file__).parents[2]

QT = {"PySide6", "shiboken6", "pyqtgraph", "qtawesome", "superqt"}


def imported_by(code: str) -> set[str]:
    """The modules that are loaded after running ``code`` in a fresh interpreter."""
    ask = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules(package: Path, name: str) -> list[str]:
    """The dotted names of all modules of a package."""
    found = []
    for file in sorted(package.rglob("*.py")):
        parts = [name, *file.relative_to(package).with_suffix("").parts]
        found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    # The modules named after PyTorch import it at their top, and are loaded only when PyTorch records.
    return [module for module in found if not module.endswith("__main__") and ".pytorch_" not in module]


def import_all(package: Path, name: str) -> str:
    """Code that imports every module of a package."""
    return "\n".join(f"import {module}" for module in modules(package, name))


def test_all_of_gradviz_loads_without_qt_and_without_pytorch() -> None:
    loaded = imported_by(import_all(SOURCE / "gradviz", "gradviz"))
    assert not loaded & (QT | {"torch", "gradviz_ui"})


def test_the_engine_needs_numpy_and_nothing_else() -> None:
    loaded = imported_by(import_all(SOURCE / "engine" / "gradviz_engine", "gradviz_engine"))
    packages = {"gradviz", "gradviz_ui", "torch", "networkx", "PIL", "pygments", "platformdirs", "scipy"}
    assert not loaded & (packages | QT)


def test_the_window_never_loads_the_engine_or_pytorch() -> None:
    loaded = imported_by(import_all(SOURCE / "ui" / "gradviz_ui", "gradviz_ui"))
    assert not loaded & {"gradviz_engine", "torch"}


def test_the_window_stands_before_what_is_not_on_it_is_loaded() -> None:
    loaded = imported_by(
        "import sys\nsys.argv = ['gradviz']\nfrom gradviz import cli\n"
        "from gradviz_ui import app\napp._stay = lambda application, window: window.session.close()\ncli.main([])"
    )
    assert "gradviz_ui.window.main_window" in loaded
    later = {"gradviz.recording.client", "gradviz_ui.export.dialog", "gradviz_ui.inspector.enlarged"}
    later |= {"gradviz_ui.window.settings_dialog", "gradviz_ui.window.keys_dialog"}
    later |= {"PIL", "networkx", "pyqtgraph", "importlib.metadata", "subprocess"}
    assert not loaded & later


@pytest.mark.parametrize("command", [["record"], ["info"], ["graph"], ["events"], ["export"], ["doctor"], []])
def test_every_command_has_its_help(command: list[str]) -> None:
    arguments = [sys.executable, "-m", "gradviz", *command, "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "usage: gradviz" in done.stdout


def third_party_imports() -> set[str]:
    """The top-level modules that the packages import and that are neither Python's nor ours."""
    found: set[str] = set()
    for folder in ("gradviz", "engine/gradviz_engine", "ui/gradviz_ui"):
        for file in (SOURCE / folder).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    found |= {alias.name.split(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    found.add(node.module.split(".")[0])
    return found - sys.stdlib_module_names - {"gradviz", "gradviz_engine", "gradviz_ui"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    requirements = metadata.requires("gradviz") or []
    declared = {re.split(r"[<>=!;\[ ]", line)[0].lower() for line in requirements if "extra ==" not in line}
    modules = {"PIL": "pillow", "PySide6": "pyside6-essentials", "shiboken6": "pyside6-essentials"}
    imported = {modules.get(name, name).lower() for name in third_party_imports()}
    optional = {"torch", "pygraphviz", "scipy"}
    assert imported - optional == declared
    assert {name.lower() for name in PACKAGES} == declared - {"pyside6-essentials"}


def test_the_command_is_installed_and_starts_at_the_command_line() -> None:
    (entry,) = metadata.entry_points(group="console_scripts", name="gradviz")
    assert callable(entry.load())


def test_the_command_tells_the_version_of_the_package() -> None:
    done = subprocess.run([sys.executable, "-m", "gradviz", "--version"], capture_output=True, text=True)
    assert done.stdout == f"gradviz {metadata.version('gradviz')}\n"


@pytest.mark.parametrize(
    "name",
    [
        ("examples", "autograd_basics.ipynb"),
        ("examples", "autograd_basics.zh.ipynb"),
        ("examples", "autograd_basics.py"),
        ("examples", "autograd_basics.gradviz"),
        ("themes", "dark.json"),
        ("themes", "light.json"),
        ("icons", "app.svg"),
    ],
    ids="/".join,
)
def test_resources_are_found(name: tuple[str, ...]) -> None:
    assert resources.path(*name).stat().st_size > 0


def test_a_missing_resource_says_that_the_installation_is_broken() -> None:
    with pytest.raises(FileNotFoundError, match="not installed completely"):
        resources.path("themes", "none.json")


def test_bundled_fonts_come_with_their_licences() -> None:
    fonts = [*(SOURCE / "resources" / "fonts").glob("*.ttf"), *(SOURCE / "resources" / "fonts").glob("*.otf")]
    assert fonts
    assert [file for file in (SOURCE / "resources" / "fonts").iterdir() if "LICENSE" in file.name.upper()]
