"""What a database URL may ask of PostgreSQL's client, and what every connection has beside that."""

from __future__ import annotations

from sqlalchemy import URL

from tracker.errors import StoreError

_UNKNOWN = (
    "The database URL has the option {name}, which is none of the options of a PostgreSQL connection (sslmode, "
    "connect_timeout, target_session_attrs …): remove it."
)
_OURS = {
    "application_name": "jobreel",
    "connect_timeout": "5",
    # A machine that is gone is noticed in half a minute, and not after two hours.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "4",
}
# Whatever the database does for others: a number is read as it was written, and a session that listens is not ended for
# being quiet.
_EVERY_SESSION = "-c extra_float_digits=1 -c idle_session_timeout=0"


def connect_arguments(url: URL, options: str) -> dict[str, str]:
    """What a connection is opened with beside the URL; what the URL names itself stays as it is there.

    ``options``: settings of the session, before those of the URL.

    Raises:
        StoreError: If the URL has an option that PostgreSQL's client does not know. The driver's own (as
            ``prepare_threshold``) are none: they are Python objects there, and in a URL only text.
    """
    _demand_known(url)
    own = {name: value for name, value in _OURS.items() if name not in url.query}
    # Whatever PGCLIENTENCODING says: texts are read as UTF-8, and as bytes where the server is told to send anything.
    return {
        **own,
        "client_encoding": "UTF8",
        "options": f"{_EVERY_SESSION} {options} {url.query.get('options', '')}".strip(),
    }


def _demand_known(url: URL) -> None:
    from psycopg.pq import Conninfo

    known = {option.keyword.decode() for option in Conninfo.get_defaults()}
    for name in url.query:
        if name not in known:
            raise StoreError(_UNKNOWN.format(name=name))
