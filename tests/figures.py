"""Figures of faults and load: what was measured, beside what must be reached; listed once the tests have run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_shown: list[tuple[str, str, str]] = []


def show(figure: str, measured: str, reach: str) -> None:
    """Keep a figure for the table at the end: its name as in ``R4: a full disk``."""
    _shown.append((figure, measured, reach))
    print(f"{figure}: {measured} (reach: {reach})", flush=True)  # seen at once by `make torture`, whose end is far


def shown() -> list[tuple[str, str, str]]:
    """What was shown in this process so far."""
    return _shown


def add(rows: list[tuple[str, str, str]]) -> None:
    """Take what another process of the same run showed into the table."""
    _shown.extend(rows)


def table() -> Table | None:
    """What was shown so far, in the order of its names; ``None``: nothing was."""
    if not _shown:
        return None
    table = Table("figure", "measured", "reach", title="Figures of faults and load", title_justify="left")
    for row in sorted(_shown, key=_order):
        table.add_row(*row)
    return table


def print_table() -> None:
    """The table, as wide as it needs to be."""
    if (shown := table()) is not None:
        Console(width=160).print(shown)


def _order(row: tuple[str, str, str]) -> tuple[str, int, str]:
    name = row[0].partition(":")[0]
    number = "".join(letter for letter in name if letter.isdigit())
    return name[:1], int(number or 0), row[0]
