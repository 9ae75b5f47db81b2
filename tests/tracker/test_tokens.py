from __future__ import annotations

import hmac
import math
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.builders import NOON, SECOND
from tracker import tokens
from tracker.errors import InvalidEvent, InvalidQuery
from tracker.tokens import Access, Forbidden, Token, Unauthorized

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def made(**options: Any) -> tuple[str, Token]:
    wanted = {"name": "desk", "scopes": ["read"], "now": NOON, **options}
    return tokens.make(wanted.pop("name"), wanted.pop("scopes"), wanted.pop("job_prefixes", ()), **wanted)


def test_a_token_is_its_id_a_secret_of_256_bits_and_a_checksum() -> None:
    text, token = made()
    match = re.fullmatch(r"jobreel_([0-9A-Za-z]{10})_([0-9A-Za-z]{43})_([0-9A-Za-z]{6})", text)
    assert match
    assert match[1] == token.token_id
    assert 43 * math.log2(len(LETTERS)) >= 256 > 42 * math.log2(len(LETTERS))


def test_every_letter_and_digit_is_used_and_no_token_comes_twice() -> None:
    texts = [made()[0] for _ in range(300)]
    secrets = [tokens.read(text)[1] for text in texts]
    assert len(set(secrets)) == len({tokens.read(text)[0] for text in texts}) == 300
    # 12,900 draws of 62: that one never comes has a probability of 1e-89.
    assert set("".join(secrets)) == set(LETTERS)


def test_randomness_is_that_for_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.choice", lambda letters: letters[7])
    assert tokens.read(made()[0]) == ("7" * 10, "7" * 43)


def test_what_is_stored_has_the_hash_and_not_the_secret() -> None:
    text, token = made()
    _, secret = tokens.read(text)
    assert token.secret_hash == tokens.hash_secret(secret)
    assert re.fullmatch("[0-9a-f]{64}", token.secret_hash)
    assert secret not in repr(token)


def test_a_token_knows_its_secret_and_no_other() -> None:
    (text, token), (other, _) = made(), made()
    assert token.has_secret(tokens.read(text)[1])
    assert not token.has_secret(tokens.read(other)[1])
    assert not token.has_secret(token.secret_hash)
    assert not token.has_secret("")


def test_secrets_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[str, str]] = []

    def compare(stored: str, given: str) -> bool:
        compared.append((stored, given))
        return False

    text, token = made()
    monkeypatch.setattr(hmac, "compare_digest", compare)
    # Its own secret, and the answer is still that of the comparison: nothing else decides.
    assert not token.has_secret(tokens.read(text)[1])
    assert compared == [(token.secret_hash, token.secret_hash)]


def changed(text: str) -> list[str]:
    """The text with one character after the prefix replaced, at every place, and with neighbours swapped."""
    start = len("jobreel_")
    replaced = [
        text[:place] + ("x" if text[place] != "x" else "y") + text[place + 1 :] for place in range(start, len(text))
    ]
    swapped = [
        text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        for place in range(start, len(text) - 1)
        if text[place] != text[place + 1]
    ]
    return replaced + swapped


@pytest.mark.parametrize(
    "damage",
    [
        changed,
        lambda text: [text[:length] for length in range(len(text))],
        lambda text: [
            f"{text}x",
            f"{text}\n",
            f" {text}",
            text.upper(),
            text.replace("jobreel", "other"),
            f"Bearer {text}",
        ],
    ],
    ids=["mistyped", "cut", "of another form"],
)
def test_a_damaged_token_is_told_from_an_unknown_one_and_not_repeated(damage: Callable[[str], list[str]]) -> None:
    text, _ = made()
    tokens.read(text)
    _, secret = tokens.read(text)
    for damaged in damage(text):
        with pytest.raises(Unauthorized) as refused:
            tokens.read(damaged)
        assert secret[:10] not in str(refused.value)
        assert "cut or mistyped" in str(refused.value)


@pytest.mark.parametrize("text", ["", "jobreel", "jobreel___", "\ud800", "\u0661" * 69, "x" * 100_000])
def test_what_was_never_a_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthorized):
        tokens.read(text)


def test_it_is_good_until_the_moment_it_expires_or_is_revoked() -> None:
    _, token = made(expires_at=NOON + SECOND)
    assert token.is_good(NOON + SECOND - 1)
    assert not token.is_good(NOON + SECOND)
    assert made()[1].is_good(2**60)
    revoked = Token(**{**{name: getattr(token, name) for name in Token.__struct_fields__}, "revoked_at": NOON})
    assert not revoked.is_good(NOON + 1)


def test_scopes_and_prefixes_are_kept_once_and_scopes_in_their_order() -> None:
    _, token = made(scopes=["report", "read", "report"], job_prefixes=["b_", "a_", "b_"])
    assert token.scopes == ("read", "report")
    assert token.job_prefixes == ("b_", "a_")
    assert (token.name, token.created_at, token.expires_at, token.revoked_at) == ("desk", NOON, None, None)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"name": ""}, "name: must have 1 to 200 characters"),
        ({"name": "x" * 201}, "name: must have 1 to 200 characters"),
        ({"name": "a\nb"}, "name: must have only printable characters"),
        ({"name": "\x1b[31m"}, "name: must have only printable characters"),
        ({"name": "\ud800"}, "name: must have only printable characters"),
        ({"name": "\u202eksed"}, "name: must have only printable characters"),
        ({"job_prefixes": [""]}, "job_prefix: must have 1 to 200 characters"),
        ({"job_prefixes": ["a\0"]}, "job_prefix: must have only printable characters"),
    ],
)
def test_names_and_prefixes_are_printable_and_not_too_long(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidEvent, match=problem):
        made(**options)


def test_the_longest_name_and_the_most_prefixes_will_do() -> None:
    assert made(name="x" * 200)[1].name == "x" * 200
    assert len(made(job_prefixes=[str(number) for number in range(50)])[1].job_prefixes) == 50


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"scopes": []}, "scope: must be one or more of read, report, admin"),
        ({"scopes": ["read", "write"]}, r"read, report, admin \(got 'read,write'\)"),
        ({"scopes": ["Read"]}, "got 'Read'"),
        (
            {"job_prefixes": [str(number) for number in range(51)]},
            r"job_prefix: may be given 50 times at most \(got 51",
        ),
        ({"expires_at": NOON}, "expires: must be in the future"),
    ],
)
def test_what_makes_no_token_is_refused(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidQuery, match=problem):
        made(**options)


def test_it_may_expire_a_microsecond_from_now() -> None:
    assert made(expires_at=NOON + 1)[1].expires_at == NOON + 1


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [({"read"}, {"read"}), ({"read", "report"}, {"read", "report"}), ({"admin"}, {"read", "report", "admin"})],
)
def test_a_scope_allows_itself_and_admin_all(scopes: set[tokens.Scope], allowed: set[tokens.Scope]) -> None:
    access = Access("id", "desk", frozenset(scopes))
    for scope in tokens.SCOPES:
        if scope in allowed:
            access.demand(scope)
        else:
            with pytest.raises(Forbidden, match=f"'desk' does not have the scope '{scope}'"):
                access.demand(scope)


def test_prefixes_say_which_jobs_it_is_for() -> None:
    access = Access("id", "desk", frozenset({"read"}), frozenset({"b_", "a_"}))
    access.demand_job("a_1")
    access.demand_job("b_")
    for job_id in ("c_1", "A_1", "xa_", "a", ""):
        assert not access.includes(job_id)
        with pytest.raises(Forbidden, match="begins with a_, b_ only"):
            access.demand_job(job_id)
    assert Access("id", "desk", frozenset()).includes("whatever")
