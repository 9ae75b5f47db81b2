"""Durations, times, counts and progress in words."""

from __future__ import annotations

from datetime import datetime

from tracker import times

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def duration(seconds: float) -> str:
    """``85 ms``, ``3.4 s``, ``12 s``, ``3m 05s``, ``2h 07m``, ``4d 11h``."""
    if seconds < 0.9995:
        return f"{round(seconds * 1000)} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m {whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h {whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d {whole % _DAY // _HOUR:02}h"


def count(number: int, noun: str) -> str:
    """``1 job``, ``1,200 jobs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def percent(progress: float) -> str:
    """``45 %``; never 100 before the end."""
    return f"{int(progress)} %"


def clock(iso: str) -> str:
    """The local time of day of an ISO 8601 time: ``10:30:00``."""
    return local(iso).strftime("%H:%M:%S")


def date_and_time(iso: str) -> str:
    """The local date and time of an ISO 8601 time: ``2025-11-09 10:30:00``."""
    return local(iso).strftime("%Y-%m-%d %H:%M:%S")


def as_it_was(position: int, time: int) -> str:
    """The line above what is shown as of a position; ``time`` in microseconds UTC."""
    return f"As of position {position}, {date_and_time(times.iso(time))}:"


def local(iso: str) -> datetime:
    """An ISO 8601 time, in the zone of this machine."""
    return datetime.fromisoformat(iso).astimezone()


def span(seconds: float) -> str:
    """A length of time in its largest whole unit: ``7 days``, ``90 minutes``, ``1.5 seconds``."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute")):
        if seconds >= unit and seconds % unit == 0:
            return count(int(seconds) // unit, name)
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
