"""Files are written whole or not at all, and opened only where reading comes to an end."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gradviz import files

posix = pytest.mark.skipif(os.name != "posix", reason="pipes and limits as POSIX has them")


def test_writing_makes_a_file_and_replaces_it(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    files.write(path, b"one")
    files.write(path, b"two")
    assert path.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_half_way_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_bytes(b"old")

    def fail_half_way() -> None:
        with files.replacing(path) as temporary:
            temporary.write_bytes(b"ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    """A limit on the size of files stands for the full disk: the write stops half way with an OSError."""
    path = tmp_path / "program.py"
    path.write_bytes(b"x" * 200_000)
    script = (
        "import resource, signal, sys; from gradviz import files\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))\n"
        "try: files.write(sys.argv[1], b'y' * 200_000)\n"
        "except OSError as error: print(error.strerror)\n"
    )
    told = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "File too large"
    assert path.read_bytes() == b"x" * 200_000
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_permissions_and_links_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "program.py", tmp_path / "link.py"
    path.write_bytes(b"old")
    path.chmod(0o750)
    link.symlink_to(path)
    files.write(link, b"new")
    assert link.is_symlink()
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o750


@posix
def test_a_new_file_has_the_permissions_that_the_system_gives(tmp_path: Path) -> None:
    plain, ours = tmp_path / "plain", tmp_path / "ours"
    plain.write_bytes(b"")
    files.write(ours, b"")
    assert ours.stat().st_mode == plain.stat().st_mode


@posix
def test_pipes_devices_and_folders_are_neither_read_nor_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path, reason in ((pipe, "not a regular file"), (Path("/dev/zero"), "not a regular file"), (tmp_path, "folder")):
        with pytest.raises(OSError, match=reason):
            files.read(path, 1 << 20)
    with pytest.raises(OSError, match="not a regular file"):
        files.write(pipe, b"")
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_file_beyond_the_limit_is_refused_with_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "large.py"
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(OSError, match="larger than 1 MiB"):
        files.read(path, 1 << 20)
    path.write_bytes(b"#" * (1 << 20))
    assert len(files.read(path, 1 << 20)) == 1 << 20


@posix
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_write_protected_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "program.py"
    path.write_bytes(b"old")
    path.chmod(0o444)
    with pytest.raises(PermissionError, match="write-protected"):
        files.write(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
