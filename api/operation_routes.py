"""How the server is: for monitors and for people."""

from __future__ import annotations

from aiohttp import web

from tracker import __version__
from tracker.tokens import Access

from .clients import CLIENTS, Client
from .context import context, json_response
from .metrics import CONTENT_TYPE, METRICS
from .readiness import READINESS

routes = web.RouteTableDef()


@routes.get("/")
async def index(request: web.Request) -> web.Response:
    """What this is and where to go."""
    paths = sorted({route.resource.canonical for route in request.app.router.routes() if route.resource})
    return json_response({"success": True, "name": "jobreel", "version": __version__, "paths": paths})


@routes.get("/healthz")
async def healthz(_: web.Request) -> web.Response:
    """The process answers."""
    return json_response({"success": True, "status": "ok"})


@routes.get("/readyz")
async def readyz(request: web.Request) -> web.Response:
    """The log can be written and read, and clients are told of what is in it; 503 with the reason while not."""
    await request.app[READINESS].demand()
    return json_response({"success": True, "status": "ready"})


@routes.get("/metrics")
async def metrics(request: web.Request) -> web.Response:
    """The server's numbers, as Prometheus reads them."""
    return web.Response(body=await request.app[METRICS].text(), headers={"Content-Type": CONTENT_TYPE})


@routes.get("/ws/status")
async def websocket_status(request: web.Request) -> web.Response:
    """Who is connected, and the ends of the log."""
    clients = [client.describe() for client in request.app[CLIENTS] if _may_see(context(request).access, client)]
    head = await context(request).feed.head()
    return json_response(
        {
            "success": True,
            "status": "running",
            "connected_clients": len(clients),
            "clients": clients,
            "epoch": head.epoch,
            "head": head.position,
            "horizon": head.horizon,
        }
    )


def _may_see(access: Access, client: Client) -> bool:
    # The channels of others would name jobs that a limited token knows nothing of.
    return not access.job_prefixes or client.access.token_id == access.token_id
