"""Validating what the server says against the documents, strictly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator

from api import openapi
from tests.api.clients import Answer


def closed(node: Any) -> Any:
    """The same with every described object complete.

    The documents allow more, as readers ignore fields that they do not know; here such a field is one that nobody
    described.
    """
    if isinstance(node, list):
        return [closed(item) for item in node]
    if not isinstance(node, dict):
        return node
    shut = {"additionalProperties": False} if node.get("type") == "object" and "properties" in node else {}
    return {**{name: closed(value) for name, value in node.items()}, **shut}


def validator(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    """For values of a schema of a document; its references lead to the document's components."""
    return Draft202012Validator({**schema, "components": document["components"]})


def references(node: Any) -> Iterator[str]:
    """Every ``$ref`` below."""
    if isinstance(node, list):
        for item in node:
            yield from references(item)
    elif isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)


def resolve(document: dict[str, Any], reference: str) -> Any:
    """What a ``#/…`` reference names."""
    node: Any = document
    for name in reference.removeprefix("#/").split("/"):
        node = node[name.replace("~1", "/").replace("~0", "~")]
    return node


OPENAPI: dict[str, Any] = closed(openapi.document())


def check_answer(method: str, path: str, answer: Answer) -> None:
    """Demand that an answer of an operation is one that the document describes."""
    responses = OPENAPI["paths"][path][method.lower()]["responses"]
    assert str(answer.status) in responses, f"{method} {path} does not describe {answer.status}: {answer.body}"
    described = responses[str(answer.status)]
    for name in described.get("headers", {}):
        assert name in answer.headers
    for media_type, content in described.get("content", {}).items():
        assert answer.headers["Content-Type"].partition(";")[0] == media_type
        validator(OPENAPI, content["schema"]).validate(answer.body)
