"""The audit: the published table, what a run can be and what none can, and what would explain a row."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perf.cases.worker import Mode
from perf.cli.main import main
from perf.judge.audit import Finding, Row, audit
from perf.judge.pace import Pace
from perf.judge.units import wrong_units
from perf.store.published import read_table
from tests.perf.simulated import Model, simulate

PUBLISHED = Path(__file__).parent / "data" / "published_runs.csv"
ROWS = read_table(PUBLISHED).rows
AUDITS = {each.row.name: each for each in map(audit, ROWS)}
COLUMNS = {"throughput_per_min": "x_per_min", "response_mean_s": "s_mean_s"}
BURST = Row("x", Mode.BURST, 20, 20, 0, 0, 1.2, 525.0, None)
SUSTAINED = Row("x", Mode.SUSTAINED, 20, 20, 0, 0, 1.2, 468.0, 10.0)


def said(row):
    return " ".join(f"{finding}: {text}" for finding, text in audit(row).findings)


def as_row(arrivals_s, completions_s, digits=None):
    """What a table would say of such a run; arrivals evenly spaced, or all at 0."""
    count, makespan_s = len(arrivals_s), max(completions_s)
    mean_s = (sum(completions_s) - sum(arrivals_s)) / count
    sustained = arrivals_s[-1] > 0
    numbers = [60 * count / makespan_s, mean_s, 60 * (count - 1) / arrivals_s[-1] if sustained else 0.0]
    x, mean, rate = numbers if digits is None else [round(each, digits) for each in numbers]
    mode = Mode.SUSTAINED if sustained else Mode.BURST
    return Row("x", mode, count, count, 0, 0, x, mean, rate if sustained else None)


def slowed(k, *, count=200, gap_s=0.0, noise=0.0, seed=0):
    """A run of the independent model whose service times are k times as long in its second half."""
    durations = np.random.default_rng(seed).lognormal(-(noise**2) / 2, noise, count)
    durations[count // 2 :] *= k
    model = Model([i * gap_s for i in range(count)], 1, durations.tolist())
    run = model.run()
    return Row(
        "x", Mode.SUSTAINED if gap_s else Mode.BURST, count, count, 0, 0,
        run.throughput_per_min, sum(run.responses_s) / count, 60 / gap_s if gap_s else None,
    )  # fmt: skip


def test_each_row_of_the_published_table():
    # Rows 4 and 6 to 12 were "impossible" once: they are for a run at an even pace, but an order of
    # completions gives each of them. The counts of row 5 stay impossible.
    verdicts = [each.verdict for each in AUDITS.values()]
    assert verdicts == [
        Finding.INCOMPLETE,
        Finding.OVERLOADED,
        Finding.CONSISTENT,
        Finding.INCONSISTENT,
        Finding.IMPOSSIBLE,
        *[Finding.INCONSISTENT] * 7,
    ]
    ratios = [each.ratio and round(each.ratio, 2) for each in AUDITS.values()]
    assert ratios == [None, 0.97, 0.98, 0.77, 0.97, 0.82, 0.59, 0.49, 0.53, 0.42, 0.33, 0.26]


def test_every_estimated_row_contradicts_its_own_throughput():
    for name in map(str, range(6, 13)):
        assert any("that follow from X" in text for _, text in AUDITS[name].findings)


def test_what_is_said_of_the_measured_rows():
    assert "52 done + 79 failed + 526 waiting = 657 of 657: 7.91 % done" in said(ROWS[0])
    assert "arrivals of 10/min are 8.33 times what was completed" in said(ROWS[1])
    assert said(ROWS[2]) == ""
    assert "inconsistent with an even pace: a mean of 401 s is 0.77 of the 521 s" in said(ROWS[3])
    assert said(ROWS[3]).endswith("slower by about 2.87 in the second half would explain it")
    assert said(ROWS[4]) == (
        "impossible: 40 done + 0 failed + 2 waiting = 42 of 40: the counts do not add up"
    )


def test_what_no_slower_half_explains():
    assert "no slower second half, but 28 of 40 done as they came and the rest evenly" in said(ROWS[10])
    assert "no slower second half, but 46 of 60 done as they came and the rest evenly" in said(ROWS[11])


@pytest.mark.parametrize("law", ["constant", "lognormal 0.3", "uniform"])
@pytest.mark.parametrize(("servers", "rho"), [(1, None), (2, None), (1, 1.3), (1, 3.0), (2, 0.7), (1, 0.5)])
def test_what_a_queue_at_an_even_pace_did_is_consistent(law, servers, rho):
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


@pytest.mark.parametrize("law", ["constant", "lognormal 0.3", "uniform"])
@pytest.mark.parametrize("count", [1, 2, 4, 5, 9, 40])
def test_many_servers_and_few_tasks_are_consistent(law, count):
    for servers in (1, 4, 8):
        for seed in range(20):
            run = simulate(seed, count=count, servers=servers, law=law)
            row = Row(
                "x", Mode.BURST, count, count, 0, 0,
                run.throughput_per_min, sum(run.responses_s) / count, None, servers,
            )  # fmt: skip
            assert audit(row).verdict is Finding.CONSISTENT, (servers, seed, said(row))


@given(
    count=st.integers(1, 30),
    gap_s=st.sampled_from([0.0, 0.5, 7.0]),
    digits=st.sampled_from([0, 1, 2, None]),
    data=st.data(),
)
def test_no_order_of_completions_is_impossible(count, gap_s, digits, data):
    after_s = data.draw(st.lists(st.floats(0, 1e4), min_size=count, max_size=count))
    arrivals_s = [k * gap_s for k in range(count)]
    completions_s = [a + b for a, b in zip(arrivals_s, after_s, strict=True)]
    assume(max(completions_s) > 1e-3)
    row = as_row(arrivals_s, completions_s, digits)
    assert audit(row).verdict is not Finding.IMPOSSIBLE, said(row)


@given(st.integers(2, 50), st.floats(1, 1e4), st.floats(0, 1))
def test_the_bounds_are_those_of_the_extreme_orders(count, makespan_s, part):
    gap_s = part * makespan_s / (count - 1)
    arrivals_s = [k * gap_s for k in range(count)]
    pace = Pace(count, makespan_s, gap_s)
    mean_arrival_s = sum(arrivals_s) / count
    assert pace.least_s + mean_arrival_s == pytest.approx((sum(arrivals_s[:-1]) + makespan_s) / count)
    assert pace.most_s + mean_arrival_s == pytest.approx(makespan_s)
    assert pace.least_s <= pace.even_s * (1 + 1e-9)
    assert pace.even_s <= pace.most_s * (1 + 1e-9)


@pytest.mark.parametrize(("gap_s", "rate_per_min"), [(6.1, 10.0), (6.06, 10.01)])
def test_a_rate_stands_for_all_that_are_near_it(gap_s, rate_per_min):
    # each task takes 0.05 s; were the arrivals exactly 60 / rate apart, the last one alone would take longer
    run = as_row([k * gap_s for k in range(20)], [k * gap_s + 0.05 for k in range(20)])
    assert Pace(20, 60 * 20 / run.throughput_per_min, 60 / rate_per_min).least_s > 0.05
    assert audit(replace(run, rate_per_min=rate_per_min)).verdict is Finding.CONSISTENT


def test_the_last_tasks_of_several_servers_are_no_overload():
    run = simulate(0, count=12, servers=4, rho=0.9, law="constant")
    mean_s = sum(run.responses_s) / 12
    row = Row("x", Mode.SUSTAINED, 12, 12, 0, 0, run.throughput_per_min, mean_s, 60 * 0.9 * 4, 4)
    assert audit(row).verdict is Finding.CONSISTENT
    assert audit(replace(row, servers=None)).verdict is Finding.OVERLOADED  # for all the table says then


@pytest.mark.parametrize("row", [BURST, SUSTAINED])
def test_beyond_every_order(row):
    pace = Pace(20, 1000.0, 0.0 if row is BURST else 6.0)
    for mean_s, verdict in [
        (0.9 * pace.least_s, Finding.IMPOSSIBLE),
        (1.05 * pace.least_s, Finding.INCONSISTENT),
        (0.99 * pace.most_s, Finding.INCONSISTENT),
        (1.1 * pace.most_s, Finding.IMPOSSIBLE),
    ]:
        assert audit(replace(row, throughput_per_min=1.2001, response_mean_s=mean_s)).verdict is verdict
    assert "no order of completions has a mean of 2000 s: X allows" in said(replace(row, response_mean_s=2e3))


def test_of_a_part_or_unknown_arrivals_only_the_makespan_bounds_the_mean():
    part = replace(BURST, done=10, failed=10)
    assert audit(replace(part, response_mean_s=450.0)).verdict is Finding.INCOMPLETE
    assert audit(replace(part, response_mean_s=550.0)).verdict is Finding.IMPOSSIBLE
    unknown = replace(SUSTAINED, rate_per_min=None)
    assert audit(replace(unknown, response_mean_s=1100.0)).verdict is Finding.IMPOSSIBLE


@given(st.integers(2, 300), st.floats(0.01, 100), st.floats(1, 1e3))
def test_a_slowdown_is_found_exactly_where_there_is_no_noise(count, k, makespan_s):
    first = count // 2
    gaps = np.array([1.0] * first + [k] * (count - first))
    completions_s = np.cumsum(gaps) * makespan_s / gaps.sum()
    assert Pace(count, makespan_s).slowdown(float(completions_s.mean())) == pytest.approx(k, rel=1e-6)


@pytest.mark.parametrize("gap_s", [0.0, 0.2])
@pytest.mark.parametrize("k", [0.3, 0.5, 2.0, 3.0, 4.0])
def test_a_run_that_was_slowed_gives_it_back(k, gap_s):
    for seed in range(10):
        row = slowed(k, gap_s=gap_s, noise=0.1, seed=seed)
        assert audit(row).verdict is Finding.INCONSISTENT
        word, found = re.search(r"(slower|faster) by about ([\d.]+) in the second", said(row)).groups()
        assert word == ("slower" if k > 1 else "faster")
        assert float(found) == pytest.approx(max(k, 1 / k), rel=0.2)


def test_a_slowdown_that_would_complete_tasks_before_they_come_is_none():
    pace = Pace(20, 1000.0, 40.0)
    assert pace.slowdown(pace.even_s) == pytest.approx(1)
    assert pace.slowdown(0.5 * pace.even_s) is None
    assert Pace(1, 1000.0).slowdown(1000.0) is None


@given(st.integers(2, 40), st.floats(0, 30), st.floats(0, 1))
def test_what_is_named_beyond_a_slowdown_gives_such_a_mean(count, gap_s, part):
    pace = Pace(count, 1200.0, gap_s)
    mean_s = pace.least_s + part * (pace.most_s - pace.least_s)
    early, late = pace.as_they_came(mean_s), pace.at_the_end(mean_s)
    assert 1 <= early < count
    assert 1 <= late <= count

    def mean_of(completions_s):
        return np.mean(completions_s) - pace.last_arrival_s / 2

    def early_s(done):
        since_s, rest = (done - 1) * gap_s, count - done
        steps = np.arange(1, rest + 1) / rest
        return [k * gap_s for k in range(done)] + list(since_s + steps * (1200.0 - since_s))

    assert mean_of(early_s(early)) <= mean_s + 1e-6
    assert early == 1 or mean_of(early_s(early - 1)) > mean_s - 1e-6
    spaced = list(np.arange(1, count - late + 1) * 1200.0 / (count - late + 1))
    assert mean_of(spaced + [1200.0] * late) >= mean_s - 1e-6


def test_what_no_faster_half_explains():
    # 15 of 20 at T and 5 at T / 6, 2 T / 6, ... have a mean of T 35 / 40 = 875 s
    row = replace(BURST, response_mean_s=875.0)
    assert "no faster second half, but 15 of 20 done only at the very end" in said(row)


def test_more_done_than_arrived():
    row = Row("x", Mode.SUSTAINED, 10, 10, 0, 0, 30.0, 1.0, 10.0)
    assert audit(row).findings == ((Finding.IMPOSSIBLE, "X 30 is above the arrival rate 10"),)


@pytest.mark.parametrize("row", [BURST, SUSTAINED])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("total", "total is"),
        ("done", "done is"),
        ("failed", "failed is missing"),
        ("waiting", "waiting is missing"),
        ("throughput_per_min", "X is"),
        ("response_mean_s", "the mean response is"),
        ("rate_per_min", "the arrival rate is"),
    ],
)
def test_what_is_missing_or_zero_is_never_consistent(row, name, words):
    assert audit(row).verdict in {Finding.CONSISTENT, Finding.OVERLOADED}
    needed = not (row is BURST and name == "rate_per_min")
    for value in (None, 0):
        changed = replace(row, **{name: value})
        fine = not needed or (value == 0 and name in {"failed", "waiting"})
        if fine:
            assert audit(changed).verdict is audit(row).verdict
        else:
            assert Finding.UNCHECKED in [finding for finding, _ in audit(changed).findings]
            assert audit(changed).verdict not in {Finding.CONSISTENT, Finding.OVERLOADED}
            assert words in said(changed)


def test_a_sustained_row_without_a_rate_cannot_be_checked():
    row = replace(SUSTAINED, rate_per_min=None)
    assert said(row) == "cannot be checked: the arrival rate is missing"
    assert audit(row).verdict is Finding.UNCHECKED


@pytest.mark.parametrize(
    ("column", "times", "words"),
    [
        ("throughput_per_min", 60, "about 60 of what follows from X: x_per_min is likely per hour"),
        ("throughput_per_min", 1 / 60, "about 1/60 of .*, or x_per_min per second"),
        ("response_mean_s", 1 / 60, "about 1/60 of .*: s_mean_s is likely in minutes"),
        ("response_mean_s", 1000, "about 1000 of .*: s_mean_s is likely in ms"),
        ("response_mean_s", 1 / 1000, "about 1/1000 of .*: s_mean_s is likely in thousands of s"),
    ],
)
def test_a_wrong_unit_is_named(column, times, words):
    def audits(rows):
        return [audit(replace(row, **{column: getattr(row, column) * times})) for row in rows]

    bursts = [row for row in ROWS if row.mode is Mode.BURST]
    assert re.search(words, wrong_units(audits(bursts), COLUMNS))
    assert wrong_units(audits(bursts[:3]), COLUMNS) is None  # row 1 has no ratio, so that two are left
    assert wrong_units([*audits(bursts), audit(BURST)], COLUMNS) is None


def test_the_published_units_are_not_doubted():
    assert wrong_units(list(AUDITS.values()), COLUMNS) is None


def test_the_command_says_so_in_one_line_or_exits_with_one(tmp_path, capsys):
    path = tmp_path / "runs.csv"
    head = "mode;total;done;failed;x_per_min;s_mean_s\n"
    path.write_text(head + "burst;20;20;0;1,2;525\n")
    assert main(["audit", str(path)]) == 0
    path.write_text(head + "burst;20;20;0;1,2;\n")
    assert main(["audit", str(path)]) == 1
    assert "1: cannot be checked: the mean response is missing" in capsys.readouterr().out
    path.write_text(head + "burst;20;20;0;1,2;525000\n" * 3)
    assert main(["audit", str(path)]) == 2
    assert capsys.readouterr().err == (
        f"perf: {path}: the mean of each of 3 rows is about 1000 of what follows from X: s_mean_s is likely "
        "in ms, not s: divide it by 1000\n"
    )
