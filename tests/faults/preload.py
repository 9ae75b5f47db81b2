"""Libraries of the tests' own that stand between a process and the system: compiled here, loaded by LD_PRELOAD."""

from __future__ import annotations

import subprocess
from pathlib import Path


def compiled(source: Path, folder: Path) -> Path:
    """The library of a C file, in the folder."""
    library = folder / f"{source.stem}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", library, source], check=True)
    return library
