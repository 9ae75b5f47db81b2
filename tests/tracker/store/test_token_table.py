"""Tokens beside the log: also while another process writes it, and never with their secrets."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders import NOON, SECOND, appends, started
from tracker import tokens
from tracker.errors import StoreOwned, StoreUnavailable
from tracker.store import open_token_table, schema, sqlite
from tracker.store.owner import OwnerLock
from tracker.store.sqlite import SqliteStore
from tracker.store.token_table import TokenExists, TokenNotFound, TokenTable
from tracker.tokens import Token


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


@pytest.fixture
def owner(path: Path) -> Iterator[SqliteStore]:
    """Who writes the log all the while, as a server does."""
    store = SqliteStore(path)
    yield store
    store.close()


@pytest.fixture
def table(path: Path) -> Iterator[TokenTable]:
    table = opened(path)
    yield table
    table.close()


def opened(path: Path) -> TokenTable:
    return open_token_table(f"sqlite:///{path.as_posix()}")


def made(name: str = "desk", **options: Any) -> Token:
    return tokens.make(name, options.pop("scopes", ["read"]), options.pop("prefixes", ()), now=NOON, **options)[1]


def raw(path: Path, statement: str, *values: object) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.execute(statement, values)
        connection.commit()
    finally:
        connection.close()


def test_a_token_comes_back_as_it_was_kept(table: TokenTable) -> None:
    token = made("Ünï 東 😀", scopes=["read", "report"], prefixes=["a_", 'b"'], expires_at=NOON + SECOND)
    table.create(token, "me")
    assert table.list() == [token]


def test_tokens_are_listed_in_the_order_they_were_made(table: TokenTable) -> None:
    for number in range(5):
        table.create(tokens.make(str(number), ["read"], now=NOON + number)[1], "me")
    assert [token.name for token in table.list()] == ["0", "1", "2", "3", "4"]


def test_a_name_is_free_again_once_its_token_is_revoked_and_not_before(table: TokenTable) -> None:
    table.create(made(expires_at=NOON + 1), "me")  # that it has expired by now is not enough
    with pytest.raises(TokenExists, match="There is a token 'desk' already"):
        table.create(made(), "me")
    table.revoke("desk", "me", NOON)
    table.create(made(), "me")
    assert sorted(token.revoked_at is None for token in table.list()) == [False, True]


def test_a_token_that_is_not_kept_leaves_no_trace(table: TokenTable) -> None:
    table.create(made(), "me")
    with pytest.raises(TokenExists):
        table.create(made(), "me")
    assert len(table.list()) == len(table.trail(100)) == 1


@pytest.mark.parametrize("by", ["name", "token_id"])
def test_a_token_is_revoked_by_its_name_or_its_id(table: TokenTable, by: str) -> None:
    token = made()
    table.create(token, "me")
    table.create(made("other"), "me")
    revoked = table.revoke(getattr(token, by), "me", NOON + SECOND)
    assert (revoked.token_id, revoked.revoked_at) == (token.token_id, NOON + SECOND)
    assert not revoked.is_good(NOON + SECOND)
    assert [one.revoked_at for one in table.list() if one.name == "other"] == [None]
    assert revoked in table.list()


@pytest.mark.parametrize("is_first", [True, False])
def test_an_id_goes_before_a_name_that_looks_like_it(table: TokenTable, is_first: bool) -> None:
    token = made()
    lookalike = made(token.token_id)
    for one in (token, lookalike) if is_first else (lookalike, token):
        table.create(one, "me")
    assert table.revoke(token.token_id, "me", NOON).name == "desk"
    assert table.revoke(token.token_id, "me", NOON).token_id == lookalike.token_id


@pytest.mark.parametrize("named", ["nobody", "", "desk ", "Desk"])
def test_what_no_token_is_called_is_not_found_and_not_repeated(table: TokenTable, named: str) -> None:
    table.create(made(), "me")
    with pytest.raises(TokenNotFound) as missing:
        table.revoke(named, "me", NOON)
    # It may be a secret that somebody pasted.
    assert "nobody" not in str(missing.value)
    assert len(table.trail(100)) == 1


def test_a_revoked_token_is_not_revoked_again(table: TokenTable) -> None:
    table.create(made(), "me")
    table.revoke("desk", "me", NOON + 1)
    with pytest.raises(TokenNotFound):
        table.revoke("desk", "me", NOON + 2)
    assert [token.revoked_at for token in table.list()] == [NOON + 1]


def test_the_trail_says_what_was_done_by_whom(table: TokenTable) -> None:
    token = made(scopes=["report"], prefixes=["a_"], expires_at=NOON + SECOND)
    table.create(token, "ann")
    table.revoke("desk", "bob", NOON + SECOND)
    table.note("server_opened", "eve", "0.0.0.0", {"insecure": True}, NOON + 2 * SECOND)
    created, revoked, noted = table.trail(100)
    assert [entry.number for entry in (created, revoked, noted)] == [1, 2, 3]
    assert (created.at, created.action, created.actor, created.subject) == (NOON, "token_created", "ann", "desk")
    assert created.details == {
        "token_id": token.token_id,
        "scopes": ["report"],
        "job_prefixes": ["a_"],
        "expires_at": "2025-11-09T12:00:01.000000Z",
    }
    assert (revoked.at, revoked.action, revoked.actor) == (NOON + SECOND, "token_revoked", "bob")
    assert revoked.details == {"token_id": token.token_id}
    assert (noted.action, noted.subject, noted.details) == ("server_opened", "0.0.0.0", {"insecure": True})


def test_the_trail_gives_the_newest_entries_oldest_first(table: TokenTable) -> None:
    for number in range(5):
        table.note("done", "me", str(number), {}, NOON)
    assert [entry.subject for entry in table.trail(2)] == ["3", "4"]
    assert [entry.subject for entry in table.trail(5)] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "statement",
    ["UPDATE tokens SET revoked_at = NULL", "UPDATE tokens SET secret_hash = 'x'", "UPDATE tokens SET name = 'x'"],
)
def test_a_revoked_token_stays_as_it_is(table: TokenTable, path: Path, statement: str) -> None:
    table.create(made(), "me")
    table.revoke("desk", "me", NOON)
    before = table.list()
    with pytest.raises(sqlite3.IntegrityError, match="a revoked token stays revoked"):
        raw(path, statement)
    assert table.list() == before


def test_the_trigger_above_is_for_revoked_tokens_only(table: TokenTable, path: Path) -> None:
    table.create(made(), "me")
    raw(path, "UPDATE tokens SET expires_at = ?", NOON + 1)
    assert [token.expires_at for token in table.list()] == [NOON + 1]


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"])
def test_the_trail_is_never_changed(table: TokenTable, path: Path, statement: str) -> None:
    table.create(made(), "me")
    before = table.trail(10)
    with pytest.raises(sqlite3.IntegrityError, match="the audit trail is never changed"):
        raw(path, statement)
    assert table.trail(10) == before


def test_no_secret_is_in_any_file_of_the_log(owner: SqliteStore, table: TokenTable, path: Path) -> None:
    text, token = tokens.make("desk", ["read"], now=NOON)
    _, secret = tokens.read(text)
    table.create(token, "me")
    # The owner has the log open, so that what was written is still in the WAL; control: the rest of the token is.
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert token.secret_hash.encode() in files["log.db-wal"]
    assert [name for name, content in files.items() if secret.encode() in content] == []
    owner.close()
    files = {file.name: file.read_bytes() for file in path.parent.iterdir()}
    assert "log.db-wal" not in files
    assert token.secret_hash.encode() in files["log.db"]
    for part in (secret, secret[:20], text[-6:]):
        assert [name for name, content in files.items() if part.encode() in content] == []


def test_it_works_beside_the_owner_and_the_owner_goes_on(owner: SqliteStore, table: TokenTable) -> None:
    owner.writer.append(appends(started("a")))
    table.create(made(), "me")
    owner.writer.append(appends(started("b")))
    table.revoke("desk", "me", NOON)
    assert owner.writer.head().position == 2
    assert len(table.trail(10)) == 2


async def test_the_readers_of_a_log_see_its_tokens(owner: SqliteStore, table: TokenTable) -> None:
    reader = owner.reader()
    try:
        assert await reader.tokens() == []
        token = made(prefixes=["a_"])
        table.create(token, "me")
        assert await reader.tokens() == [token]
    finally:
        await reader.close()


def test_of_many_at_once_with_one_name_one_is_kept(owner: SqliteStore, path: Path) -> None:
    outcomes: list[str] = []

    def create() -> None:
        table = opened(path)
        try:
            table.create(made(), "me")
            outcomes.append("kept")
        except TokenExists:
            outcomes.append("exists")
        finally:
            table.close()

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(outcomes) == ["exists"] * 7 + ["kept"]


def test_a_log_that_is_locked_for_too_long_can_be_tried_again(
    owner: SqliteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_SECONDS", 0.05)
    table = opened(path)
    with owner.writer.transaction():
        for attempt in (lambda: table.create(made(), "me"), table.list, lambda: table.trail(1)):
            with pytest.raises(StoreUnavailable, match="database is locked"):
                attempt()
    table.create(made(), "me")
    table.close()


def test_it_makes_a_log_where_there_is_none(table: TokenTable, path: Path) -> None:
    assert table.list() == []
    store = SqliteStore(path)
    assert store.writer.head().position == 0
    store.close()


def test_it_brings_an_older_log_to_this_version(path: Path) -> None:
    _make_older(path)
    table = opened(path)
    table.create(made(), "me")
    table.close()
    store = SqliteStore(path)
    assert store.writer.head().position == 1
    store.close()


def test_an_older_log_that_is_written_by_another_is_left_alone(path: Path) -> None:
    _make_older(path)
    lock = OwnerLock(path)
    lock.acquire()
    try:
        with pytest.raises(StoreOwned):
            opened(path)
    finally:
        lock.release()


def _make_older(path: Path) -> None:
    store = SqliteStore(path)
    store.writer.append(appends(started("a")))
    with store.writer.transaction() as connection:
        schema.downgrade(connection, "0001")
    store.close()
