"""``/ws/handshake``, ``/ws/poll``, ``/ws/send``, ``/ws/disconnect``: the WebSocket's messages without a WebSocket."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any
from uuid import uuid4

from aiohttp import web

from tracker.errors import InvalidQuery, TrackerError
from tracker.json_values import check_identifier
from tracker.receipt import Receipt
from tracker.store.base import LogHead
from tracker.times import iso, now

from . import problems, session
from .clients import CLIENTS, UnknownClient
from .context import context, json_response
from .event_routes import MAX_WAIT_SECONDS
from .poll_client import POLL_CLIENTS, PollClient, welcome
from .requests import allow, json_object, whole_number

routes = web.RouteTableDef()
MAX_MESSAGES = 1000
# Each is answered with all the channels that the client has then, 1,000 at most.
MAX_SUBSCRIPTIONS = 100
_SUBSCRIPTIONS = ("subscribe", "unsubscribe")
_PROTOCOLS = (None, 1, 1.0, "1", "1.0")


@routes.post("/ws/handshake")
async def handshake(request: web.Request) -> web.Response:
    """A new client."""
    body = await json_object(request)
    if body.get("protocol_version") not in _PROTOCOLS:
        raise InvalidQuery("protocol_version", body["protocol_version"], f"must be {session.PROTOCOL_VERSION}")
    known = session.Session(uuid4().hex, now())
    for name in ("client_type", "client_name"):
        if body.get(name) is not None:
            check_identifier(name, body[name])
    known.client_type, known.client_name = body.get("client_type"), body.get("client_name")
    client = await _join(request, known)
    return json_response(
        {
            "success": True,
            "client_id": known.client_id,
            "protocol_version": session.PROTOCOL_VERSION,
            "server_time": iso(now()),
            "epoch": context(request).feed.epoch,
            "cursor": client.cursor,
        }
    )


@routes.get("/ws/poll")
async def poll(request: web.Request) -> web.Response:
    """What a client is to be told after its cursor; waits for something, ``wait`` seconds at most."""
    allow(request, "client_id", "cursor", "wait")
    wait = whole_number(request, "wait", 0, 0, MAX_WAIT_SECONDS)
    await context(request).feed.head()  # who asks after an acknowledgement is told of that event too
    client = _client(request, request.query.get("client_id"))
    messages, cursor = await client.poll(request.query.get("cursor"), wait)
    client.seen()
    return json_response({"success": True, "messages": messages, "cursor": cursor, "timestamp": iso(now())})


@routes.post("/ws/send")
async def send(request: web.Request) -> web.Response:
    """One ``message``, or ``messages``: each is answered in ``response`` as on the WebSocket, in their order."""
    body = await json_object(request)
    client = _client(request, body.get("client_id"))
    many = body.get("messages")
    if many is not None and (not isinstance(many, list) or len(many) > MAX_MESSAGES):
        raise InvalidQuery("messages", many, f"must be a list of at most {MAX_MESSAGES} messages")
    messages = [body.get("message")] if many is None else many
    _demand_few_subscriptions(messages)
    head = await context(request).feed.head()
    # All are taken in before the first is waited for: the events of a request share a commit, and no poll sees a
    # subscription that is half made.
    pending = [_take(request, client, message, head) for message in messages]
    answers = [await _answer(answer) for answer in pending]
    success = all(answer["type"] != "error" for answer in answers)
    response = answers[0] if many is None else answers
    return json_response({"success": success, "response": response, "timestamp": iso(now())})


@routes.post("/ws/disconnect")
async def disconnect(request: web.Request) -> web.Response:
    """The client goes; again is harmless."""
    body = await json_object(request)
    client = _find(request, body.get("client_id"))
    if client is not None:
        del request.app[POLL_CLIENTS][client.session.client_id]
        client.leave()
    return json_response({"success": True, "timestamp": iso(now())})


async def _join(request: web.Request, known: session.Session) -> PollClient:
    app = request.app
    forget_expired(app)
    used = context(request)
    head = await used.feed.head()
    message, cursor = welcome(known, head)
    place = ExitStack()
    place.enter_context(app[CLIENTS].room(request.remote or ""))
    client = PollClient(known, used.feed, used.access, message, cursor, place)
    place.enter_context(app[CLIENTS].listed(client))
    app[POLL_CLIENTS][known.client_id] = client
    return client


def forget_expired(app: web.Application) -> None:
    """Have the clients that were not heard of for three minutes gone."""
    for client_id, client in list(app[POLL_CLIENTS].items()):
        if client.is_expired:
            del app[POLL_CLIENTS][client_id]
            client.leave()


def _demand_few_subscriptions(messages: list[Any]) -> None:
    subscriptions = [one for one in messages if isinstance(one, dict) and one.get("type") in _SUBSCRIPTIONS]
    if len(subscriptions) > MAX_SUBSCRIPTIONS:
        raise InvalidQuery.of("messages", f"at most {MAX_SUBSCRIPTIONS} of them subscribe or unsubscribe")


def _client(request: web.Request, client_id: Any) -> PollClient:
    if not isinstance(client_id, str):
        raise InvalidQuery("client_id", client_id, "is missing: shake hands first")
    client = _find(request, client_id)
    if client is None:
        raise UnknownClient("This client is not known here: shake hands again, then subscribe after your cursor.")
    client.seen()
    return client


def _find(request: web.Request, client_id: Any) -> PollClient | None:
    client = request.app[POLL_CLIENTS].get(client_id) if isinstance(client_id, str) else None
    # The id of a client is no key to it: the token it shook hands with is.
    is_its_own = client is not None and client.access.token_id == context(request).access.token_id
    return client if is_its_own else None


def _take(
    request: web.Request, client: PollClient, message: Any, head: LogHead
) -> session.Message | tuple[Receipt, session.Record]:
    recorder = context(request).recorder
    is_first = not client.session.channels
    kept = client.session.filter
    action = client.session.receive(message, now())
    try:
        match action:
            case session.Reply():
                return action.message
            case session.Record():
                return recorder.record(action.event, patient=False), action
            case session.Subscribe():
                after = client.follow(action.after, action.epoch, head, is_first=is_first)
                return session.confirmation(client.session, after, action.ref)
            case session.Unsubscribe():
                client.refollow()
                return action.message
            case session.StartReplay() | session.ControlReplay():
                raise InvalidQuery.of("type", "a replay keeps its own time and needs the WebSocket, /ws")
    except TrackerError as error:
        client.session.filter = kept
        return problems.reply(error, getattr(action, "ref", None))


async def _answer(pending: session.Message | tuple[Receipt, session.Record]) -> session.Message:
    if isinstance(pending, dict):
        return pending
    receipt, action = pending
    try:
        recorded = (await receipt)[-1]
    except TrackerError as error:
        return problems.reply(error, action.ref)
    return session.ack(recorded.position, recorded.sequence, action.ref)
