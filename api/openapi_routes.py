"""``/openapi.json``: every route, for programs that read it."""

from __future__ import annotations

from aiohttp import web

from .context import raw_json_response

routes = web.RouteTableDef()


@routes.get("/openapi.json")
async def openapi(_: web.Request) -> web.Response:
    """The OpenAPI document."""
    # Imported when it is asked for: a server starts without making types that only describe.
    from .openapi import encoded

    return raw_json_response(encoded())
