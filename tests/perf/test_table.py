"""The tables of the terminal, and how numbers are written."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.matrix import Mode, Variant
from perf.measure.ledger import Ledger
from perf.measure.numbers import number
from perf.report.table import render_table, verdict_table
from tests.perf.results import result
from tests.perf.tasks import task


def test_a_row_for_each_case():
    header, burst, sustained, *notes = render_table([result(), result(mode=Mode.SUSTAINED)])
    columns = "case n done X/min ideal X eff R mean s R p95 s svc p50 s growth/min lost verdict"
    assert " ".join(header.split()) == columns
    # X is 2 in 30 s; response times are 11.12 and 22; the nearest-rank median of the service times is 10.12.
    assert burst.split() == (
        ["mocked-50MB-c1-burst", "3", "2", "4", "12", "0.333", "16.6", "22*", "10.1", "-", "0", "FAIL"]
    )
    assert sustained.split()[0] == "mocked-50MB-c1-sustained"
    assert sustained.split()[5] == "-"
    assert notes == ["* p95 of fewer than 59 tasks: too few for a bound", "50MB stands for: 2 s of 320x180"]


def test_columns_are_aligned_and_fit_a_terminal():
    slow = Ledger.of([task(str(i), 0, 1, 123456.7 + i) for i in range(3)])
    results = [result(Variant.MOCKED, Mode.SUSTAINED, 100, 16, slow), result()]
    lines = render_table(results)[:3]
    assert max(map(len, lines)) <= 120
    ends = [
        line.index(word) + len(word) for line, word in zip(lines, ["growth/min", " - ", " - "], strict=True)
    ]
    assert len(lines[0]) >= max(ends)
    assert {line.rindex("  ") for line in lines} == {lines[0].rindex("  ")}


def test_no_mark_and_no_note_where_there_is_enough():
    many = Ledger.of([task(str(i), 0, i, i + 1) for i in range(59)])
    lines = render_table([result(ledger=many)])
    assert not any("*" in line for line in lines)


def test_half_an_interval_stands_beside_its_value_and_a_borderline_verdict_says_so():
    """Eight services of 1 to 8 s, one after the other; p95 of R is the last finish, 36 s."""
    starts = [0, 1, 3, 6, 10, 15, 21, 28, 36]
    ledger = Ledger.of([task(str(i), 0, starts[i], starts[i + 1]) for i in range(8)])
    slo = Slo("response_mean_s", "<=", 16)
    case = result(ledger=ledger)
    verdict = judge(case.summary, [slo], (), case.intervals)
    _, row, note, *_ = render_table([replace(case, verdict=verdict)])
    assert re.search(r" 13\.3\+-\d\d% .* PASS \(borderline\)$", row)
    assert note.startswith("+-: half the 95 % confidence interval")
    assert "borderline: 95 % between " in verdict_table(verdict)[2]


def test_absent_numbers_are_dashes():
    (_, row, *_) = render_table([result(ledger=Ledger.of([task("a", started=None, finished=None)]))])
    assert row.split()[1:] == ["1", "0", "-", "12", "-", "-", "-", "-", "-", "0", "INVALID"]


def test_the_verdict_has_a_row_for_each_slo():
    lines = verdict_table(result().verdict)
    assert lines[0] == "FAIL"
    assert lines[2].split() == ["PASS", "lost", "==", "0", "0"]
    assert lines[3].split()[:5] == ["FAIL", "response_p95_s", "<=", "20", "22"]
    assert "too few for a bound" in lines[3]


def test_the_verdict_s_problems_follow():
    lines = verdict_table(result(ledger=Ledger.of([])).verdict)
    assert lines[0] == "INVALID"
    assert lines[-1].startswith("problem: there is no task at all; ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), (0, "0"), (24, "24"), (24.0, "24"), (0.31, "0.31"), (0.49996, "0.5"), (12.345, "12.3"),
        (9.996, "10.0"), (123.4, "123"), (1234.5678, "1235"), (0.001234, "0.00123"), (-0.5, "-0.5"),
        (-12.34, "-12.3"), (1e-9, "0.0"),
    ],
)  # fmt: skip
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


@given(st.floats(-1e9, 1e9))
def test_a_number_is_near_what_it_stands_for(value):
    assert float(number(value)) == pytest.approx(value, rel=0.006, abs=1e-6)
