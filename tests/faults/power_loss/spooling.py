"""What is recorded: ``python -m tests.faults.power_loss.spooling FOLDER``.

A spool takes events and has them delivered, in batches of chance.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from tests.faults.power_loss.marking import mark
from tests.faults.power_loss.spooled import spooled
from tracker.remote import spool
from tracker.remote.spool import Spool

_BATCHES = 150
_SEGMENT_BYTES = 8_000


def main(folder: str) -> None:
    spool._SEGMENT_BYTES = _SEGMENT_BYTES
    chance, spooler = random.Random(1), Spool(Path(folder) / "spool")
    appended = delivered = 0
    for _ in range(_BATCHES):
        count = chance.randint(1, 8)
        spooler.append([spooled(number) for number in range(appended, appended + count)])
        appended += count
        # All of it at times: then the file that is written to begins anew.
        count = chance.choice((0, chance.randint(0, appended - delivered), appended - delivered))
        spooler.delivered(count)
        delivered += count
        mark(delivered, "delivered")
    spooler.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
