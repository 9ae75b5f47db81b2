"""A database URL that names several PostgreSQL servers, of which one at a time takes writes."""

from __future__ import annotations

import re

from sqlalchemy import URL

_SEVERAL = re.compile(
    r"(?P<user>\w+(?:\+\w+)?://(?:[^@/?]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)


def spelled_out(url: str) -> str:
    """``…@one:5432,two:5432/jobs``, as libpq has it, in SQLAlchemy's words; any other URL as it is."""
    found = _SEVERAL.fullmatch(url)
    if found is None:
        return url
    query = "&".join([*(f"host={host}" for host in found["hosts"].split(",")), *filter(None, [found["query"]])])
    return f"{found['user']}{found['path'] or '/'}?{query}"


def with_primary(url: URL) -> URL:
    """With several servers, the one that takes writes is looked for, also by those who read: standbys lag."""
    wanted = url.query.get("target_session_attrs", "read-write")
    # What reads has sessions that are read-only, and would pass by every server in search of one that is not.
    if isinstance(url.query.get("host"), tuple) and wanted == "read-write":
        return url.update_query_dict({"target_session_attrs": "primary"})
    return url
