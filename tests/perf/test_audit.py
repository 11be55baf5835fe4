"""The audit: the published table, and tables that make no sense."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf.audit import Finding, Row, audit, read_rows
from perf.errors import UsageError
from perf.matrix import Mode
from tests.perf.simulated import simulate

PUBLISHED = Path(__file__).parent / "data" / "published_runs.csv"
AUDITS = {each.row.name: each for each in map(audit, read_rows(PUBLISHED))}


def test_each_row_of_the_published_table():
    verdicts = [each.verdict for each in AUDITS.values()]
    assert verdicts == [
        Finding.INCOMPLETE,
        Finding.OVERLOADED,
        Finding.CONSISTENT,
        *[Finding.IMPOSSIBLE] * 9,
    ]
    ratios = [each.ratio and round(each.ratio, 2) for each in AUDITS.values()]
    assert ratios == [None, 0.97, 0.98, 0.77, 0.97, 0.82, 0.59, 0.49, 0.53, 0.42, 0.33, 0.26]


def test_every_estimated_row_contradicts_its_own_throughput():
    for name in map(str, range(6, 13)):
        assert any("that follow from X" in text for _, text in AUDITS[name].findings)


def test_what_is_said_of_the_measured_rows():
    def said(name):
        return " ".join(text for _, text in AUDITS[name].findings)

    assert "52 done + 79 failed + 526 waiting = 657 of 657: 7.91 % done" in said("1")
    assert "arrivals of 10/min are 8.33 times what was completed" in said("2")
    assert said("3") == ""
    assert "0.77 of the 521 s" in said("4")
    assert said("5") == "40 done + 0 failed + 2 waiting = 42 of 40: the counts do not add up"


@pytest.mark.parametrize("law", ["constant", "lognormal 0.3", "uniform"])
@pytest.mark.parametrize(("servers", "rho"), [(1, None), (2, None), (1, 1.3), (1, 3.0), (2, 0.7), (1, 0.5)])
def test_what_a_queue_really_did_is_never_called_impossible(law, servers, rho):
    for seed in range(20):
        run = simulate(seed, count=40, servers=servers, law=law, rho=rho)
        row = Row(
            "x",
            Mode.BURST if rho is None else Mode.SUSTAINED,
            40, 40, 0, 0,
            run.throughput_per_min,
            sum(run.responses_s) / 40,
            None if rho is None else 60 * rho * servers,
        )  # fmt: skip
        verdict = audit(row).verdict
        assert verdict is (Finding.OVERLOADED if rho and rho > 1.2 else Finding.CONSISTENT)


def test_more_done_than_arrived():
    row = Row("x", Mode.SUSTAINED, 10, 10, 0, 0, 30.0, 1.0, 10.0)
    assert audit(row).findings[-1] == (Finding.IMPOSSIBLE, "X 30 is above the arrival rate 10")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no row"),
        ("mode,total\nburst,3\n", r":1: no column done, failed, x_videos_per_min, s_mean_s"),
        ("mode,total,done,failed,x_per_min,s_mean_s\nburts,1,1,0,1,1\n", ":2: mode is 'burts'; expected"),
        ("mode,total,done,failed,x_per_min,s_mean_s\nburst,1,1,0,?,1\n", r":2: x_per_min is '\?'"),
        ("mode,total,done,failed,x_per_min,s_mean_s\nburst,-1,1,0,1,1\n", ":2: total is '-1'"),
    ],
)
def test_a_table_that_makes_no_sense(tmp_path, text, words):
    path = tmp_path / "runs.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_rows(path)


def test_a_table_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match="cannot read the table"):
        read_rows(tmp_path / "none.csv")
