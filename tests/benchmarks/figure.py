"""A figure: ours against a yardstick, measured in the same run, in interleaved rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.benchmarks.apart import measured_apart

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
    rounds: int = 9  # at most
    is_short: bool = False  # part of the short form, in two rounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """Medians over the rounds; ``ratio`` is ours to the yardstick's, and so is ``spread``, the lowest and the highest.

    ``peak_bytes``: the most memory that a process which measured ours had resident; None where the system does not say.
    """

    figure: Figure
    ours: float
    theirs: float | None
    ratio: float
    spread: tuple[float, float]
    peak_bytes: int | None

    @property
    def reached(self) -> bool:
        """Whether the ratio is what the figure asks for."""
        if self.figure.bound == "at least":
            return self.ratio >= self.figure.reach
        return self.ratio <= self.figure.reach


def measure(figure: Figure, folder: Path, rounds: int) -> Result:
    """Ours and the yardstick in turn, each in a process and a folder of its own: neither warms what the other uses."""
    ours: list[float] = []
    theirs: list[float] = []
    peaks: list[int] = []
    for index in range(min(rounds, figure.rounds)):
        if figure.theirs is not None:
            value, _ = measured_apart(figure.theirs, _folder(folder, f"{figure.name}-{index}-yardstick"))
            theirs.append(value)
        value, peak = measured_apart(figure.ours, _folder(folder, f"{figure.name}-{index}-ours"))
        ours.append(value)
        peaks += [peak] if peak is not None else []
    # Of a figure without a yardstick, the value itself is held against what is to be reached.
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)] if theirs else ours
    return Result(
        figure=figure,
        ours=statistics.median(ours),
        theirs=statistics.median(theirs) if theirs else None,
        ratio=statistics.median(ratios),
        spread=(min(ratios), max(ratios)),
        peak_bytes=max(peaks, default=None),
    )


def _folder(parent: Path, name: str) -> Path:
    for suffix in ("", *(f"-{number}" for number in range(2, 100))):
        folder = parent / f"{name}{suffix}"
        if not folder.exists():
            folder.mkdir()
            return folder
    raise AssertionError(name)
