"""Several servers in one URL."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from tracker.store.hosts import spelled_out, with_primary


def _hosts(url: str) -> dict[str, object]:
    parsed = with_primary(make_url(spelled_out(url)))
    return {"user": parsed.username, "password": parsed.password, "database": parsed.database, **parsed.query}


def test_servers_are_listed_as_libpq_does() -> None:
    assert _hosts("postgresql://me:p,w@one:5432,two:5433/jobs?connect_timeout=3") == {
        "user": "me",
        "password": "p,w",
        "database": "jobs",
        "host": ("one:5432", "two:5433"),
        "connect_timeout": "3",
        "target_session_attrs": "primary",
    }


def test_servers_are_listed_as_sqlalchemy_does() -> None:
    assert _hosts("postgresql://me@/jobs?host=one&host=two") == _hosts("postgresql://me@one,two/jobs")


@pytest.mark.parametrize(("said", "is_meant"), [("read-write", "primary"), ("any", "any"), ("standby", "standby")])
def test_what_is_said_of_the_session_stays_where_it_can(said: str, is_meant: str) -> None:
    assert _hosts(f"postgresql://one,two/jobs?target_session_attrs={said}")["target_session_attrs"] == is_meant


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:pw@one:5432/jobs",
        "postgresql://one/a,b",
        "postgresql://me:a,b@one/jobs",
        "sqlite:///a,b.db",
        "sqlite:////a,b/c.db",
        "no url, at all",
    ],
)
def test_any_other_url_stays_as_it_is(url: str) -> None:
    assert spelled_out(url) == url
