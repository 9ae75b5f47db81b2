"""The ``tracker`` command.

One file for each command; what they share is in ``options``, ``failures`` and ``terminal``. Whatever takes long to
import (the database, the server, the tables) is imported inside the commands, so that ``--help`` answers at once.
"""

from __future__ import annotations


def main() -> None:
    """Run it: the entry point of ``tracker`` and of ``python -m tracker``."""
    from api.cli.group import tracker
    from api.cli.terminal import replace_unprintable

    replace_unprintable()
    tracker(prog_name="tracker")
