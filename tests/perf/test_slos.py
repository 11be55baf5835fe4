"""slos.toml: its grammar, its errors, and the verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.errors import InvalidMeasurement, SloBroken, UsageError
from perf.judge.slos import Slo, load_slos, parse_slo, parse_slos
from perf.judge.verdict import Kind, judge, raise_unless_pass, with_stability
from perf.matrix import Axes, Case, Mode, Variant, cases
from perf.measure.ideal import Ideal
from perf.measure.intervals import intervals
from perf.measure.ledger import Ledger
from perf.measure.metrics import METRICS, summarise
from perf.measure.validity import Problem
from tests.perf.simulated import simulate
from tests.perf.tasks import task

SHIPPED = Path(__file__).parents[2] / "perf" / "slos.toml"
CASE = Case(Variant.MOCKED, 50, 1, Mode.BURST, 24)


def texts(book, case):
    return [str(slo) for slo in book.for_case(case)]


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        parse_slos(text, "slos.toml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_shipped_file_covers_every_case_and_keeps_shared_hardware_to_ratios():
    book = load_slos(SHIPPED)
    for variant in Variant:
        for case in cases(variant, Axes()):
            slos = book.for_case(case)
            assert {"lost == 0", "failed == 0", "outstanding == 0"} <= {str(slo) for slo in slos}
            if variant is not Variant.AWS:
                assert {METRICS[slo.metric].unit for slo in slos} <= {"count", "ratio"}


def test_a_slo_knows_its_line():
    (slo,) = parse_slos('[mocked.burst]\n# lost == 0\nslos = [\n  "lost == 0",\n]\n', "slos.toml").for_case(
        CASE
    )
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
    )
    own = ["efficiency >= 0.6", "failed <= 2", "parallelism_max <= 1"]
    assert texts(book, CASE) == ["lost == 0", "parallelism_max >= 1", *own]
    other = Case(Variant.MOCKED, 100, 1, Mode.BURST, 24)
    assert texts(book, other) == ["efficiency >= 0.5", "failed == 0", "lost == 0", "parallelism_max >= 1"]


def test_a_case_without_any_slo_is_refused():
    book = parse_slos('[mocked.sustained]\nslos = ["lost == 0"]', "slos.toml")
    with pytest.raises(UsageError, match=r"no SLO for mocked-50MB-c1-burst.*\[mocked.burst\]"):
        book.for_case(CASE)


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
        ('[mocked."50-c1-burst"]\nslos = ["lost == 0"]', 1, "unknown mode or case '50-c1-burst'"),
        ('[mocked.burst]\n\nslo = ["lost == 0"]', 3, "unknown key 'slo'; did you mean 'slos'?"),
        ("[mocked.burst]\nslos = []", 2, "not empty"),
        ('[mocked.burst]\nslos = "lost == 0"', 2, "expected slos = ["),
        ("[mocked.burst]\nslos = [1]", 2, "expected slos = ["),
        ("[mocked.burst]\n", 1, "expected slos = ["),
        ("[mocked]\nburst = 3", 2, "'burst' is not a table"),
        ("mocked = 3", 1, "'mocked' is not a table"),
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
        load_slos(tmp_path / "none.toml")


def test_a_unit_may_be_said():
    assert parse_slo("response_p95_s <= 30 s", Mode.BURST, "") == Slo("response_p95_s", "<=", 30.0)
    assert parse_slo("throughput_per_min>=2per_min", Mode.BURST, "") == Slo("throughput_per_min", ">=", 2.0)
    signed = parse_slo("backlog_growth_per_min <= -0.5", Mode.SUSTAINED, "")
    assert signed == Slo("backlog_growth_per_min", "<=", -0.5)


@given(st.text(max_size=30))
def test_any_text_is_an_slo_or_a_usage_error(text):
    try:
        metric = parse_slo(text, Mode.BURST, "here:1").metric
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
    return judge(SUMMARY, [parse_slo(slo, Mode.BURST, "slos.toml:7") for slo in slos], problems)


def test_all_kept_is_a_pass():
    passed = verdict("efficiency >= 0.5", "lost == 0")
    assert (passed.kind, passed.message()) == (Kind.PASS, "PASS 2 SLOs hold")
    raise_unless_pass(passed)


def test_a_broken_slo_fails_with_the_measured_value_and_the_limit():
    failed = verdict("efficiency >= 0.8", "lost == 0")
    assert failed.kind is Kind.FAIL
    assert failed.message() == "FAIL efficiency >= 0.8: measured 0.5 (slos.toml:7)"
    with pytest.raises(SloBroken, match=r"efficiency >= 0.8: measured 0.5"):
        raise_unless_pass(failed)


def test_a_metric_without_data_is_invalid_and_named():
    without_ideal = summarise(LEDGER, concurrency=1, mode=Mode.BURST, ideal=None)
    invalid = judge(without_ideal, [Slo("efficiency", ">=", 0.5), Slo("lost", "==", 0)], ())
    assert invalid.kind is Kind.INVALID
    assert invalid.message() == "INVALID efficiency >= 0.5: no data"
    with pytest.raises(InvalidMeasurement, match=r"efficiency >= 0.5: no data"):
        raise_unless_pass(invalid)


def test_a_problem_is_invalid_and_still_tells_what_is_broken():
    invalid = verdict("efficiency >= 0.8", problems=[Problem("two clocks", "use one")])
    assert invalid.kind is Kind.INVALID
    assert invalid.message().splitlines() == [
        "INVALID two clocks; use one",
        "FAIL efficiency >= 0.8: measured 0.5 (slos.toml:7)",
    ]


def test_no_slo_never_passes():
    assert verdict().kind is Kind.INVALID


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


def test_a_slo_is_broken_only_by_the_whole_interval():
    summary, found = sustained(0.7)
    around = found["response_mean_s"]
    value = summary.response_mean_s
    for limit, kind, borderline in (
        (around.low - 0.01, Kind.FAIL, False),
        ((around.low + value) / 2, Kind.PASS, True),
        ((value + around.high) / 2, Kind.PASS, True),
        (around.high + 0.01, Kind.PASS, False),
    ):
        verdict = judge(summary, [Slo("response_mean_s", "<=", limit)], (), found)
        assert (verdict.kind, verdict.borderline) == (kind, borderline)
    without = judge(summary, [Slo("response_mean_s", "<=", value - 0.001)], ())
    assert without.kind is Kind.FAIL


def test_growth_is_fail_though_the_queue_was_empty_in_the_end():
    summary, found = sustained(1.3)
    assert summary.outstanding == 0
    slos = with_stability([Slo("outstanding", "==", 0)], Mode.SUSTAINED)
    verdict = judge(summary, slos, (), found)
    assert verdict.kind is Kind.FAIL
    assert "FAIL offered_utilisation < 1: measured 1." in verdict.message()
    assert "; stability)" in verdict.message()


def test_stability_is_asked_of_sustained_cases_once():
    own = Slo("offered_utilisation", "<=", 0.8)
    assert with_stability([own], Mode.SUSTAINED) == (own,)
    assert with_stability([], Mode.BURST) == ()
    assert len(with_stability([], Mode.SUSTAINED)) == 1
