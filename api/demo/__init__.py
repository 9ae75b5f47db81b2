"""A real photo pipeline that reports through the Python API: what ``tracker demo`` runs.

Only what needs no Pillow is imported here; the rest is imported at first use, where a missing Pillow
shows as one :class:`DemoError`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from api.demo.errors import DemoError
from api.demo.photos import EXPORT_FOLDER, default_output, find_photos
from api.demo.report import DemoReport, Observer, PhotoResult, Reporter
from api.demo.view import DemoView

if TYPE_CHECKING:
    from api.demo.run import run_demo
    from api.demo.samples import make_samples

__all__ = [
    "run_demo",
    "make_samples",
    "find_photos",
    "default_output",
    "EXPORT_FOLDER",
    "DemoView",
    "DemoReport",
    "PhotoResult",
    "Reporter",
    "Observer",
    "DemoError",
]

_NEED_PILLOW = {"run_demo": "api.demo.run", "make_samples": "api.demo.samples"}


def __getattr__(name: str) -> object:
    if name not in _NEED_PILLOW:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_NEED_PILLOW[name]), name)
