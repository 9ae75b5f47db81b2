from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.group import tracker
from api.cli.options import database_url, log_path, server_url
from tracker.errors import InvalidSetting

from .conftest import Run


def _where(*args: str) -> str:
    """Which log a command speaks of."""
    return CliRunner().invoke(tracker, list(args)).stderr.removeprefix("Error: There is no log at ").split(" yet")[0]


def test_a_path_is_the_sqlite_file_there(tmp_path: Path) -> None:
    assert database_url("log.db") == f"sqlite:///{(tmp_path / 'log.db').as_posix()}"
    assert database_url("sqlite:///log.db") == "sqlite:///log.db"
    assert log_path("sqlite:///log.db") == str(tmp_path / "log.db")


@pytest.mark.parametrize("name", ["a b.db", "100%25.db", "what?.db", "no#1.db", "Größe.db", "a+b.db"])
def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    assert CliRunner().invoke(tracker, ["migrate", "--database", name]).exit_code == 0
    assert (tmp_path / name).is_file()
    assert log_path(database_url(name)) == str(tmp_path / name)


@pytest.mark.parametrize("named", ["", "  ", "~nobody-of-this-name/log.db"])
def test_a_database_that_names_nothing_is_refused(named: str) -> None:
    with pytest.raises(InvalidSetting, match=r"^database: "):
        database_url(named)


def test_flags_go_before_the_environment_before_the_file_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "tracker.toml"
    config.write_text('database_url = "sqlite:///file.db"')
    assert _where("status") == str(tmp_path / "data" / "jobreel" / "tracker.db")
    assert _where("--config", str(config), "status") == str(tmp_path / "file.db")
    monkeypatch.setenv("TRACKER_DATABASE_URL", "sqlite:///environment.db")
    assert _where("--config", str(config), "status") == str(tmp_path / "environment.db")
    assert _where("--database", "group.db", "status") == str(tmp_path / "group.db")
    assert _where("--database", "group.db", "status", "--database", "own.db") == str(tmp_path / "own.db")


@pytest.mark.parametrize("content", ["port = ", "prot = 5100", "port = 'x'", "keep_for_seconds = 'soon'"])
def test_a_configuration_that_cannot_be_used_is_one_line(tmp_path: Path, run: Run, content: str) -> None:
    (tmp_path / "bad.toml").write_text(content)
    result = run("--config", "bad.toml", "status")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_a_configuration_that_is_not_there_is_an_error(run: Run) -> None:
    assert "Error: config: cannot be read: No such file" in run("--config", "none.toml", "status").stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:5100"),
        ("0.0.0.0", "http://127.0.0.1:5100"),
        ("", "http://127.0.0.1:5100"),
        ("::1", "http://[::1]:5100"),
        ("photos.local", "http://photos.local:5100"),
    ],
)
def test_the_server_is_named_as_a_client_here_reaches_it(host: str, url: str) -> None:
    assert server_url(host, 5100) == url
