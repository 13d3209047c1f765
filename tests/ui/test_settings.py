"""What is remembered between runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QByteArray, QSettings
from PySide6.QtWidgets import QApplication

from gradviz import resources
from gradviz_ui import app
from gradviz_ui.settings import RECENT_LIMIT, Setting, Settings, all_settings


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


@pytest.mark.parametrize("setting", list(all_settings()), ids=lambda setting: setting.key)
@pytest.mark.parametrize("nonsense", [3.5, [1, 2], {"a": 1}, "", "purple", "-", "99999999", "\N{SUPERSCRIPT TWO}"])
def test_nonsense_reads_as_the_default(store: QSettings, setting: Setting[Any], nonsense: object) -> None:
    store.setValue(setting.key, nonsense)
    assert getattr(again(store), setting.key) == setting.default


@pytest.mark.parametrize("setting", list(all_settings()), ids=lambda setting: setting.key)
def test_every_value_that_can_be_chosen_is_there_in_the_next_run(store: QSettings, setting: Setting[Any]) -> None:
    settings = Settings(store)
    for value in [*setting.choices, setting.default]:
        setattr(settings, setting.key, value)
        assert getattr(again(store), setting.key) == value
    assert again(store).recordings_folder.is_absolute()
    with pytest.raises(ValueError, match=setting.key):
        setattr(settings, setting.key, "nonsense")


def test_a_damaged_file_reads_as_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "s.ini"
    file.write_bytes(b"\xff\xfe[[[\x00theme=\xc3(\n=%\n@Invalid()")
    settings = Settings(QSettings(str(file), QSettings.Format.IniFormat))
    assert {setting.key: getattr(settings, setting.key) for setting in all_settings()} == {
        setting.key: setting.default for setting in all_settings()
    }
    assert settings.arrangement is None
    assert settings.recent_files == []


def test_a_change_is_told_once_and_only_if_it_is_one(store: QSettings) -> None:
    settings, told = Settings(store), []
    settings.changed.connect(told.append)
    settings.decimals = 2
    settings.decimals = 4
    settings.decimals = 4
    settings.theme = "light"
    settings.reset()
    assert told == ["decimals", "theme", "theme", "decimals"]


def test_reset_keeps_recent_files_and_forgets_the_arrangement_only_on_demand(store: QSettings, tmp_path: Path) -> None:
    settings = Settings(store)
    settings.text_scale, settings.arrangement = 150, (QByteArray(b"g"), QByteArray(b"s"))
    settings.add_recent_file(tmp_path / "a.py")
    settings.reset()
    assert (settings.text_scale, len(settings.recent_files)) == (100, 1)
    assert settings.arrangement is not None
    settings.forget_arrangement()
    assert again(store).arrangement is None


def test_motion_is_reduced_where_the_person_says_so(store: QSettings, qapp: QApplication) -> None:
    settings = Settings(store)
    assert not settings.reduced_motion  # this system animates
    settings.motion = "reduced"
    assert settings.reduced_motion
    settings.motion = "full"
    assert not settings.reduced_motion


def test_what_is_shown_at_the_start(store: QSettings, tmp_path: Path) -> None:
    settings = Settings(store)
    assert app.first_file(settings) == resources.path(*app.EXAMPLE)
    settings.start = "empty"
    assert app.first_file(settings) is None
    settings.start = "last"
    assert app.first_file(settings) == resources.path(*app.EXAMPLE)
    there, gone = tmp_path / "there.py", tmp_path / "gone.py"
    there.write_text("")
    settings.add_recent_file(there)
    settings.add_recent_file(gone)
    assert app.first_file(settings) == there


def test_reset_on_the_command_line_says_what_it_did(store: QSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(store)
    settings.text_scale, settings.language = 150, "zh_CN"
    settings.arrangement = QByteArray(b"g"), QByteArray(b"s")
    monkeypatch.setattr(app, "Settings", lambda: Settings(store))
    assert "put back language, text_scale" in app.reset()
    assert "no setting had been changed" in app.reset()
    assert again(store).arrangement is None


def test_what_the_command_line_says_holds_until_the_person_chooses_and_is_not_kept(store: QSettings) -> None:
    settings = Settings(store)
    settings.theme = "light"
    settings.use_for_this_run("theme", "dark")
    told: list[str] = []
    settings.changed.connect(told.append)
    assert (settings.theme, again(store).theme) == ("dark", "light")
    settings.theme = "light"
    assert (settings.theme, again(store).theme, told) == ("light", "light", ["theme"])
