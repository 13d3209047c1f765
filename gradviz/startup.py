"""Can a window open here? Asked before Qt is, because Qt answers by aborting the process.

Everything is found out without importing Qt, which may be what is missing. ``gradviz doctor`` shows
the same findings, and more.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import socket
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

from gradviz.libraries import install_command, missing_libraries, package_manager, with_rights

OLDEST_PYSIDE = (6, 8, 3)

FAULTY_PYSIDE = {
    (6, 9, 1): "it crashes",
    (6, 9, 2): "it crashes",
    (6, 11, 0): "it crashes",
    (6, 11, 1): "it crashes",
}

WANTED_PYSIDE = "PySide6-Essentials>=6.8.3,!=6.9.1,!=6.9.2,!=6.11.0,!=6.11.1" + (
    ",<6.12" if sys.version_info < (3, 12) else ""
)
"""The requirement in pyproject.toml."""

SCREENLESS = {"offscreen", "minimal", "minimalegl", "vnc", "linuxfb", "eglfs"}
"""Qt's platforms that need no desktop."""

_PLUGINS = {"xcb": "libqxcb.so", "wayland": "libqwayland.so", "wayland-egl": "libqwayland.so"}

_NO_WINDOW_NEEDED = "Without a window, `gradviz record`, `info`, `graph`, `events` and `export` still work."


class StartupError(Exception):
    """The window cannot open; the text says why and what mends it, and is meant to be printed as it is."""


def require_window() -> None:
    """Return if a window can open here (or Qt was told to do without a screen); else raise StartupError."""
    problem = pyside_problem()
    if problem is None and sys.platform.startswith("linux"):
        problem = _linux_problem()
    if problem is not None:
        raise StartupError(problem)


def pyside_version() -> tuple[int, ...] | None:
    """The installed PySide6's version, empty where it cannot be told; None where there is no PySide6."""
    spec = find_spec("PySide6")
    if spec is None or spec.origin is None:
        return None
    # importlib.metadata knows it too, but loading that takes longer than all else that is asked here.
    for folder in Path(spec.origin).parent.parent.glob("*.dist-info"):
        name, _, version = folder.name.removesuffix(".dist-info").partition("-")
        if name.lower() in ("pyside6_essentials", "pyside6"):
            return tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
    return ()


def pyside_problem() -> str | None:
    """What is wrong with the installed PySide6, and the command that mends it; None if it is fine."""
    version = pyside_version()
    mend = f"    {pip_install(WANTED_PYSIDE)}"
    if version is None:
        return f"PySide6, which draws the window, is not installed. Install it with\n{mend}"
    name = f"PySide6 {'.'.join(map(str, version))}"
    if version in FAULTY_PYSIDE:
        return f"{name} has a known fault: {FAULTY_PYSIDE[version]}. Replace it with\n{mend}"
    if version and version < OLDEST_PYSIDE:
        return f"{name} is too old; gradviz needs 6.8.3 or newer. Replace it with\n{mend}"
    if version >= (6, 12) and sys.version_info < (3, 12):
        return f"{name} crashes under Python 3.11 after some thousand frames. Replace it with\n{mend}"
    return None


def pip_install(*requirements: str) -> str:
    """The command that installs Python packages for the interpreter that runs this."""
    return shlex.join([sys.executable or "python3", "-m", "pip", "install", *requirements])


def platforms() -> list[str]:
    """The Qt platforms that QGuiApplication would try here, in its order."""
    chosen = os.environ.get("QT_QPA_PLATFORM", "")
    if chosen:
        return [name.split(":")[0] for name in chosen.split(";")]
    return (["wayland"] if os.environ.get("WAYLAND_DISPLAY") else []) + ["xcb"]


def _linux_problem() -> str | None:
    """None if one of Qt's platforms can work, else why the last of them cannot."""
    problem = None
    for platform in platforms():
        found = [each for each in (library_problem(platform), display_problem(platform)) if each]
        if not found:
            return None
        problem = "\n".join(found)
    return problem


def library_problem(platform: str) -> str | None:
    """Which system libraries Qt's ``platform`` lacks, and the command that installs them."""
    plugin = plugin_path(platform)
    if plugin is None:
        return None
    libraries = missing_libraries(plugin, platform)
    if not libraries:
        return None
    lines = ["Qt needs system libraries that are not installed:", f"    {', '.join(libraries)}"]
    command = install_command(libraries)
    if command:
        lines += ["Install them with", f"    {command}"]
    else:
        lines.append("Install the packages of your system that hold them.")
    return "\n".join(lines)


def plugin_path(platform: str) -> Path | None:
    """The file of one of Qt's platform plugins in the installed PySide6."""
    spec = find_spec("PySide6")
    if spec is None or spec.origin is None:
        return None
    name = _PLUGINS.get(platform, f"libq{platform}.so")
    for folder in ("Qt/plugins/platforms", "plugins/platforms"):
        plugin = Path(spec.origin).parent / folder / name
        if plugin.exists():
            return plugin
    return None


def display_problem(platform: str) -> str | None:
    """Why Qt's ``platform`` would find no display; None if it finds one or needs none."""
    if platform in SCREENLESS:
        return None
    if platform.startswith("wayland"):
        return _wayland_problem()
    if platform == "xcb":
        return _x11_problem()
    return None


def _wayland_problem() -> str | None:
    name = os.environ.get("WAYLAND_DISPLAY", "wayland-0")
    path = Path(os.environ.get("XDG_RUNTIME_DIR", ""), name)
    try:
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(2)
            connection.connect(str(path))
    except OSError as error:
        return _no_display(f"WAYLAND_DISPLAY is {name}, but nothing answers there ({error.strerror}).")
    return None


def _x11_problem() -> str | None:
    name = os.environ.get("DISPLAY")
    if not name:
        return _no_display("There is no display: neither WAYLAND_DISPLAY nor DISPLAY is set.")
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return None  # library_problem has the better answer
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    try:
        if xcb.xcb_connection_has_error(connection):
            return _no_display(f"DISPLAY is {name}, but no X server lets gradviz in there.")
    finally:
        xcb.xcb_disconnect(connection)
    return None


def _no_display(reason: str) -> str:
    virtual = {"apt-get": "xvfb", "dnf": "xorg-x11-server-Xvfb", "zypper": "xvfb-run"}
    manager = package_manager() or ""
    install = {
        "pacman": with_rights("pacman -S xorg-server-xvfb"),
        **{name: with_rights(f"{name} install {package}") for name, package in virtual.items()},
    }.get(manager)
    lines = [
        reason,
        "Start gradviz from a desktop session or over `ssh -X`, or give it a virtual screen:",
        *([f"    {install}"] if install else []),
        "    xvfb-run -a gradviz",
        _NO_WINDOW_NEEDED,
    ]
    return "\n".join(lines)
