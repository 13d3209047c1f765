"""What is remembered between runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QByteArray, QSettings

from gradviz_ui.settings import RECENT_LIMIT, Settings


@pytest.fixture
def store(tmp_path: Path) -> QSettings:
    """A file of settings."""
    return QSettings(str(tmp_path / "s.ini"), QSettings.Format.IniFormat)


def again(store: QSettings) -> Settings:
    """What another run would read."""
    store.sync()
    return Settings(QSettings(store.fileName(), QSettings.Format.IniFormat))


def test_settings_begin_with_defaults(store: QSettings) -> None:
    settings = Settings(store)
    assert (settings.theme, settings.language, settings.backend) == ("system", "system", "numpy")
    assert settings.recent_files == []
    assert settings.arrangement is None
    assert not settings.menu_bar


def test_settings_are_there_in_the_next_run(store: QSettings) -> None:
    settings = Settings(store)
    settings.theme, settings.language, settings.backend, settings.menu_bar = "light", "zh_CN", "pytorch", True
    settings.arrangement = QByteArray(b"geometry"), QByteArray(b"state")
    read = again(store)
    assert (read.theme, read.language, read.backend, read.menu_bar) == ("light", "zh_CN", "pytorch", True)
    assert read.arrangement == (QByteArray(b"geometry"), QByteArray(b"state"))


@pytest.mark.parametrize("count", [1, 2, 15])
def test_recent_files_are_the_last_ones_once_each(store: QSettings, tmp_path: Path, count: int) -> None:
    settings = Settings(store)
    paths = [tmp_path / f"{number}.py" for number in range(count)]
    for path in (*paths, paths[0]):
        settings.add_recent_file(path)
    expected = [paths[0], *reversed(paths[1:])][:RECENT_LIMIT]
    assert again(store).recent_files == expected
    settings.forget_recent_file(paths[0])
    assert again(store).recent_files == expected[1:]
    settings.clear_recent_files()
    assert again(store).recent_files == []


@pytest.mark.parametrize("nonsense", [3, [1, 2], {"a": 1}, "", "purple"])
def test_nonsense_reads_as_the_default(store: QSettings, nonsense: object) -> None:
    for key in ("theme", "arrangement/version", "arrangement/state", "menu_bar"):
        store.setValue(key, nonsense)
    settings = Settings(store)
    assert settings.theme == "system"
    assert settings.arrangement is None
    assert not settings.menu_bar
