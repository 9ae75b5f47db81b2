"""What can go wrong: with the whole demo, or with one photo."""

from __future__ import annotations

from typing import Any


class DemoError(Exception):
    """The demo cannot run; the message is for the person at the terminal."""


class PhotoProblem(Exception):
    """One photo cannot go on; the others can.

    ``error_type`` is for programs (``not_an_image``), the message for people; ``details`` holds JSON values.
    """

    def __init__(self, error_type: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.details = details
