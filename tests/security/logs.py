"""What a server logged while it was attacked."""

from __future__ import annotations

import logging

import pytest


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The failures, whatever their logger: errors, and all that has a traceback."""
    records = [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    return [f"{record.name}: {record.getMessage()}" for record in records]
