"""``token create``, ``token list``, ``token revoke`` and ``audit``."""

from __future__ import annotations

import getpass
import json
import re
import sqlite3
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from tracker import tokens
from tracker.progress_reporter import ProgressReporter

from .conftest import Run, Start


def _create(run: Run, *options: str, name: str = "desk", scope: str = "read") -> str:
    created = run("token", "create", "--name", name, "--scope", scope, *options)
    assert created.exit_code == 0, created.stderr
    return created.stdout.strip()


def _listed(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("token", "list", "--json").stdout)["tokens"]
    return found


def _trail(run: Run) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run("audit", "--json").stdout)["entries"]
    return found


def _day(iso: str) -> str:
    """Here, as people are shown it."""
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d}"


@pytest.mark.parametrize("command", [["token"], ["token", "create"], ["token", "list"], ["token", "revoke"], ["audit"]])
def test_every_command_has_help(run: Run, command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: tracker {' '.join(command)}")


def test_help_names_the_scopes_there_are(run: Run) -> None:
    shown = run("token", "create", "--help").stdout
    assert all(scope in shown for scope in tokens.SCOPES)


def test_create_prints_the_token_alone_and_the_rest_for_people_elsewhere(run: Run) -> None:
    created = run("token", "create", "--name", "desk", "--scope", "read,report")
    assert created.exit_code == 0
    text = created.stdout.removesuffix("\n")
    token_id, secret = tokens.read(text)
    first, may, how = created.stderr.splitlines()
    assert first == f"This is the token 'desk' (id {token_id}). It is shown only now, and kept nowhere."
    assert may == "It may read and report, for every job, until it is revoked."
    assert "`Authorization: Bearer TOKEN`" in how
    assert "TRACKER_TOKEN" in how
    assert secret not in created.stderr


def test_what_it_may_do_is_said_in_full(run: Run) -> None:
    options = ("--expires", "90d", "--job-prefix", "a_", "--job-prefix", "b_")
    said = run("token", "create", "--name", "desk", "--scope", "report", *options).stderr
    (listed,) = _listed(run)
    assert f"It may report, for jobs whose id begins with a_ or b_, until {_day(listed['expires_at'])} " in said
    lasts = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(listed["created_at"])
    assert lasts == timedelta(days=90)
    assert "It may do everything," in run("token", "create", "--name", "root", "--scope", "admin").stderr


def test_a_shell_gets_the_token(log: Path) -> None:
    command = [sys.executable, "-m", "tracker", "--database", str(log), "token", "create", "--name", "a", "--scope"]
    done = subprocess.run([*command, "read"], capture_output=True, text=True, check=True)
    assert tokens.read(done.stdout.removesuffix("\n"))
    assert done.stdout.count("\n") == 1


def test_create_for_programs(run: Run) -> None:
    options = ("--scope", "report", "--scope", "read", "--expires", "1h", "--job-prefix", "a_", "--json")
    created = run("token", "create", "--name", "desk", *options)
    body = json.loads(created.stdout)
    assert created.stderr == ""
    assert tokens.read(body["token"])[0] == body["token_id"]
    expected = {"success": True, "name": "desk", "scopes": ["read", "report"], "job_prefixes": ["a_"], "good": True}
    assert expected.items() <= body.items()
    lasts = datetime.fromisoformat(body["expires_at"]) - datetime.fromisoformat(body["created_at"])
    assert lasts == timedelta(hours=1)
    assert body["revoked_at"] is None


def test_no_command_shows_a_secret_again(run: Run, log: Path) -> None:
    text = _create(run)
    _, secret = tokens.read(text)
    commands = (
        ["token", "list"],
        ["token", "list", "--json"],
        ["audit"],
        ["audit", "--json"],
        ["token", "revoke", text],
    )
    for command in commands:
        result = run(*command)
        assert result.exit_code == 0
        assert "desk" in result.output  # it speaks of this token
        assert secret not in result.output
        assert tokens.hash_secret(secret) not in result.output
    assert tokens.hash_secret(secret).encode() in log.read_bytes()
    assert secret.encode() not in log.read_bytes()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (["--scope", "write"], "scope: must be one or more of read, report, admin (got 'write')"),
        (["--scope", "read,,report"], "scope: must be one or more of read, report, admin"),
        (["--scope", ""], "scope: must be one or more of read, report, admin"),
        (["--scope", "read", "--expires", "soon"], "expires: must be a time such as 30s, 90m, 12h, 7d, 2w, or seconds"),
        (["--scope", "read", "--expires", "0"], "expires: must be in the future"),
        (["--scope", "read", "--expires", "-1d"], "expires: must be a time such as"),
        (["--scope", "read", "--expires", "999999w"], "expires: must be a time such as"),
        (["--scope", "read", "--job-prefix", ""], "job_prefix: must have 1 to 200 characters"),
        (["--scope", "read", "--name", ""], "name: must have 1 to 200 characters"),
        (["--scope", "read", "--name", "x" * 201], "name: must have 1 to 200 characters"),
        (["--scope", "read", "--name", "a\tb"], "name: must have only printable characters"),
    ],
)
def test_what_makes_no_token_is_one_line_and_makes_none(run: Run, options: list[str], problem: str) -> None:
    refused = run("token", "create", "--name", "desk", *options)
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert refused.stderr.startswith(f"Error: {problem}")
    assert refused.stderr.count("\n") == 1
    body = json.loads(run("token", "create", "--name", "desk", *options, "--json").stdout)
    assert body["success"] is False
    assert body["code"].startswith("invalid_")
    assert _listed(run) == []


@pytest.mark.parametrize("options", [["--name", "desk"], ["--scope", "read"]])
def test_a_name_and_a_scope_are_needed(run: Run, options: list[str]) -> None:
    result = run("token", "create", *options)
    assert result.exit_code == 2
    assert "Missing option" in result.stderr


def test_a_name_is_used_once_until_its_token_is_revoked(run: Run) -> None:
    _create(run)
    again = run("token", "create", "--name", "desk", "--scope", "read")
    assert (again.exit_code, again.stdout) == (1, "")
    assert again.stderr == ("Error: There is a token 'desk' already. Revoke it first, or choose another name.\n")
    assert run("token", "revoke", "desk").exit_code == 0
    _create(run)
    assert [one["good"] for one in _listed(run)] == [False, True]


@pytest.mark.parametrize("by", ["name", "token_id", "token"])
def test_a_token_is_revoked_by_its_name_its_id_or_itself(run: Run, by: str) -> None:
    text = _create(run)
    (listed,) = _listed(run)
    revoked = run("token", "revoke", {**listed, "token": text}[by])
    assert revoked.exit_code == 0
    assert revoked.stdout.splitlines()[0] == f"Revoked the token 'desk' (id {listed['token_id']})."
    (listed,) = _listed(run)
    assert (listed["good"], listed["revoked_at"] is not None) == (False, True)


def test_revoke_for_programs(run: Run) -> None:
    _create(run)
    body = json.loads(run("token", "revoke", "desk", "--json").stdout)
    assert (body["success"], body["name"], body["good"]) == (True, "desk", False)
    missing = json.loads(run("token", "revoke", "desk", "--json").stdout)
    assert (missing["success"], missing["code"]) == (False, "token_not_found")


def test_what_no_token_is_called_is_one_line_that_does_not_repeat_it(run: Run) -> None:
    text = _create(run)
    for named in ("nobody", text[:-1]):
        missing = run("token", "revoke", named)
        assert (missing.exit_code, missing.stdout) == (1, "")
        assert "tracker token list" in missing.stderr
        assert missing.stderr.count("\n") == 1
        assert named not in missing.stderr
    assert [one["good"] for one in _listed(run)] == [True]


def test_list_is_a_table_of_what_they_may_do_and_what_became_of_them(run: Run, log: Path) -> None:
    _create(run, "--job-prefix", "a_", "--job-prefix", "b_", name="desk", scope="read,report")
    _create(run, "--expires", "30d", name="wall")
    _create(run, "--expires", "30d", name="guest")
    _create(run, name="gone", scope="admin")
    run("token", "revoke", "gone")
    # By now it has expired.
    connection = sqlite3.connect(log)
    connection.execute("UPDATE tokens SET expires_at = created_at WHERE name = 'guest'")
    connection.commit()
    connection.close()
    heading, *lines, counts = run("token", "list").stdout.splitlines()
    assert re.split(r"\s{2,}", heading.strip()) == ["Name", "Id", "Scopes", "Jobs", "Created", "State"]
    listed = {one["name"]: one for one in _listed(run)}
    cells = {line.split()[0]: re.split(r"\s{2,}", line.strip())[2:] for line in lines}
    assert cells["desk"] == ["read report", "a_… b_…", _day(listed["desk"]["created_at"]), "never expires"]
    assert cells["wall"][:2] == ["read", "all"]
    assert cells["wall"][3].startswith(f"expires {_day(listed['wall']['expires_at'])} ")
    assert cells["guest"][3].startswith(f"expired {_day(listed['guest']['expires_at'])} ")
    assert cells["gone"][0] == "admin"
    assert cells["gone"][3].startswith(f"revoked {_day(listed['gone']['revoked_at'])} ")
    assert counts == "4 tokens: 2 good"
    assert all(f" {listed[line.split()[0]]['token_id']} " in line for line in lines)


def test_a_long_name_is_folded_and_not_cut(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "".join(chr(ord("A") + number % 26) for number in range(200))
    _create(run, name=name)
    monkeypatch.setenv("COLUMNS", "80")
    lines = run("token", "list").stdout.splitlines()
    assert all(cell_len(line) <= 80 for line in lines)
    assert "".join(line.split()[0] for line in lines[1:-1] if line[:1].strip()) == name


def test_lists_without_entries_say_so(run: Run, log: Path) -> None:
    for command, said in ((["token", "list"], "No tokens in "), (["audit"], "Nothing in the audit trail of ")):
        result = run(*command)
        assert result.exit_code == 0
        assert result.stdout.startswith(f"{said}{log} yet")
    assert _listed(run) == _trail(run) == []


def test_audit_says_who_did_what_and_when(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    _create(run, "--expires", "1d", "--job-prefix", "a_", scope="read,report")
    run("token", "revoke", "desk")
    (listed,) = _listed(run)
    created, revoked = _trail(run)
    who = getpass.getuser()
    assert (created["number"], created["action"], created["actor"], created["subject"]) == (
        1,
        "token_created",
        who,
        "desk",
    )
    assert created["at"] == listed["created_at"]
    assert created["details"] == {name: listed[name] for name in ("token_id", "scopes", "job_prefixes", "expires_at")}
    assert (revoked["action"], revoked["actor"], revoked["at"]) == ("token_revoked", who, listed["revoked_at"])
    heading, first, second = run("audit").stdout.splitlines()
    assert heading.split() == ["When", "Who", "What", "To", "Details"]
    assert re.split(r"\s{2,}", second.strip())[1:] == [who, "token revoked", "desk", f"token id {listed['token_id']}"]
    assert first.startswith(_day(created["at"]))
    assert "scopes read report, job prefixes a_, expires at " in first


def test_audit_shows_the_newest_and_says_that_there_are_more(run: Run) -> None:
    for number in range(3):
        _create(run, name=str(number))
    *_, first, second, more = run("audit", "--limit", "2").stdout.splitlines()
    assert [line.split()[5] for line in (first, second)] == ["1", "2"]
    assert more == "There are older ones: --limit N."
    body = json.loads(run("audit", "--limit", "2", "--json").stdout)
    assert ([entry["subject"] for entry in body["entries"]], body["more"]) == (["1", "2"], True)
    assert "more" not in json.loads(run("audit", "--limit", "3", "--json").stdout)
    assert "older" not in run("audit", "--limit", "3").stdout


@pytest.mark.parametrize("limit", ["0", "1001", "x"])
def test_a_limit_outside_its_range_is_a_usage_error(run: Run, limit: str) -> None:
    assert run("audit", "--limit", limit).exit_code == 2


def test_they_make_the_log_where_there_is_none(run: Run, log: Path) -> None:
    assert not log.exists()
    _create(run)
    assert log.is_file()
    assert run("status").exit_code == 0


def test_a_file_that_is_no_log_is_one_line(run: Run, log: Path) -> None:
    log.write_text("x" * 5000)
    for command in (["token", "create", "--name", "a", "--scope", "read"], ["token", "list"], ["audit"]):
        result = run(*command)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "not a SQLite database" in result.stderr
        assert result.stderr.count("\n") == 1


def test_they_work_while_a_server_owns_the_log(start: Start, run: Run) -> None:
    serving = start("serve", "--port", "0")
    serving.line("Serving on ")
    assert run("prune").exit_code == 1  # control: it is the owner's, and nothing else writes it
    _create(run)
    assert run("token", "revoke", "desk").exit_code == 0
    assert [one["good"] for one in _listed(run)] == [False]
    assert [entry["action"] for entry in _trail(run)] == ["token_created", "token_revoked"]


def test_they_work_while_a_program_reports(run: Run, reporter: ProgressReporter) -> None:
    receipts = [reporter.start_job(str(number)) for number in range(2000)]
    _create(run)
    receipts += [reporter.start_job(str(number)) for number in range(2000, 4000)]
    run("token", "revoke", "desk")
    assert [receipt.wait() for receipt in receipts] == list(range(1, 4001))
    assert [one["good"] for one in _listed(run)] == [False]
