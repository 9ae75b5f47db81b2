"""The Host and Origin rules, all combinations."""

from __future__ import annotations

import pytest

from api.origins import ForbiddenHost, ForbiddenOrigin, Origins, Proxies, is_loopback
from tracker.errors import InvalidSetting

LOOPBACK_HOSTS = ["localhost", "localhost:5100", "LOCALHOST:5100", "127.0.0.1", "127.0.0.1:5100", "127.9.9.9", "[::1]"]
FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:5100",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "192.168.1.7:5100",
    "[fe80::1]:5100",
    "localhost@evil.example",
    "localhost/evil",
    "localhost:port",
    "0x7f.1",
    "2130706433",
    "",
    "l\u00f6calhost",
]
GOOD_ORIGINS = [None, "http://localhost:3000", "http://127.0.0.1:5100", "https://[::1]:8443", "https://photos.example"]
BAD_ORIGINS = [
    "null",
    "http://evil.example",
    "https://photos.example.evil.example",
    "http://photos.example",
    "https://photos.example:8443",
    "http://localhost.evil.example",
    "http://localhost@evil.example",
    "file://",
    "chrome-extension://abcdef",
    "http://",
    "",
]


def headers(host: str, origin: str | None = None, **more: str) -> dict[str, str]:
    named = {"Host": host} | {name.replace("_", "-"): value for name, value in more.items()}
    return named if origin is None else named | {"Origin": origin}


@pytest.fixture
def local() -> Origins:
    return Origins.of("127.0.0.1", "", "https://photos.example")


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
@pytest.mark.parametrize("origin", GOOD_ORIGINS)
def test_loopback_answers_its_own_names_and_pages(local: Origins, host: str, origin: str | None) -> None:
    assert local.demand(headers(host, origin)) == origin


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
@pytest.mark.parametrize("origin", [*GOOD_ORIGINS, *BAD_ORIGINS])
def test_a_name_that_is_not_its_own_is_refused_whoever_asks(local: Origins, host: str, origin: str | None) -> None:
    with pytest.raises(ForbiddenHost):
        local.demand(headers(host, origin))


def test_a_request_without_a_host_is_refused(local: Origins) -> None:
    with pytest.raises(ForbiddenHost):
        local.demand({})


@pytest.mark.parametrize("host", LOOPBACK_HOSTS)
@pytest.mark.parametrize("origin", BAD_ORIGINS)
def test_a_page_of_another_site_is_refused(local: Origins, host: str, origin: str) -> None:
    with pytest.raises(ForbiddenOrigin):
        local.demand(headers(host, origin))


def test_what_a_page_fetches_without_an_origin_is_refused_and_a_link_is_followed(local: Origins) -> None:
    image = headers("localhost", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors", Sec_Fetch_Dest="image")
    frame = headers("localhost", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="iframe")
    link = headers("localhost", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    for refused in (image, frame):
        with pytest.raises(ForbiddenOrigin):
            local.demand(refused)
    assert local.demand(link) is None
    assert local.demand(headers("localhost", Sec_Fetch_Site="same-origin")) is None


@pytest.mark.parametrize("origin", ["file://", "app://photos", "https://photos.example:8443"])
def test_the_pages_of_a_desktop_program_can_be_listed(origin: str) -> None:
    assert Origins.of("127.0.0.1", "", f" {origin} ,").demand(headers("localhost", origin)) == origin
    with pytest.raises(ForbiddenOrigin):
        Origins.of("127.0.0.1", "", "").demand(headers("localhost", "file://"))


def test_any_other_address_answers_addresses_its_names_and_those_listed() -> None:
    public = Origins.of("0.0.0.0", "photos.example, studio.local", "")
    for host in ("10.0.0.5:5100", "[fd00::5]:5100", "photos.example", "STUDIO.local:5100", "localhost"):
        assert public.demand(headers(host)) is None
        assert public.demand(headers(host, f"http://{host}")) == f"http://{host}"
    for host in ("evil.example", "photos.example.evil.example", ""):
        with pytest.raises(ForbiddenHost):
            public.demand(headers(host))
    with pytest.raises(ForbiddenOrigin):
        public.demand(headers("photos.example", "https://evil.example"))


@pytest.mark.parametrize("hosts", ["http://photos.example", "photos.example:80", "a/b", "pho tos"])
def test_a_host_that_is_none_cannot_be_listed(hosts: str) -> None:
    with pytest.raises(InvalidSetting):
        Origins.of("127.0.0.1", hosts, "")


@pytest.mark.parametrize("origins", ["photos.example", "https://photos.example/path", "*", "null", "https://a@b"])
def test_an_origin_that_is_none_cannot_be_listed(origins: str) -> None:
    with pytest.raises(InvalidSetting):
        Origins.of("127.0.0.1", "", origins)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("::1", True), ("0.0.0.0", False), ("", False), ("photos", False)],
)
def test_loopback_is_what_only_this_machine_reaches(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", ["203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4, 203.0.113.9, 10.0.0.2"], "203.0.113.9"),
        ("10.0.0.1", ["1.2.3.4", "203.0.113.9"], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("198.51.100.7", ["203.0.113.9"], "198.51.100.7"),
    ],
)
def test_only_proxies_that_are_trusted_say_who_asks(peer: str, forwarded: list[str], client: str) -> None:
    assert Proxies.of("10.0.0.0/8").client(peer, forwarded) == client


def test_what_is_no_network_cannot_be_trusted() -> None:
    with pytest.raises(InvalidSetting):
        Proxies.of("10.0.0.0/33")
