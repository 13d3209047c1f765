"""The system libraries Qt needs on Linux, and the command that installs those that are missing.

The Qt that PySide6 brings links against them and leaves them to the system. They are what ``libqxcb.so``,
``libqwayland.so`` and ``libQt6Gui.so`` of PySide6 6.8 to 6.12 name (``readelf -d``, NEEDED).
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Manager:
    """A package manager: the command that installs, and its column in ``PACKAGES``."""

    column: int
    command: str


MANAGERS = {
    "apt-get": Manager(0, "apt-get install"),
    "dnf": Manager(1, "dnf install"),
    "pacman": Manager(2, "pacman -S"),
    "zypper": Manager(3, "zypper install"),
}

FAMILIES = {
    "debian": "apt-get",
    "ubuntu": "apt-get",
    "fedora": "dnf",
    "rhel": "dnf",
    "centos": "dnf",
    "arch": "pacman",
    "suse": "zypper",
    "opensuse": "zypper",
}
"""``ID`` and ``ID_LIKE`` of /etc/os-release, to the package manager of that family."""

PACKAGES: dict[str, tuple[str, str, str, str]] = {
    # library            Debian, Ubuntu        Fedora, RHEL          Arch                    openSUSE
    "libEGL.so.1": ("libegl1", "libglvnd-egl", "libglvnd", "libglvnd"),
    "libGL.so.1": ("libgl1", "libglvnd-glx", "libglvnd", "libglvnd"),
    "libX11.so.6": ("libx11-6", "libX11", "libx11", "libX11-6"),
    "libX11-xcb.so.1": ("libx11-xcb1", "libX11-xcb", "libx11", "libX11-xcb1"),
    "libdbus-1.so.3": ("libdbus-1-3", "dbus-libs", "dbus", "libdbus-1-3"),
    "libfontconfig.so.1": ("libfontconfig1", "fontconfig", "fontconfig", "libfontconfig1"),
    "libfreetype.so.6": ("libfreetype6", "freetype", "freetype2", "libfreetype6"),
    "libglib-2.0.so.0": ("libglib2.0-0", "glib2", "glib2", "libglib-2_0-0"),
    "libgthread-2.0.so.0": ("libglib2.0-0", "glib2", "glib2", "libgthread-2_0-0"),
    "libxkbcommon.so.0": ("libxkbcommon0", "libxkbcommon", "libxkbcommon", "libxkbcommon0"),
    "libz.so.1": ("zlib1g", "zlib", "zlib", "libz1"),
    "libzstd.so.1": ("libzstd1", "libzstd", "zstd", "libzstd1"),
}

X11_PACKAGES: dict[str, tuple[str, str, str, str]] = {
    "libxcb.so.1": ("libxcb1", "libxcb", "libxcb", "libxcb1"),
    "libxcb-cursor.so.0": ("libxcb-cursor0", "xcb-util-cursor", "xcb-util-cursor", "libxcb-cursor0"),
    "libxcb-icccm.so.4": ("libxcb-icccm4", "xcb-util-wm", "xcb-util-wm", "libxcb-icccm4"),
    "libxcb-image.so.0": ("libxcb-image0", "xcb-util-image", "xcb-util-image", "libxcb-image0"),
    "libxcb-keysyms.so.1": ("libxcb-keysyms1", "xcb-util-keysyms", "xcb-util-keysyms", "libxcb-keysyms1"),
    "libxcb-randr.so.0": ("libxcb-randr0", "libxcb", "libxcb", "libxcb-randr0"),
    "libxcb-render.so.0": ("libxcb-render0", "libxcb", "libxcb", "libxcb-render0"),
    "libxcb-render-util.so.0": (
        "libxcb-render-util0",
        "xcb-util-renderutil",
        "xcb-util-renderutil",
        "libxcb-render-util0",
    ),
    "libxcb-shape.so.0": ("libxcb-shape0", "libxcb", "libxcb", "libxcb-shape0"),
    "libxcb-shm.so.0": ("libxcb-shm0", "libxcb", "libxcb", "libxcb-shm0"),
    "libxcb-sync.so.1": ("libxcb-sync1", "libxcb", "libxcb", "libxcb-sync1"),
    "libxcb-util.so.1": ("libxcb-util1", "xcb-util", "xcb-util", "libxcb-util1"),
    "libxcb-xfixes.so.0": ("libxcb-xfixes0", "libxcb", "libxcb", "libxcb-xfixes0"),
    "libxcb-xkb.so.1": ("libxcb-xkb1", "libxcb", "libxcb", "libxcb-xkb1"),
    "libxkbcommon-x11.so.0": (
        "libxkbcommon-x11-0",
        "libxkbcommon-x11",
        "libxkbcommon-x11",
        "libxkbcommon-x11-0",
    ),
}

WAYLAND_PACKAGES: dict[str, tuple[str, str, str, str]] = {
    "libwayland-client.so.0": ("libwayland-client0", "libwayland-client", "wayland", "libwayland-client0"),
    "libwayland-cursor.so.0": ("libwayland-cursor0", "libwayland-cursor", "wayland", "libwayland-cursor0"),
}

_ALL = PACKAGES | X11_PACKAGES | WAYLAND_PACKAGES
_NEEDED = {"xcb": PACKAGES | X11_PACKAGES, "wayland": PACKAGES | WAYLAND_PACKAGES}


def missing_libraries(plugin: Path, platform: str) -> list[str]:
    """The libraries that keep Qt's platform plugin (``libqxcb.so`` ...) from loading, all at once.

    The loader stops at the first that is missing, so a plugin that does not load is followed by trying
    each library its platform is known to need. What the plugin's own error names comes along in any case.
    """
    problem = _load_error(str(plugin))
    if problem is None:
        return []
    found = [name for name in _NEEDED.get(platform, PACKAGES) if _load_error(name) is not None]
    named = re.match(r"([^\s:]+\.so[.\d]*): cannot open shared object file", problem)
    if named and named[1] not in found:
        found.append(named[1])
    return found or [problem]


def _load_error(library: str) -> str | None:
    try:
        ctypes.CDLL(library)
    except OSError as error:
        return str(error)
    return None


def install_command(libraries: Iterable[str]) -> str | None:
    """The command that installs the packages holding ``libraries``; None where the system is unknown."""
    manager = MANAGERS.get(package_manager() or "")
    packages = []
    for library in libraries:
        if manager is None or library not in _ALL:
            return None
        packages.append(_ALL[library][manager.column])
    return with_rights(f"{manager.command} {' '.join(dict.fromkeys(packages))}") if manager else None


def package_manager(os_release: Path = Path("/etc/os-release")) -> str | None:
    """The name of this system's package manager, from its os-release file, else from what is on the path."""
    try:
        text = os_release.read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    fields = dict(re.findall(r'^(\w+)="?([^"\n]*)', text, flags=re.MULTILINE))
    for family in [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]:
        for name, manager in FAMILIES.items():
            if family == name or family.startswith(f"{name}-"):
                return manager
    return next((name for name in MANAGERS if shutil.which(name)), None)


def with_rights(command: str) -> str:
    """``command`` as someone who is not root types it."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return command if is_root else f"sudo {command}"
