"""The OpenAPI document, made from the types of the public shapes and the table of operations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
from typing import Any

import msgspec
from msgspec import UNSET

from tracker import __version__

from . import problems, wire
from .operations import ALWAYS, EVENT_STREAM, OPERATIONS, Operation, Parameter, Reason
from .schemas import Error

_REF = "#/components/schemas/{name}"
_ERROR = {"$ref": _REF.format(name=Error.__name__)}
_RETRIED = (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS)
_RETRY_AFTER = {
    "description": "Try again after so many seconds.",
    "schema": {"type": "integer", "minimum": 1},
}
_TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "jobreel_<id>_<secret>_<checksum>",
    "description": "Made by `tracker token create`. Not needed by programs on the server's own machine, unless the "
    "server asks for it. What an operation demands is the scope; `any` token will do where messages are checked one by "
    "one, and on `first_message` it may also come as the first message after the upgrade.",
}
_TEXT = f"""
An event-sourced job tracker: every progress call is a durable event, and everything else reads the log.

Bodies are JSON of at most 256 KiB. Every refusal has the one body `Error`. A query parameter that a path does not know
is refused. Wherever GET is described, HEAD is answered as well, except on streams; other methods are a 405 with
`Allow`. Readers ignore fields that they do not know. Trouble that passes is a 503 with `Retry-After:
{problems.RETRY_AFTER_SECONDS}`.
"""


@cache
def document() -> dict[str, Any]:
    """The document; made once, not to be changed."""
    schemas = _Schemas(OPERATIONS.values())
    paths: dict[str, Any] = defaultdict(dict)
    for (method, path), operation in OPERATIONS.items():
        paths[path][method.lower()] = _operation(path, operation, schemas)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "jobreel",
            "version": __version__,
            "description": _TEXT.strip(),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "The server that gave this document."}],
        "security": [],
        "paths": dict(paths),
        "components": {"schemas": schemas.components, "securitySchemes": {"token": _TOKEN}},
    }


@cache
def encoded() -> bytes:
    """The document as JSON."""
    return wire.encode(document())


class _Schemas:
    """The schema of every type that the operations name, all made together."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        types: list[Any] = [Error]
        for operation in operations:
            types += [operation.body, operation.answer]
            types += [parameter.type for parameter in operation.parameters]
        made, self.components = msgspec.json.schema_components(types, ref_template=_REF)
        self._made = list(zip(types, made, strict=True))

    def __getitem__(self, kind: Any) -> dict[str, Any]:
        return next(schema for known, schema in self._made if known is kind)


def _operation(path: str, operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [_tag(path)],
        "security": [] if operation.scope == "public" else [{}, {"token": [operation.scope]}],
        "responses": {**_success(operation, schemas), **_refusals(operation.reasons)},
    }
    if operation.parameters:
        described["parameters"] = [_parameter(parameter, schemas) for parameter in operation.parameters]
    if operation.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[operation.body]}},
        }
    return described


def _tag(path: str) -> str:
    first = path.split("/")[1]
    return first if first in ("progress", "events", "jobs", "stats", "ws") else "server"


def _parameter(parameter: Parameter, schemas: _Schemas) -> dict[str, Any]:
    schema = schemas[parameter.type]
    default = {} if parameter.default is UNSET else {"default": parameter.default}
    return {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "required": parameter.is_required,
        "schema": {**schema, **default},
    }


def _success(operation: Operation, schemas: _Schemas) -> dict[str, Any]:
    if operation.answer is None:
        return {"101": {"description": operation.summary}}
    schema = schemas[operation.answer]
    if operation.media_type == EVENT_STREAM:
        text = "`id:` is the cursor, `data:` one of the messages of `x-data`; comments keep the connection alive."
        schema = {"type": "string", "description": text, "x-data": schema}
    kept = {"304": {"description": "It is as it was."}} if operation.is_kept else {}
    return {"200": {"description": operation.summary, "content": {operation.media_type: {"schema": schema}}}, **kept}


def _refusals(reasons: tuple[Reason, ...]) -> dict[str, Any]:
    codes: dict[int, set[str]] = defaultdict(set)
    for reason in (*reasons, *ALWAYS):
        codes[_status(reason)].add(reason.code)
    return {str(status): _refusal(status, sorted(codes[status])) for status in sorted(codes)}


def _status(reason: Reason) -> int:
    # The same table that the server answers by. The error itself is not made: its fields are not needed here.
    return problems.status(reason.__new__(reason)) if isinstance(reason, type) else reason.status


def _refusal(status: int, codes: list[str]) -> dict[str, Any]:
    schema = {"allOf": [_ERROR, {"properties": {"code": {"enum": codes}}}]}
    headers = {"headers": {"Retry-After": _RETRY_AFTER}} if status in _RETRIED else {}
    return {
        "description": f"{HTTPStatus(status).phrase}: {', '.join(f'`{code}`' for code in codes)}.",
        **headers,
        "content": {"application/json": {"schema": schema}},
    }
