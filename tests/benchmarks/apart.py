"""A measurement in a process of its own: what it leaves behind ends with it, and its memory is its own."""

from __future__ import annotations

import multiprocessing
import shutil
import sys
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

_KIBIBYTE_UNITS = sys.platform.startswith("linux")  # elsewhere the system tells bytes


def measured_apart(measure: Callable[[Path], float], folder: Path) -> tuple[float, int | None]:
    """What ``measure(folder)`` gives, and the most bytes resident; the folder is gone afterwards.

    Where processes cannot be forked (Windows), it is measured here, and the memory is not known.
    """
    try:
        if "fork" not in multiprocessing.get_all_start_methods():
            return measure(folder), None
        return _forked(measure, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _forked(measure: Callable[[Path], float], folder: Path) -> tuple[float, int | None]:
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=_measure, args=(measure, folder, there))
    process.start()
    there.close()
    try:
        answer: tuple[float, int] | str = here.recv()
    except EOFError:
        answer = "The process of the measurement ended without an answer."
    process.join()
    if isinstance(answer, str):
        raise RuntimeError(answer)  # not a type of ours: the other process's failure
    return answer


def _measure(measure: Callable[[Path], float], folder: Path, there: Connection) -> None:
    try:
        there.send((measure(folder), _peak_bytes()))
    except BaseException:  # noqa: BLE001  # told in the other process
        there.send(traceback.format_exc())


def _peak_bytes() -> int:
    import resource  # POSIX only, as is forking

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * 1024 if _KIBIBYTE_UNITS else peak
