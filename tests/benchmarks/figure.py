"""A figure: ours against a yardstick, measured in the same run, in interleaved rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Measure = Callable[[Path], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is measured. ``reach``: the ratio to reach, at least or (``at_most``) at most."""

    name: str
    what: str
    yardstick: str
    unit: str
    ours: Measure
    theirs: Measure | None  # None: ours is an absolute figure
    reach: float
    bound: Literal["at least", "at most"] = "at least"
    rounds: int = 5  # at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Medians over the rounds; ``ratio`` is ours to the yardstick's."""

    figure: Figure
    ours: float
    theirs: float | None
    ratio: float

    @property
    def reached(self) -> bool:
        """Whether the ratio is what the figure asks for."""
        if self.figure.bound == "at least":
            return self.ratio >= self.figure.reach
        return self.ratio <= self.figure.reach


def measure(figure: Figure, folder: Path, rounds: int) -> Result:
    """Ours and the yardstick in turn; each round in a folder of its own, so that neither warms the other's files."""
    ours: list[float] = []
    theirs: list[float] = []
    for index in range(min(rounds, figure.rounds)):
        if figure.theirs is not None:
            theirs.append(figure.theirs(_folder(folder, f"{figure.name}-{index}-yardstick")))
        ours.append(figure.ours(_folder(folder, f"{figure.name}-{index}-ours")))
    # Of a figure without a yardstick, the value itself is held against what is to be reached.
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)] if theirs else ours
    return Result(
        figure=figure,
        ours=statistics.median(ours),
        theirs=statistics.median(theirs) if theirs else None,
        ratio=statistics.median(ratios),
    )


def _folder(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir()
    return folder
