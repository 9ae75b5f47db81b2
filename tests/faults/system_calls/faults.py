"""``failing.c`` from within the process that it is loaded into."""

from __future__ import annotations

import ctypes
from enum import IntEnum


class Kind(IntEnum):
    """Of a system call."""

    WRITE = 1
    SYNC = 2


class Action(IntEnum):
    """What befalls it."""

    FAILS = 1
    KILLED_BEFORE = 2
    KILLED_AFTER = 3
    NO_SPACE = 4


_library = ctypes.CDLL(None)


def arm(kind: Kind, index: int, times: int, action: Action) -> None:
    """From the ``index``-th call of the kind on, counted from 1 and from now, it befalls so many."""
    _library.fault_arm(int(kind), ctypes.c_long(index), ctypes.c_long(times), int(action))


def disarm() -> None:
    """Nothing more happens; counting begins anew."""
    _library.fault_arm(0, ctypes.c_long(0), ctypes.c_long(0), 0)


def count(kind: Kind) -> int:
    """Calls of the kind since it was armed or disarmed."""
    return int(_library.fault_count(int(kind)))
