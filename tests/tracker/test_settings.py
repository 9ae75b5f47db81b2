from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from tracker.errors import InvalidSetting
from tracker.settings import Settings, default_database_url, duration_seconds


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "tracker.toml"


def load(flags: dict[str, Any] | None = None, environ: dict[str, str] | None = None, **file: Any) -> Settings:
    return Settings.load(flags, environ or {}, **file)


def test_without_anything_the_defaults_hold() -> None:
    settings = load()
    assert settings == Settings(database_url=default_database_url())
    assert settings.port == 5100
    assert settings.keep_for_seconds == 30 * 86_400


def test_the_default_log_is_in_the_users_data_folder(tmp_path: Path) -> None:
    assert default_database_url() == f"sqlite:///{(tmp_path / 'data' / 'jobreel' / 'tracker.db').as_posix()}"


def test_flags_go_before_the_environment_and_that_before_the_file(config: Path) -> None:
    config.write_text('port = 1\nhost = "file"\nqueue_events = 7\n')
    environ = {"TRACKER_PORT": "2", "TRACKER_HOST": "environment"}
    settings = load({"port": 3, "host": None}, environ, file=config)
    assert (settings.port, settings.host, settings.queue_events) == (3, "environment", 7)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_can_be_a_flag_in_the_environment_and_in_the_file(name: str, config: Path) -> None:
    written: dict[type, tuple[Any, str]] = {str: ("x", '"x"'), bool: (True, "true")}
    value, text = written.get(type(getattr(Settings(), name)), (7, "7"))
    config.write_text(f"{name} = {text}")
    for settings in (load({name: value}), load(None, {f"TRACKER_{name.upper()}": str(value)}), load(file=config)):
        assert getattr(settings, name) == value


@pytest.mark.parametrize("text", ["", "2", "maybe", "truee"])
def test_a_switch_is_true_or_false(text: str) -> None:
    assert load({"insecure": "on"}).insecure is True
    assert load({"insecure": "No"}).insecure is False
    with pytest.raises(InvalidSetting, match="must be true or false"):
        load({"insecure": text})


def test_an_empty_variable_is_none_at_all() -> None:
    assert load(None, {"TRACKER_PORT": ""}).port == 5100


def test_the_file_is_the_one_that_the_environment_names(config: Path) -> None:
    config.write_text("port = 9")
    assert load(None, {"TRACKER_CONFIG": str(config)}).port == 9


def test_the_users_own_file_is_read_where_there_is_one(tmp_path: Path) -> None:
    assert load().port == 5100
    path = tmp_path / "config" / "jobreel" / "tracker.toml"
    path.parent.mkdir(parents=True)
    path.write_text("port = 9")
    assert load().port == 9


def test_a_file_that_was_named_must_be_there(tmp_path: Path) -> None:
    for named in (tmp_path / "missing.toml", tmp_path):
        with pytest.raises(InvalidSetting, match="cannot be read"):
            load(file=named)


@pytest.mark.parametrize("content", [b"port = ", b"= 5", b"port = 1\nport = 2", b"host = '\xff'"])
def test_a_file_that_is_no_toml_is_refused(content: bytes, config: Path) -> None:
    config.write_bytes(content)
    with pytest.raises(InvalidSetting, match="is not TOML"):
        load(file=config)


def test_the_file_is_utf_8_whatever_the_systems_encoding_is(config: Path) -> None:
    config.write_text('database_url = "sqlite:///größe.db"', encoding="utf-8")
    script = (
        "import sys, pathlib, tracker.settings as s;"
        "print(ascii(s.Settings.load({}, {}, pathlib.Path(sys.argv[1])).database_url))"
    )
    plain = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    ran = subprocess.run(
        [sys.executable, "-c", script, config], capture_output=True, text=True, env=plain, cwd=Path.cwd(), check=False
    )
    assert (ran.stdout.strip(), ran.stderr) == ("'sqlite:///gr\\xf6\\xdfe.db'", "")


def test_a_name_that_is_no_setting_is_refused_with_those_that_are(config: Path) -> None:
    config.write_text("prot = 5")
    sources: list[dict[str, Any]] = [{"flags": {"prot": 5}}, {"file": config}]
    for source in sources:
        with pytest.raises(InvalidSetting, match="database_url, host, port") as refused:
            load(**source)
        assert refused.value.setting == "prot"


def test_a_variable_of_another_name_is_not_ours() -> None:
    assert load(None, {"TRACKER_PROT": "5"}) == load()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("90m", 5400),
        ("12h", 43_200),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1.5h", 5400),
        (" 5 m ", 300),
        ("0", 0),
        ("0s", 0),
        ("2.5", 2.5),
        ("9e9", 9e9),
    ],
)
def test_a_time_is_seconds_or_a_number_with_a_unit(text: str, seconds: float) -> None:
    assert duration_seconds("keep_for_seconds", text) == seconds


@pytest.mark.parametrize(
    "text", ["", "x", "5y", "-1", "-1s", "nan", "inf", "1e400", "9000000001", "14882w", "9" * 400 + "d", "s", "1h30m"]
)
def test_any_other_time_is_refused(text: str) -> None:
    with pytest.raises(InvalidSetting, match="must be a time such as"):
        duration_seconds("keep_for_seconds", text)


def test_a_time_in_the_file_may_be_a_number_or_a_text(config: Path) -> None:
    config.write_text('keep_for_seconds = "7d"\nsend_timeout_seconds = 2.5')
    settings = load(file=config)
    assert (settings.keep_for_seconds, settings.send_timeout_seconds) == (604_800, 2.5)


@pytest.mark.parametrize(("port", "taken"), [(0, True), (65_535, True), (-1, False), (65_536, False)])
def test_a_port_is_from_0_to_65535(port: int, taken: bool) -> None:
    if taken:
        assert load({"port": port}).port == port
    else:
        with pytest.raises(InvalidSetting, match="from 0 to 65535"):
            load({"port": port})


@pytest.mark.parametrize("value", ["0", "-5", "1.5", "1_000", "x", 1.5, 0, float("inf"), float("nan"), [], 2**41])
def test_a_count_is_a_whole_number_from_1(value: Any) -> None:
    assert load({"queue_events": "1"}).queue_events == 1
    with pytest.raises(InvalidSetting, match="queue_events"):
        load({"queue_events": value})


@pytest.mark.parametrize(("name", "value"), [("port", True), ("host", 5), ("keep_for_seconds", True), ("host", [])])
def test_a_value_of_another_kind_is_refused(name: str, value: Any) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load({name: value})
    assert refused.value.setting == name


@pytest.mark.parametrize("text", ["0", "0s", "0.001"])
def test_an_interval_leaves_time_for_other_things(text: str) -> None:
    with pytest.raises(InvalidSetting, match=r"must be 0\.01 seconds or more"):
        Settings.load({"prune_interval_seconds": text}, {})
    assert Settings.load({"keep_for_seconds": text}, {}).keep_for_seconds < 1
