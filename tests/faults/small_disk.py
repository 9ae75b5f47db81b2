"""A file system of the tests' own, where they may mount one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A small file system in memory. Who may not mount gets :class:`subprocess.CalledProcessError`."""
    folder.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "jobreel", folder], check=True, capture_output=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True, capture_output=True)


def make_read_only(folder: Path) -> None:
    """What was mounted there may not be written any more; nobody has a file open there."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True, capture_output=True)


def may_mount() -> bool:
    """Whether this process may: root may, except in a container that does without."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return False
    # A namespace of its own, which ends with the command: nothing is left mounted.
    command = ["unshare", "--mount", "mount", "-t", "tmpfs", "jobreel", "/tmp"]  # hidden for a moment
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
