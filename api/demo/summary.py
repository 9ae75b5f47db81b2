"""What a run came to, as a table of at most 100 columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from api.demo.text import as_printable

if TYPE_CHECKING:
    from rich.console import Console

    from api.demo.report import DemoReport, PhotoResult

_WIDTH: Final = 100  # columns
_NAME: Final = 17  # characters
_MOST_ROWS: Final = 60
_MOST_ERRORS: Final = 12


def print_summary(console: Console, report: DemoReport) -> None:
    """Print the results in the order of the photos (of a long run, those that failed first), and the totals."""
    chosen = _chosen(report)
    console.print(_table(console, chosen), width=min(_WIDTH, console.width))
    if len(report.results) > len(chosen):
        console.print(f"... and {len(report.results) - len(chosen)} more", highlight=False)
    for result in [result for result in chosen if result.error][:_MOST_ERRORS]:
        line = f"{shown_text(console, result.name, 40)}: {result.error}"
        console.print(Text(shown_text(console, line, 300), style="red"), soft_wrap=True)
    console.print(_totals(report), highlight=False, soft_wrap=True)


def outcome(result: PhotoResult) -> tuple[str, str]:
    """How a photo fared in one word, and the colour of that word."""
    if not result.ok:
        return "failed", "red"
    return ("done", "green") if result.quality_passed else ("weak", "yellow")


def shown_text(console: Console, text: str, limit: int = _NAME) -> str:
    """Text from outside on one line; what the output cannot show becomes ``?``, and the middle may be left out."""
    clean = as_printable(text, 4000).encode(console.encoding, "replace").decode(console.encoding)
    return clean if len(clean) <= limit else f"{clean[: limit - 10]}...{clean[-7:]}"


def _chosen(report: DemoReport) -> list[PhotoResult]:
    kept = sorted(report.results, key=lambda result: result.ok)[:_MOST_ROWS]
    ids = {result.job_id for result in kept}
    return [result for result in report.results if result.job_id in ids]


def _table(console: Console, results: list[PhotoResult]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("Photo", "Context", "Preset"):
        table.add_column(heading, overflow="ellipsis", no_wrap=True)
    for heading in ("Score", "Secs"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    table.add_column("Result", no_wrap=True)
    for result in results:
        word, style = outcome(result)
        table.add_row(*_cells(console, result), Text(word, style=style))
    return table


def _cells(console: Console, result: PhotoResult) -> list[Text]:
    texts = (
        shown_text(console, result.name),
        result.context or "-",
        result.preset or "-",
        "-" if result.score is None else f"{result.score:.1f}",
        f"{result.seconds:.2f}",
    )
    # As Text, a name such as "[red]" is a name and no markup.
    return [Text(text) for text in texts]


def _totals(report: DemoReport) -> str:
    weak = sum(result.ok and not result.quality_passed for result in report.results)
    parts = [f"{report.succeeded} developed"]
    parts += [f"{weak} of them weak (did not pass the quality check)"] if weak else []
    parts += [f"{report.failed} failed"] if report.failed else []
    parts += [f"{report.not_started} not started"] if report.not_started else []
    return f"{', '.join(parts)}; {'interrupted after' if report.interrupted else 'took'} {report.seconds:.1f} s"
