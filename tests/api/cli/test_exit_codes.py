"""One rule for all commands: 2 for what the caller gave wrongly, 1 for what cannot be done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from api.cli.failures import EXIT_CODES, exit_code
from api.cli.group import tracker
from tracker import errors, events, export_format, lightroom, settings, time_travel, typical

from .conftest import Run

_NO_SERVER = "http://127.0.0.1:9"
_GIVEN_WRONGLY = [
    ["status", "--status", "lost"],
    ["status", "--since", "yesterday"],
    ["status", "--cursor", "x"],
    ["status", "--sort", "name"],
    ["status", "--as-of", "99"],
    ["status", "--database", ""],
    ["status", "--database", "mysql://x/y"],
    ["show", "done", "--as-of", "soon"],
    ["stats", "--group-by", "photo"],
    ["stats", "--until", "noon"],
    ["diff", "done", ""],
    ["export", "-o", "x", "--since", "99"],
    ["export", "-o", "x", "--redact", "stage"],
    ["import", "damaged.jsonl", "--database", "new.db"],
    ["replay"],
    ["replay", "done", "--speed", "0"],
    ["replay", "done", "--max-gap", "soon"],
    ["replay", "done", "--url", "ftp://x"],
    ["prune", "--keep-for", "soon"],
    ["prune", "--keep-for", "9999999999d"],
    ["token", "create", "--name", "a", "--scope", "write"],
    ["token", "create", "--name", "", "--scope", "read"],
    ["token", "create", "--name", "a", "--scope", "read", "--expires", "soon"],
    ["audit", "--limit", "0"],
    ["serve", "--port", "0", "--log-level", "loud"],
    ["serve", "--port", "0", "--tls-cert", "none.pem", "--tls-key", "none.key"],
    ["tail", "--url", "ftp://x"],
    ["run", "--job", "a\nb", "--", "true"],
    ["lightroom", "install"],
]
_CANNOT_BE_DONE = [
    ["status", "nobody"],
    ["status", "--database", "none.db"],
    ["status", "--database", "damaged.jsonl"],
    ["show", "nobody"],
    ["show", "busy", "--as-of", "1"],
    ["timeline", "nobody"],
    ["diff", "done", "nobody"],
    ["diff", "done", "typical"],
    ["export", "nobody", "-o", "x"],
    ["export", "-o", "no/such/folder/x"],
    ["import", "none.jsonl", "--database", "new.db"],
    ["replay", "nobody"],
    ["replay", "done", "--url", _NO_SERVER],
    ["tail", "--url", _NO_SERVER],
    ["token", "revoke", "nobody"],
    ["rebuild", "--database", "none.db"],
    ["new-epoch", "--database", "none.db"],
    ["migrate", "--database", "damaged.jsonl"],
    ["serve", "--host", "0.0.0.0", "--port", "0"],
]
_REMOVED = [["status", "done"], ["timeline", "done"], ["replay", "done"], ["show", "busy", "--as-of", "1"]]


@pytest.mark.parametrize(
    ("args", "code"), [*((args, 2) for args in _GIVEN_WRONGLY), *((args, 1) for args in _CANNOT_BE_DONE)]
)
def test_the_exit_code_says_whose_turn_it_is(
    run: Run, jobs: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, args: list[str], code: int
) -> None:
    (tmp_path / "damaged.jsonl").write_text("{}\n" * 100)
    monkeypatch.setattr("sys.platform", "linux")  # where Lightroom has no folder
    result = run(*args)
    assert (result.exit_code, result.stdout) == (code, "")
    assert "Error: " in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("args", _REMOVED)
def test_what_retention_removed_is_nothing_to_ask_for(run: Run, jobs: None, args: list[str]) -> None:
    run("prune", "--keep-for", "0")
    told, body = run(*args), run(*args, "--json")
    assert (told.exit_code, told.stderr.count("\n")) == (2, 1)
    assert (body.exit_code, json.loads(body.stdout)["code"]) == (
        2,
        "history_pruned" if "--as-of" in args else "job_pruned",
    )


@pytest.mark.parametrize(("name", "value"), [("PORT", "x"), ("KEEP_FOR_SECONDS", "soon"), ("SPOOL", "maybe")])
def test_settings_of_the_environment_are_given_too(
    run: Run, jobs: None, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(settings.PREFIX + name, value)
    result = run("status")
    assert (result.exit_code, result.stderr.split(":")[:2]) == (2, ["Error", f" {name.lower()}"])


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.InvalidEvent, 2),
        (errors.InvalidQuery, 2),
        (events.EventTooLarge, 2),
        (errors.InvalidSetting, 2),
        (lightroom.NoModulesFolder, 2),
        (time_travel.HistoryPruned, 2),
        (errors.JobPruned, 2),
        (export_format.DamagedExport, 2),
        (errors.LogNotEmpty, 2),
        (errors.JobNotFound, 1),
        (errors.StoreError, 1),
        (errors.LogMissing, 1),
        (errors.StoreOwned, 1),
        (errors.SchemaMismatch, 1),
        (errors.ServerError, 1),
        (errors.ServerUnreachable, 1),
        (errors.ServerRefused, 1),
        (typical.NoHistory, 1),
    ],
)
def test_every_error_has_its_exit_code(kind: type[errors.TrackerError], code: int) -> None:
    assert exit_code(kind.code) == code


_NO_TEXT = "L\udce4ufer"  # as the shell hands over what is not UTF-8


@pytest.mark.parametrize(
    "args",
    [
        ["show", _NO_TEXT],
        ["show", _NO_TEXT, "--as-of", "1"],
        ["status", _NO_TEXT],
        ["timeline", _NO_TEXT],
        ["diff", _NO_TEXT, "done"],
        ["replay", _NO_TEXT],
        ["export", "-o", "x.jsonl", _NO_TEXT],
    ],
)
def test_what_is_no_text_names_no_job(run: Run, jobs: None, args: list[str]) -> None:
    told = run(*args)
    assert (told.exit_code, told.stderr.count("\n")) == (1, 1)
    assert "L\ufffdufer" in told.stderr
    if args[0] != "replay":
        body = run(*args, "--json")
        assert (body.exit_code, json.loads(body.stdout)["job_id"]) == (1, "L\ufffdufer")


@pytest.mark.parametrize("option", ["--stage", "--photo-id", "--query"])
def test_what_is_no_text_is_found_nowhere(run: Run, jobs: None, option: str) -> None:
    assert json.loads(run("status", option, _NO_TEXT, "--json").stdout)["jobs"] == []


def test_the_help_says_what_they_mean() -> None:
    shown = CliRunner().invoke(tracker, ["--help"], prog_name="tracker").stdout
    assert EXIT_CODES in " ".join(shown.split("Exit codes:\n")[1].split())
