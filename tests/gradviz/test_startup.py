"""What stands in the window's way, found in processes where it really does stand in the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gradviz import startup
from gradviz.libraries import PACKAGES, WAYLAND_PACKAGES, X11_PACKAGES, install_command, package_manager

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux leaves libraries to us")

ASK = """
from gradviz.startup import StartupError, require_window
try:
    require_window()
except StartupError as error:
    print(error)
else:
    print("a window can open")
"""


def ask(code: str = ASK, **environment: str) -> str:
    """What a fresh process answers whose environment has only what is given, and the way to Python."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept | environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@linux
def test_offscreen_needs_no_display() -> None:
    assert ask(QT_QPA_PLATFORM="offscreen") == "a window can open\n"


@linux
def test_without_a_display_it_says_so_and_what_to_do() -> None:
    text = ask()
    assert "neither WAYLAND_DISPLAY nor DISPLAY is set" in text
    assert "xvfb-run -a gradviz" in text


@linux
def test_a_display_that_nobody_serves_is_named() -> None:
    assert "DISPLAY is :4242, but no X server lets gradviz in there" in ask(DISPLAY=":4242")


@linux
def test_a_wayland_socket_that_nobody_serves_does_not_hide_a_missing_display(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as deserted:
        deserted.bind(str(tmp_path / "wayland-7"))
    text = ask(WAYLAND_DISPLAY="wayland-7", XDG_RUNTIME_DIR=str(tmp_path))
    assert "There is no display" in text or "nothing answers there" in text


@linux
def test_a_library_that_does_not_load_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    # The loader meets this file before the system's library, and cannot use it.
    (tmp_path / "libEGL.so.1").write_bytes(b"")
    text = ask(QT_QPA_PLATFORM="offscreen", LD_LIBRARY_PATH=str(tmp_path))
    assert "Qt needs system libraries that are not installed:\n    libEGL.so.1\n" in text
    expected = install_command(["libEGL.so.1"]) or "Install the packages of your system"
    assert expected in text


@linux
def test_qt_does_abort_where_the_display_is_said_to_be_missing() -> None:
    """Why all this is asked before Qt is: it does not raise."""
    code = "from PySide6.QtGui import QGuiApplication; QGuiApplication([])"
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run([sys.executable, "-c", code], env=kept, capture_output=True, timeout=60)
    assert done.returncode < 0


def test_a_missing_pyside_is_named() -> None:
    hidden = "import sys, importlib.machinery as m\n" + (
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] == 'PySide6': raise ModuleNotFoundError(name=name)\n"
        "real = m.PathFinder.find_spec\n"
        "m.PathFinder.find_spec = lambda name, *rest: None if name == 'PySide6' else real(name, *rest)\n"
    )
    text = ask(hidden + ASK)
    assert text.startswith("PySide6, which draws the window, is not installed. Install it with\n")
    assert "-m pip install 'PySide6-Essentials>=" in text


@pytest.mark.parametrize(
    ("version", "word"),
    [("6.11.1", "known fault"), ("6.5.0", "too old"), ("6.12.0", "after some thousand frames")],
)
def test_a_faulty_pyside_is_told_from_its_version(tmp_path: Path, version: str, word: str) -> None:
    if version == "6.12.0" and sys.version_info >= (3, 12):
        pytest.skip("that fault is in Python 3.11 only")
    # Another installation, found first: what pip would have left of that version.
    (tmp_path / "PySide6").mkdir()
    (tmp_path / "PySide6" / "__init__.py").write_text("")
    folder = tmp_path / f"pyside6_essentials-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: PySide6-Essentials\nVersion: {version}\n")
    text = ask(PYTHONPATH=str(tmp_path))
    assert text.startswith(f"PySide6 {version} ")
    assert word in text


def test_the_pyside_it_asks_for_is_the_one_the_package_depends_on() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8")
    name, _, versions = startup.WANTED_PYSIDE.partition(">=")
    marker = "<" if sys.version_info < (3, 12) else ">="
    assert f"\"{name}>={versions}; python_version {marker} '3.12'\"" in text


@pytest.mark.parametrize(
    ("release", "manager"),
    [
        ("ID=debian\n", "apt-get"),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', "apt-get"),
        ("ID=fedora\n", "dnf"),
        ('ID="rocky"\nID_LIKE="rhel centos fedora"\n', "dnf"),
        ("ID=manjaro\nID_LIKE=arch\n", "pacman"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', "zypper"),
    ],
)
def test_the_package_manager_follows_from_os_release(tmp_path: Path, release: str, manager: str) -> None:
    file = tmp_path / "os-release"
    file.write_text(f'NAME="Some Linux"\n{release}VERSION_ID="1"\n')
    assert package_manager(file) == manager


def test_every_library_has_a_package_in_every_family() -> None:
    for names in (PACKAGES | X11_PACKAGES | WAYLAND_PACKAGES).values():
        assert len(names) == 4
        assert all(names)


@linux
def test_a_library_nobody_knows_gets_no_command() -> None:
    assert install_command(["libnobody.so.9"]) is None
