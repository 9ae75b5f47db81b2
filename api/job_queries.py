"""The parameters of ``/jobs``, checked."""

from __future__ import annotations

from aiohttp import web

from tracker.errors import InvalidQuery
from tracker.job_pages import PageQuery, bind
from tracker.job_query import AsOf, read_as_of, read_query

from .requests import allow, limit

_FILTERS = ("status", "stage", "photo_id", "since", "until", "q", "error_type", "sort")
_PARAMETERS = (*_FILTERS, "limit", "cursor", "total", "as_of")


def page_query(request: web.Request) -> PageQuery:
    """What the parameters of a request ask for; raises :class:`InvalidQuery` for what makes no sense."""
    allow(request, *_PARAMETERS)
    given = {name: request.query[name] for name in _FILTERS if name in request.query}
    return bind(
        read_query(**given),
        limit(request),
        cursor=request.query.get("cursor"),
        as_of=as_of(request),
        has_total=_is_true(request, "total"),
    )


def as_of(request: web.Request) -> AsOf | None:
    """The parameter ``as_of``."""
    return read_as_of(request.query.get("as_of"))


def _is_true(request: web.Request, name: str) -> bool:
    text = request.query.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidQuery(name, text, "must be true or false")
    return text == "true"
