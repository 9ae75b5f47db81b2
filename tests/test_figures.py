"""The table at the end of the tests."""

from __future__ import annotations

import pytest

from tests import figures


def test_figures_stand_in_the_order_of_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "_shown", [])
    for name in ("R10: b", "S2: c", "R9: a"):
        figures.show(name, "0 lost", "0")
    table = figures.table()
    assert table is not None
    assert list(table.columns[0].cells) == ["R9: a", "R10: b", "S2: c"]


def test_without_figures_there_is_no_table(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(figures, "_shown", [])
    figures.print_table()
    assert capsys.readouterr().out == ""
