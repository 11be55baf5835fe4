"""The tables of the terminal, and how numbers are written."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.case import Variant
from perf.cases.worker import Mode
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.measure.ledger import Ledger
from perf.measure.numbers import number
from perf.report.view import slo_rows
from perf.report.worker_table import render_table
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
    assert notes == [
        "* p95 of fewer than 59 tasks: too few for a bound",
        "deliveries beyond a task's first: 0; attempts beyond a task's first: 0",
        "50MB stands for: 2 s of 320x180",
    ]


def test_deliveries_and_attempts_beyond_the_first_are_one_line_over_all_cases():
    again = Ledger.of([task("a", deliveries=3), task("b", 0, 3, 5, attempts=2)])
    lines = render_table([result(ledger=again), result(), result(ledger=again)])
    assert "deliveries beyond a task's first: 4; attempts beyond a task's first: 2" in lines


def test_what_a_case_lost_and_what_it_took_to_decide_it_are_told():
    case = result()
    slower = replace(case.summary, slowdown=1.57)
    undecided = replace(case.facts, attempts=("16 tasks: INVALID efficiency >= 0.5: measured 0.9 (...)",))
    lines = render_table([replace(case, summary=slower, facts=undecided), case])
    lost, more = (line for line in lines if line.startswith("mocked-50MB-c1-burst: "))
    assert lost.endswith(
        ": capacity was lost during the case: tasks kept a worker 1.57 times as long in its later part"
    )
    assert more.endswith(": tried again after 16 tasks: INVALID efficiency >= 0.5: measured 0.9 (...)")


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
    assert note.startswith("+-: half the nominal 95 % interval (how often it holds the truth was measured: ")
    (shown,) = slo_rows(verdict)
    assert shown.kind == "PASS (borderline)"
    assert re.fullmatch(r"[\d.]+ to [\d.]+", shown.interval)
    assert "borderline: nominal 95 % between " in str(verdict.results[0])


def test_absent_numbers_are_dashes():
    (_, row, *_) = render_table([result(ledger=Ledger.of([task("a", started=None, finished=None)]))])
    assert row.split()[1:] == ["1", "0", "-", "12", "-", "-", "-", "-", "-", "0", "INVALID"]


def test_the_verdict_has_a_row_for_each_slo():
    verdict = result().verdict
    assert verdict.kind == "FAIL"
    lost, slow = slo_rows(verdict)
    assert (lost.kind, lost.slo, lost.measured, lost.margin) == ("PASS", "lost == 0", "0", "as asked")
    assert (slow.kind, slow.slo, slow.measured) == ("FAIL", "response_p95_s <= 20", "22")
    assert slow.margin == "10 % over"
    assert "too few for a bound" in slow.note
    assert slo_rows(None) == []


def test_the_verdict_s_problems_are_told():
    verdict = result(ledger=Ledger.of([])).verdict
    assert verdict.kind == "INVALID"
    assert verdict.message().startswith("INVALID there is no task at all; ")


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
