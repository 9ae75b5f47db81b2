"""The fields of facts, as text that changes with them."""

from __future__ import annotations

from typing import Any

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields


def described(fact: type[Struct]) -> list[str]:
    """Every field in its order: name, type and default."""
    return [f"{field.encode_name}: {_type(field.type)}{_default(field)}" for field in fields(fact)]


def _type(kind: Any) -> str:
    # By their modules' names types would change when a class moves.
    return kind.__name__ if isinstance(kind, type) and not hasattr(kind, "__args__") else str(kind)


def _default(field: Any) -> str:
    if field.default is not NODEFAULT:
        return f" = {field.default!r}"
    return "" if field.default_factory is NODEFAULT else f" = {field.default_factory.__name__}()"
