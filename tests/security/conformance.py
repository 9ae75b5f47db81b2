"""The WebSocket conformance cases against a server: ``python -m tests.security.conformance URL GROUP…``.

The cases are those of the Autobahn suite, which ``kosoku`` runs; a group is ``1.*``, or one case. They are written for
servers that say what they are told. In a process of its own: they need an older Python's library, put in place here.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import msgspec
from msgspec import Struct

_AT_ONCE = 8


class Case(Struct):
    """How one went. ``ends``: it is the server who must end the connection; ``is_ended_well``: the end was right."""

    name: str
    passed: bool
    ends: bool
    is_ended_well: bool
    close_code: int | None
    problem: str


def _case(result: Any) -> Case:
    ends = not result.expected_close.get("closedByMe", True)
    problem = f"{result.result} {result.result_close}"
    is_ended_well = result.behavior_close.value in ("OK", "INFORMATIONAL")
    return Case(result.case_id, result.passed, ends, is_ended_well, result.remote_close_code, problem)


def main(url: str, *groups: str) -> None:
    """Run them and print a line of JSON."""
    from kosoku import FailureError, run_fuzzingclient

    try:
        results = asyncio.run(run_fuzzingclient(url, list(groups), concurrency=_AT_ONCE))
    except FailureError as failure:
        results = failure.results
    print(msgspec.json.encode([_case(result) for result in results]).decode(), flush=True)
    # kosoku's own threads may abort the process (SIGABRT) while an interpreter that ends is taken apart.
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
