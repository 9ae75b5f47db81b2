"""Programs that report and end, each in a way of its own; none waits for what it reported last."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

from msgspec import Struct

ROOT = Path(__file__).parents[2]
QUEUED = 1000
_HANGS_AFTER_SECONDS = 60.0
# The events are queued behind a recorder that is held, so that all of them wait when the end begins.
_PROGRAM = f"""
import multiprocessing, os, signal, sys, threading, time
from tracker.errors import RecorderClosed, StoreOwned
from tracker.progress_reporter import ProgressReporter

def hold(seconds):
    begun = threading.Event()
    def wait(_):
        begun.set()
        time.sleep(seconds)
    threading.Thread(target=reporter.tracker.recorder.ask, args=(wait,), daemon=True).start()
    begun.wait()

def child():
    # What a child of multiprocessing runs, which has its parent's log by its URL only.
    try:
        ProgressReporter(database_url=sys.argv[1]).start_job("of the child")
    except StoreOwned:
        os._exit(7)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests run in the background
    reporter = ProgressReporter(database_url=sys.argv[1])
    print(reporter.start_job("acknowledged").wait(), flush=True)
    hold(0.3)
    for number in range({QUEUED}):
        reporter.start_job(str(number))
    print(time.monotonic(), flush=True)
"""


class Way(Struct, frozen=True):
    """A way to end: what the program does, and with what it ends.

    ``loses``: what waits may go with it; ``interrupts``: Ctrl-C while it ends, so many seconds after each other.
    """

    name: str
    does: str
    status: int = 0
    loses: bool = False
    interrupts: tuple[float, ...] = ()

    def __str__(self) -> str:
        return self.name


class End(Struct, frozen=True):
    """``seconds``: from where the end begins until the process is gone."""

    status: int
    seconds: float
    said: list[str]
    errors: str


WAYS = [
    Way("its end", ""),
    Way("close", "reporter.close()"),
    Way("del", "del reporter"),
    Way("sys.exit", "sys.exit(3)", 3),
    Way("an exception", "raise ZeroDivisionError('the end')", 1),
    Way("sys.exit in a thread", "threading.Thread(target=sys.exit).start()"),
    Way("an exception in a thread", "threading.Thread(target=exec, args=('1/0',)).start()"),
    Way("Ctrl-C", "signal.raise_signal(signal.SIGINT); time.sleep(9)", -signal.SIGINT),
    Way("Ctrl-C while it ends", "", interrupts=(0.1,)),
    Way("Ctrl-C twice while it ends", "", loses=True, interrupts=(0.1, 0.05)),
    Way("SIGTERM, handled", """
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(4))
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(9)
    """, 4),
    Way("SIGTERM, not handled", "os.kill(os.getpid(), signal.SIGTERM); time.sleep(9)", -signal.SIGTERM, loses=True),
    Way("SIGKILL", "os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL, loses=True),
    Way("a fork that ends", "if os.fork() == 0: sys.exit(0)\nos.wait()"),
    Way("a fork that outlives", "if os.fork() == 0: time.sleep(1)"),
    Way("a fork that reports", """
        if os.fork() == 0:
            try: reporter.start_job("of the child")
            except RecorderClosed: os._exit(7)
        sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
    """, 7),
    Way("a spawned child", """
        one = multiprocessing.get_context("spawn").Process(target=child)
        one.start()
        one.join()
        sys.exit(one.exitcode)
    """, 7),
]  # fmt: skip


def end(path: Path, does: str, interrupts: tuple[float, ...] = ()) -> End:
    """Run the program on a log, and what it ``does`` then; see :class:`Way`."""
    script = path.with_name("program.py")
    script.write_text(
        _PROGRAM + "\n" + "\n".join(f"    {line}" for line in dedent(does).splitlines()), encoding="utf-8"
    )
    command = [sys.executable, str(script), f"sqlite:///{path.as_posix()}"]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(2)]
        for seconds in interrupts:
            time.sleep(seconds)
            process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=_HANGS_AFTER_SECONDS)
        ended = time.monotonic()
    return End(process.returncode, ended - float(said[1]), [said[0], *output.splitlines()], errors)
