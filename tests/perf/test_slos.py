"""slos.toml: its grammar, its errors, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.case import Variant
from perf.cases.errors import InvalidMeasurement, SloBroken, UsageError
from perf.cases.worker import Mode, WorkerCase, worker_cases
from perf.judge.check import Problem
from perf.judge.slos import Slo, load_slos, parse_slo, parse_slos
from perf.judge.verdict import STABLE, STEADY, VerdictKind, judge, raise_unless_pass, with_loss
from perf.measure.ideal import Ideal
from perf.measure.intervals import Interval, intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.summary import METRICS
from tests.perf.judged import KINDS
from tests.perf.simulated import simulate
from tests.perf.tasks import task

SHIPPED = Path(__file__).parents[2] / "perf" / "slos.toml"
CASE = WorkerCase(Variant.MOCKED, 50, 1, Mode.BURST, 24)


def texts(book, case):
    return [str(slo) for slo in book.for_case(case)]


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_slos(text, "slos.toml", KINDS)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_file_covers_every_case_and_keeps_shared_hardware_to_ratios():
    book = load_slos(SHIPPED, KINDS)
    for variant in Variant:
        for case in worker_cases(variant, {}):
            slos = book.for_case(case)
            assert {"lost == 0", "failed == 0", "outstanding == 0"} <= {str(slo) for slo in slos}
            if variant is not Variant.AWS:
                assert {METRICS[slo.metric].unit for slo in slos} <= {"count", "ratio"}


def test_a_slo_knows_its_line():
    text = '[mocked.burst]\n# lost == 0\nslos = [\n  "lost == 0",\n]\n'
    (slo,) = parse_slos(text, "slos.toml", KINDS).for_case(CASE)
    assert slo == Slo("lost", "==", 0.0, "slos.toml:4")


def test_a_case_adds_to_its_mode_and_replaces_what_bounds_the_same_side():
    book = parse_slos(
        """
        [mocked.burst]
        slos = ["efficiency >= 0.5", "failed == 0", "lost == 0", "parallelism_max >= 1"]
        [mocked."50MB-c1-burst"]
        slos = ["efficiency >= 0.6", "failed <= 2", "parallelism_max <= 1"]
        """,
        "slos.toml",
        KINDS,
    )
    own = ["efficiency >= 0.6", "failed <= 2", "parallelism_max <= 1"]
    assert texts(book, CASE) == ["lost == 0", "parallelism_max >= 1", *own]
    other = WorkerCase(Variant.MOCKED, 100, 1, Mode.BURST, 24)
    assert texts(book, other) == ["efficiency >= 0.5", "failed == 0", "lost == 0", "parallelism_max >= 1"]


@pytest.mark.parametrize("variant", ["aws", "all"])
def test_a_ratio_to_bare_runs_is_not_for_workers_that_are_elsewhere(variant):
    message = refusal(f'[{variant}.burst]\nslos = ["efficiency >= 0.5"]')
    assert message.startswith("slos.toml:2: ")
    assert "say [mocked.burst] or [local.burst]" in message


def test_a_file_that_is_nested_too_deeply_is_refused():
    assert "nested too deeply" in refusal("a = " + "[" * 5000 + "]" * 5000)


def test_a_case_without_any_slo_is_refused():
    book = parse_slos('[mocked.sustained]\nslos = ["lost == 0"]', "slos.toml", KINDS)
    with pytest.raises(UsageError, match=r"no SLO for mocked-50MB-c1-burst") as caught:
        book.for_case(CASE)
    assert '[mocked.worker] or [mocked.burst] or [mocked."50MB-c1-burst"]' in str(caught.value)


@pytest.mark.parametrize(
    ("slo", "words"),
    [
        ("response_p95_ms <= 30", "unknown metric 'response_p95_ms'; did you mean 'response_p95_s'?"),
        ("eficiency >= 0.5", "did you mean 'efficiency'?"),
        ("response_p95_s <= 30 ms", "response_p95_s is in s, not in 'ms'"),
        ("efficiency >= 50%", "efficiency is a ratio without a unit, not in '%'"),
        ("throughput_per_min >= 2 s", "is in per_min, not in 's'"),
        ("efficiency => 0.5", "unknown operator '=>'; did you mean '>='?"),
        ("failed = 0", "did you mean '=='?"),
        ("failed != 0", "unknown operator '!='"),
        ("efficiency >= half", "expected metric op number"),
        ("efficiency", "expected metric op number"),
        ("efficiency >= nan", "expected metric op number"),
        ("efficiency >= 1e400", "expected metric op number|not in"),
        ("backlog_growth_vs_arrival <= 0.1", "does not exist for burst cases, only for sustained"),
        ("efficiency >= 0", "this can never fail"),
        ("efficiency < 0", "this can never pass"),
        ("failed <= -1", "this can never pass"),
        ("failed == -1", "this can never pass"),
        ("failed == 0.5", "this can never pass"),
        ("efficiency == 0.5", "never exactly equal"),
    ],
)
def test_an_slo_that_makes_no_sense_names_its_line(slo, words):
    message = refusal(f'[mocked.burst]\nslos = [\n  "lost == 0",\n  "{slo}",\n]')
    assert message.startswith("slos.toml:4: ")
    assert any(word in message for word in words.split("|"))


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('\n[moked.burst]\nslos = ["lost == 0"]', 2, "unknown variant 'moked'; did you mean 'mocked'?"),
        ('[mocked.brust]\nslos = ["lost == 0"]', 1, "did you mean 'burst'?"),
        ('[mocked."50MB-c1-brust"]\nslos = ["lost == 0"]', 1, "did you mean '50MB-c1-burst'?"),
        ('[mocked."70MB-c3-brust"]\nslos = ["lost == 0"]', 1, "did you mean '70MB-c3-burst'?"),
        ('[mocked."50-c1-burst"]\nslos = ["lost == 0"]', 1, "unknown kind, mode or case '50-c1-burst'"),
        ('[mocked.burst]\n\nslo = ["lost == 0"]', 3, "unknown key 'slo'; did you mean 'slos'?"),
        ("[mocked.burst]\nslos = []", 2, "not empty"),
        ('[mocked.burst]\nslos = "lost == 0"', 2, "expected slos = ["),
        ("[mocked.burst]\nslos = [1]", 2, "expected slos = ["),
        ("[mocked.burst]\n", 1, "expected slos = ["),
        ("[mocked]\nburst = 3", 2, "'burst' is not a table"),
        ("mocked = 3", 1, "'mocked' is not a table"),
        ('[local.burst]\nslos = ["lost == 0"]\n[mocked]\nburst = 3', 4, "'burst' is not a table"),
        ('[mocked."0"]\nslos = ["lost == 0"]', 1, "unknown kind, mode or case '0'"),
        ('[mocked.burst]\nslos = [\n"lost == 0"', 3, "not TOML"),
        ('[mocked.burst]\nslos = ["lost == 0"]\n[mocked.burst]', 3, "not TOML"),
        ('[mocked.burst]\nslos = ["failed == 0",\n"failed <= 2"]', 3, "bounded on this side already"),
    ],
)
def test_a_file_that_makes_no_sense_names_its_line(text, line, words):
    message = refusal(text)
    assert message.startswith(f"slos.toml:{line}: ")
    assert words in message


def test_the_line_is_that_of_the_guilty_table():
    table = '[mocked.{}]\nslos = ["backlog_end <= 5"]\n'
    message = refusal(table.format("burst") + table.format("sustained"))
    assert message.startswith("slos.toml:2: ")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"cannot read the SLOs"):
        load_slos(tmp_path / "none.toml", KINDS)


def burst_slo(text):
    return parse_slo(text, METRICS, [Mode.BURST], "here:1")


def test_a_unit_may_be_said():
    assert burst_slo("response_p95_s <= 30 s") == Slo("response_p95_s", "<=", 30.0, "here:1")
    assert burst_slo("throughput_per_min>=2per_min") == Slo("throughput_per_min", ">=", 2.0, "here:1")
    signed = parse_slo("backlog_growth_per_min <= -0.5", METRICS, [Mode.SUSTAINED], "")
    assert signed == Slo("backlog_growth_per_min", "<=", -0.5)


@pytest.mark.parametrize("op", ["<=", "=="])
def test_a_limit_beyond_all_numbers_is_refused(op):
    with pytest.raises(UsageError, match="too large for a number"):
        burst_slo(f"failed {op} 1{'0' * 400}")


@given(st.text(max_size=30))
def test_any_text_is_an_slo_or_a_usage_error(text):
    try:
        metric = burst_slo(text).metric
    except UsageError:
        return
    assert metric in METRICS


@pytest.mark.parametrize(
    ("op", "below", "at", "above"),
    [
        (">=", False, True, True),
        (">", False, False, True),
        ("<=", True, True, False),
        ("<", True, False, False),
        ("==", False, True, False),
    ],
)
def test_each_operator(op, below, at, above):
    slo = Slo("done", op, 5.0)
    assert (slo.holds(4), slo.holds(5), slo.holds(6)) == (below, at, above)


# The verdict

LEDGER = Ledger.of([task("a", 0, 0, 10), task("b", 0, 10, 20)])
SUMMARY = summarise(LEDGER, concurrency=1, mode=Mode.BURST, ideal=Ideal(12.0, (5.0,), 1))


def verdict(*slos: str, problems=()):
    return judge(SUMMARY, [parse_slo(slo, METRICS, [Mode.BURST], "slos.toml:7") for slo in slos], problems)


def test_all_kept_is_a_pass():
    passed = verdict("efficiency >= 0.5", "lost == 0")
    assert (passed.kind, passed.message()) == (VerdictKind.PASS, "PASS 2 SLOs hold")
    raise_unless_pass(passed)


def test_a_broken_slo_fails_with_the_measured_value_and_the_limit():
    failed = verdict("efficiency >= 0.8", "lost == 0")
    assert failed.kind is VerdictKind.FAIL
    assert failed.message() == "FAIL efficiency >= 0.8: measured 0.5 (slos.toml:7)"
    with pytest.raises(SloBroken, match=r"efficiency >= 0.8: measured 0.5"):
        raise_unless_pass(failed)


def test_a_metric_without_data_is_invalid_and_named():
    without_ideal = summarise(LEDGER, concurrency=1, mode=Mode.BURST, ideal=None)
    invalid = judge(without_ideal, [Slo("efficiency", ">=", 0.5), Slo("lost", "==", 0)], ())
    assert invalid.kind is VerdictKind.INVALID
    assert invalid.message() == "INVALID efficiency >= 0.5: no data"
    with pytest.raises(InvalidMeasurement, match=r"efficiency >= 0.5: no data"):
        raise_unless_pass(invalid)


def test_a_problem_is_invalid_and_still_tells_what_is_broken():
    invalid = verdict("efficiency >= 0.8", problems=[Problem("two clocks", "use one")])
    assert invalid.kind is VerdictKind.INVALID
    assert invalid.message().splitlines() == [
        "INVALID two clocks; use one",
        "FAIL efficiency >= 0.8: measured 0.5 (slos.toml:7)",
    ]


def test_no_slo_never_passes():
    assert verdict().kind is VerdictKind.INVALID


def test_a_percentile_of_few_samples_says_so():
    (result,) = verdict("response_p95_s <= 30").results
    assert result.note == "p95 of 2: too few for a bound, which takes 59"
    assert result.passed
    many = Ledger.of([task(str(i), 0, i, i + 1) for i in range(59)])
    summary = summarise(many, concurrency=1, mode=Mode.BURST, ideal=None)
    notes = [
        judge(summary, [Slo(name, "<=", 99.0)], ()).results[0].note
        for name in ("response_p95_s", "response_p99_s")
    ]
    assert notes == ["", "p99 of 59: too few for a bound, which takes 299"]


def test_rounding_never_tells_the_opposite():
    close = Ledger.of([task("a", 0, 0, 10.004)])
    summary = summarise(close, concurrency=1, mode=Mode.BURST, ideal=None)
    message = judge(summary, [Slo("makespan_s", "<=", 10.0)], ()).message()
    assert message == "FAIL makespan_s <= 10: measured 10.004"


def sustained(rho):
    ledger = simulate(1, count=60, rho=rho).ledger
    summary = summarise(ledger, concurrency=1, mode=Mode.SUSTAINED, ideal=None)
    return summary, intervals(ledger, summary, concurrency=1, mode=Mode.SUSTAINED)


def test_the_measured_value_decides_and_a_straddling_interval_is_told():
    summary, found = sustained(0.7)
    around = found["response_mean_s"]
    value = summary.response_mean_s
    for limit, kind, borderline in (
        (around.low - 0.01, VerdictKind.FAIL, False),
        ((around.low + value) / 2, VerdictKind.FAIL, True),
        ((value + around.high) / 2, VerdictKind.PASS, True),
        (around.high + 0.01, VerdictKind.PASS, False),
    ):
        verdict = judge(summary, [Slo("response_mean_s", "<=", limit)], (), found)
        assert (verdict.kind, verdict.borderline) == (kind, borderline)
        assert ("borderline: nominal 95 % between " in str(verdict.results[0])) is borderline
    without = judge(summary, [Slo("response_mean_s", "<=", value - 0.001)], ())
    assert without.kind is VerdictKind.FAIL


def test_growth_is_fail_though_the_queue_was_empty_in_the_end():
    summary, found = sustained(1.3)
    assert summary.outstanding == 0
    slos = with_loss([Slo("outstanding", "==", 0)], Mode.SUSTAINED)
    verdict = judge(summary, slos, (), found)
    assert verdict.kind is VerdictKind.FAIL
    assert "FAIL offered_utilisation < 1: measured 1." in verdict.message()
    assert "; stability)" in verdict.message()


def test_that_nothing_is_lost_is_asked_of_sustained_cases_once():
    own, stricter = Slo("offered_utilisation", "<=", 0.8), Slo("slowdown", "<=", 1.1)
    assert with_loss([own], Mode.SUSTAINED) == (own, STEADY)
    assert with_loss([stricter, own], Mode.SUSTAINED) == (stricter, own)
    # What bounds them from below, or would let an overload pass, replaces nothing.
    idle, loose = Slo(STABLE.metric, ">=", 0.1), Slo(STABLE.metric, "<", 1.2)
    assert with_loss([idle, loose], Mode.SUSTAINED) == (idle, loose, STABLE, STEADY)
    assert with_loss([Slo(STEADY.metric, ">=", 0.5)], Mode.SUSTAINED)[1:] == (STABLE, STEADY)
    assert with_loss([], Mode.BURST) == ()
    assert with_loss([], Mode.SUSTAINED) == (STABLE, STEADY)


@pytest.mark.parametrize(
    ("slowdown", "kind"), [(1.0, VerdictKind.PASS), (1.24, VerdictKind.PASS), (1.6, VerdictKind.FAIL)]
)
def test_capacity_that_was_lost_is_fail(slowdown, kind):
    summary, found = sustained(0.7)
    verdict = judge(replace(summary, slowdown=slowdown), with_loss([], Mode.SUSTAINED), (), found)
    assert verdict.kind is kind
    if kind is VerdictKind.FAIL:
        assert verdict.message() == (
            "FAIL slowdown < 1.25: measured 1.60 (capacity was lost during the case)"
        )


def test_a_case_too_short_for_a_trend_is_not_judged_by_the_built_in_one_and_invalid_by_one_s_own():
    summary, found = sustained(0.7)
    short = replace(summary, slowdown=None)
    verdict = judge(short, with_loss([], Mode.SUSTAINED), (), found)
    assert [result.slo for result in verdict.results] == [STABLE]
    assert verdict.kind is VerdictKind.PASS
    asked = judge(short, [Slo("slowdown", "<", 1.25, "slos.toml:7")], (), found)
    assert asked.message() == "INVALID slowdown < 1.25: no data (slos.toml:7)"


# Undecided: too few tasks to say


def decided(slo, measured, interval):
    """What an SLO makes of a case whose metric was measured so, with such an interval."""
    summary = replace(SUMMARY, **{slo.metric: measured})
    return judge(summary, [slo], (), {slo.metric: interval} if interval else {})


@pytest.mark.parametrize(
    ("slo", "measured", "interval", "kind", "undecided"),
    [
        # The interval holds half and twice the limit: it says nothing.
        (Slo("efficiency", ">=", 0.5), 0.9, Interval(0.2, 1.1), VerdictKind.INVALID, True),
        (Slo("efficiency", ">=", 0.5), 0.9, Interval(0.25, 1.0), VerdictKind.INVALID, True),
        (Slo("response_p95_vs_ideal", "<=", 2), 1.2, Interval(0.9, 4.5), VerdictKind.INVALID, True),
        # It holds one of them alone.
        (Slo("efficiency", ">=", 0.5), 0.9, Interval(0.26, 1.1), VerdictKind.PASS, False),
        (Slo("efficiency", ">=", 0.5), 0.9, Interval(0.2, 0.99), VerdictKind.PASS, False),
        # What is broken is broken: no more tasks are asked for.
        (Slo("efficiency", ">=", 0.5), 0.4, Interval(0.2, 1.1), VerdictKind.FAIL, False),
        (Slo("response_p95_vs_ideal", "<=", 2), 14.7, Interval(0.9, 30), VerdictKind.FAIL, False),
        # Counts are exact.
        (Slo("lost", "==", 0), 0, None, VerdictKind.PASS, False),
        # On which side of 1 the load is decides: 0.99 does not tell, nor does one without an interval.
        (STABLE, 0.97, Interval(0.94, 1.01), VerdictKind.INVALID, True),
        (STABLE, 0.7, None, VerdictKind.INVALID, True),
        (STABLE, 0.97, Interval(0.95, 0.99), VerdictKind.PASS, False),
        (STABLE, 1.02, Interval(0.98, 1.05), VerdictKind.FAIL, False),
        (STABLE, 1.02, None, VerdictKind.FAIL, False),
        # So of one's own limit on it.
        (Slo("offered_utilisation", "<=", 0.8), 0.79, Interval(0.75, 0.83), VerdictKind.INVALID, True),
    ],
)  # fmt: skip
def test_what_is_undecided_is_never_a_pass(slo, measured, interval, kind, undecided):
    verdict = decided(slo, measured, interval)
    assert (verdict.kind, verdict.undecided) == (kind, undecided)
    (result,) = verdict.results
    assert (result.kind, result.undecided) == (kind, undecided)
    if undecided:
        assert verdict.message().startswith(f"INVALID {slo}: measured ")
        assert interval is None or "undecided: nominal 95 % between " in verdict.message()
        with pytest.raises(InvalidMeasurement):
            raise_unless_pass(verdict)


def test_more_tasks_help_only_where_nothing_is_broken_and_nothing_else_is_wrong():
    summary = replace(SUMMARY, efficiency=0.9)
    wide = {"efficiency": Interval(0.2, 1.1)}
    open_, broken, absent = Slo("efficiency", ">=", 0.5), Slo("lost", ">=", 1), Slo("slowdown", "<", 2)
    assert judge(summary, [open_], (), wide).undecided
    for slos, problems, kind in (
        ([open_, broken], (), VerdictKind.FAIL),
        ([open_, absent], (), VerdictKind.INVALID),
        ([open_], [Problem("two clocks", "use one")], VerdictKind.INVALID),
    ):
        verdict = judge(summary, slos, problems, wide)
        assert (verdict.kind, verdict.undecided) == (kind, False)


@given(
    st.sampled_from([Slo("efficiency", ">=", 0.5), Slo("response_p95_vs_ideal", "<=", 2), STABLE]),
    st.floats(0.01, 50),
    st.floats(0.01, 1),
    st.floats(1, 50),
)
def test_a_pass_means_that_the_value_holds_and_the_interval_says_something(slo, measured, below, above):
    inside = Interval(measured * below, measured * above)
    verdict = decided(slo, measured, inside)
    assert (verdict.kind is VerdictKind.FAIL) == (not slo.holds(measured))
    if verdict.kind is VerdictKind.PASS:
        assert not (slo.limit / 2 in inside and 2 * slo.limit in inside)


def test_a_problem_hides_what_is_undecided():
    """What cannot be trusted has no interval: that of an unstable case says nothing more."""
    verdict = judge(SUMMARY, [Slo("lost", "==", 0), STABLE], [Problem("two clocks", "use one")])
    assert (
        verdict.message()
        == "INVALID two clocks; use one\nINVALID offered_utilisation < 1: no data (stability)"
    )
    loaded = judge(replace(SUMMARY, offered_utilisation=0.7), [STABLE], [Problem("two clocks", "use one")])
    assert loaded.message() == "INVALID two clocks; use one"
