"""What is recorded: ``python -m tests.faults.power_loss.copies FOLDER LOG KEPT [unsynced]``.

A log that is elsewhere is backed up and exported into the folder, by the commands. Each file is marked once its command
is done, and kept elsewhere for comparison. ``unsynced``: the names of the new files are not synced.
"""

from __future__ import annotations

import shutil
import sys

from click.testing import CliRunner

from api.cli.group import tracker
from tests.faults.power_loss.marking import mark
from tracker import durable_names

_COMMANDS = {
    1: ("first.db", "backup {}"),
    2: ("all.jsonl", "export --until 20 --output {}"),
    3: ("second.db", "backup {}"),
    4: ("all.jsonl", "export --output {}"),  # over the one that is there
    5: ("all.jsonl.zst", "export --output {}"),
}


def main(folder: str, log: str, kept: str, *options: str) -> None:
    if "unsynced" in options:
        durable_names.sync_folder = lambda folder: None
    for number, (name, command) in _COMMANDS.items():
        arguments = [*command.format(f"{folder}/{name}").split(), "--database", f"sqlite:///{log}"]
        result = CliRunner().invoke(tracker, arguments)
        assert result.exit_code == 0, result.output
        mark(number, name)
        shutil.copy(f"{folder}/{name}", f"{kept}/{number}-{name}")


if __name__ == "__main__":
    main(*sys.argv[1:])
