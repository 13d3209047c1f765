"""``gradviz doctor``: what works on this machine, and how to mend what does not.

A check looks at one thing and returns a ``Finding``; ``CHECKS`` is the list that is run and printed.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TextIO

from gradviz import resources, startup
from gradviz.libraries import package_manager, with_rights
from gradviz.plain import harmless


class Grade(Enum):
    """How a check came out, with the sign it is printed with."""

    OK = "✓"
    OPTIONAL = "–"
    """Not there, and gradviz does without it."""
    WARNING = "!"
    FAULT = "✗"
    """Something gradviz needs is missing or broken."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; ``mend`` says in words or as a command what to do about it."""

    title: str
    grade: Grade
    text: str
    mend: str | None = None


def run(out: TextIO | None = None) -> int:
    """Run all checks and print them as they end. 0 if nothing gradviz needs is broken, else 1."""
    out = out or sys.stdout
    faults = 0
    for finding in findings():
        print(_rendered(finding, out.encoding or "ascii"), file=out, flush=True)
        faults += finding.grade is Grade.FAULT
    print(f"\n{faults} of these must be mended." if faults else "\nAll that gradviz needs is here.", file=out)
    return 1 if faults else 0


def findings() -> Iterator[Finding]:
    """The findings of all checks, each as soon as it is known."""
    for check in CHECKS:
        yield from check()


def _rendered(finding: Finding, encoding: str) -> str:
    lines = [f"{finding.grade.value} {finding.title}: {finding.text}"]
    if finding.mend:
        lines += [f"    {line.strip()}" for line in finding.mend.splitlines()]
    # A terminal in the C locale has no check marks; what matters is that the text gets through.
    text = "\n".join(map(harmless, lines))
    plain = str.maketrans({"✓": "ok  ", "–": "-   ", "✗": "FAIL"})
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(plain).encode(encoding, "replace").decode(encoding)
    return text


def check_python() -> Iterator[Finding]:
    """Python itself: PySide6 exists for 64 bits only."""
    text = f"{platform.python_version()} ({platform.machine()}) at {sys.executable}"
    if sys.maxsize < 2**32:
        yield Finding("Python", Grade.FAULT, f"{text}, 32 bits", "PySide6 needs a 64-bit Python")
    else:
        yield Finding("Python", Grade.OK, text)


PACKAGES = ("numpy", "networkx", "pyqtgraph", "Pillow")
"""The dependencies in pyproject.toml, but for PySide6, which has a check of its own."""


def check_packages() -> Iterator[Finding]:
    """The Python packages gradviz is built on."""
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        mend = startup.pip_install(*missing)
        yield Finding("Packages", Grade.FAULT, f"missing: {', '.join(missing)}", mend)
    else:
        yield Finding("Packages", Grade.OK, ", ".join(found))


def check_pyside() -> Iterator[Finding]:
    """PySide6: there, new enough, and none of the versions known to crash."""
    problem = startup.pyside_problem()
    if problem is None:
        version = ".".join(map(str, startup.pyside_version() or ()))
        yield Finding("PySide6", Grade.OK, version)
    else:
        yield _from_problem("PySide6", problem)


def check_resources() -> Iterator[Finding]:
    """The themes, fonts and examples that ship with gradviz."""
    expected = ("themes", "fonts", "icons", "examples")
    missing = [name for name in expected if not (resources.root() / name).is_dir()]
    if missing:
        text = f"{', '.join(missing)} missing in {resources.root()}"
        yield Finding("Resources", Grade.FAULT, text, "Install gradviz again")
    else:
        yield Finding("Resources", Grade.OK, str(resources.root()))


def check_libraries() -> Iterator[Finding]:
    """The system libraries of the Qt platforms that would be used here, and of offscreen export."""
    if not sys.platform.startswith("linux") or startup.pyside_version() is None:
        return
    for name in dict.fromkeys([*startup.platforms(), "offscreen"]):
        problem = startup.library_problem(name)
        title = f"Libraries for Qt's {name} platform"
        yield _from_problem(title, problem) if problem else Finding(title, Grade.OK, "all found")


def check_display() -> Iterator[Finding]:
    """A desktop to open the window on."""
    if not sys.platform.startswith("linux"):
        yield Finding("Display", Grade.OK, f"the desktop of {platform.system()}")
        return
    problems = []
    for name in startup.platforms():
        problem = startup.display_problem(name)
        if problem is None:
            setting = {"xcb": "DISPLAY", "wayland": "WAYLAND_DISPLAY"}.get(name, "QT_QPA_PLATFORM")
            yield Finding("Display", Grade.OK, f"{name} ({setting}={os.environ.get(setting, '')})")
            return
        problems.append(problem)
    yield _from_problem("Display", problems[-1])


def check_window() -> Iterator[Finding]:
    """Qt itself, started in a process of its own: fonts, settings, OpenGL."""
    try:
        startup.require_window()
    except startup.StartupError:
        yield Finding("Qt", Grade.FAULT, "cannot start, see above")
        return
    answer = _probe()
    if isinstance(answer, str):
        yield Finding("Qt", Grade.FAULT, f"did not start: {answer}")
        return
    width, height, ratio = answer["screen"]
    yield Finding("Qt", Grade.OK, f"{answer['qt']} on {answer['platform']}, {width} x {height} at {ratio:g}")
    yield from _fonts(answer)
    folder = Path(answer["settings"]).parent
    if answer["settings_writable"]:
        yield Finding("Settings", Grade.OK, answer["settings"])
    else:
        yield Finding(
            "Settings",
            Grade.WARNING,
            f"{answer['settings']} cannot be written; the window forgets its arrangement",
            f"Give yourself write access to {folder}",
        )
    if answer["opengl"]:
        yield Finding("OpenGL", Grade.OK, f"{answer['opengl']} (not needed: the canvas is painted without)")
    else:
        yield Finding("OpenGL", Grade.OPTIONAL, "none; the canvas is painted without")


def _probe() -> dict[str, Any] | str:
    """What ``gradviz_ui.probe`` reports, or the last thing it said before it died."""
    command = [sys.executable, "-m", "gradviz_ui.probe"]
    try:
        process = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        return "no answer within a minute"
    if process.returncode:
        lines = [line for line in process.stderr.splitlines() if line.strip()]
        return lines[-1] if lines else f"it ended with code {process.returncode}"
    answer: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return answer


def _fonts(answer: dict[str, Any]) -> Iterator[Finding]:
    if not answer["fonts"]:
        mend = _install("fonts-dejavu-core", "dejavu-sans-fonts", "ttf-dejavu", "dejavu-fonts")
        yield Finding("Fonts", Grade.WARNING, "the system has none; gradviz uses its own", mend)
    elif not answer["chinese"]:
        mend = _install("fonts-noto-cjk", "google-noto-sans-cjk-fonts", "noto-fonts-cjk", "google-noto-sans-cjk-fonts")
        yield Finding("Fonts", Grade.OPTIONAL, f"{answer['fonts']} families, none with Chinese", mend)
    else:
        yield Finding("Fonts", Grade.OK, f"{answer['fonts']} families, Chinese among them")


def _install(apt: str, dnf: str, pacman: str, zypper: str) -> str | None:
    commands = {
        "apt-get": f"apt-get install {apt}",
        "dnf": f"dnf install {dnf}",
        "pacman": f"pacman -S {pacman}",
        "zypper": f"zypper install {zypper}",
    }
    command = commands.get(package_manager() or "")
    return with_rights(command) if command else None


OLDEST_TORCH = (2, 4)


def check_torch() -> Iterator[Finding]:
    """PyTorch, to record with it instead of the built-in engine."""
    mend = startup.pip_install("torch>=2.4")
    if find_spec("torch") is None:
        yield Finding("PyTorch", Grade.OPTIONAL, "not installed; the built-in engine records", mend)
        return
    version = metadata.version("torch")
    if tuple(int(part) for part in version.split("+")[0].split(".")[:2]) < OLDEST_TORCH:
        yield Finding("PyTorch", Grade.WARNING, f"{version}; recording needs 2.4", mend)
    else:
        yield Finding("PyTorch", Grade.OK, version)


def check_graphviz() -> Iterator[Finding]:
    """Graphviz's dot, one more layout in the menu."""
    if find_spec("pygraphviz") is None:
        text = "not installed; all layouts but dot are there"
        yield Finding("pygraphviz", Grade.OPTIONAL, text, startup.pip_install("pygraphviz>=1.14"))
    elif shutil.which("dot") is None:
        text = "installed, but Graphviz's dot is not on the path"
        mend = _install("graphviz", "graphviz", "graphviz", "graphviz")
        yield Finding("pygraphviz", Grade.WARNING, text, mend)
    else:
        yield Finding("pygraphviz", Grade.OK, metadata.version("pygraphviz"))


def _from_problem(title: str, problem: str) -> Finding:
    """A text of ``startup``: its first line says what is wrong, the rest how to mend it."""
    first, _, rest = problem.partition("\n")
    return Finding(title, Grade.FAULT, first, rest or None)


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_python,
    check_packages,
    check_pyside,
    check_resources,
    check_libraries,
    check_display,
    check_window,
    check_torch,
    check_graphviz,
)
