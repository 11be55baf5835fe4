"""Baselines by hand-worked values: the rule, what is alike, what is accepted, the file and its faults."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from perf.cases.case import Variant
from perf.cases.errors import SloBroken, UsageError
from perf.judge.accepting import MOST_RUNS, accepted, changes
from perf.judge.baseline import Accepted, Against, Baseline, against, judged
from perf.judge.outcome import Outcome
from perf.judge.slos import Slo
from perf.judge.verdict import SloResult, Verdict, VerdictKind, beside, raise_unless_pass
from perf.measure.estimates import Estimate
from perf.measure.intervals import Interval
from perf.run.kinds import KINDS
from perf.store.baseline import read_baseline, write_baseline
from perf.store.runs import read_run
from tests.perf.sample_run import write_run

ALIKE = {"size": "50 MB", "recipe": "-preset veryfast"}


def ratio(value: float, low: float, high: float, better: str = "higher") -> Estimate:
    return Estimate(value, Interval(low, high), "ratio", better)


def baseline(runs: int = 3, **metrics: tuple[float, float, float]) -> Baseline:
    found = {name: Accepted(value, Interval(low, high)) for name, (value, low, high) in metrics.items()}
    return Baseline(runs, "yesterday of 0123456789", ALIKE, found, "baseline.toml:4")


def outcome(before: tuple[float, float, float], now: Estimate, runs: int = 3) -> Outcome:
    return against(baseline(runs, efficiency=before), ALIKE, {"efficiency": now}).outcome


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        # 0.8 / 0.7 = 1.14; 0.78 / 0.71 = 1.099 at least: the intervals do not meet
        ((0.8, 0.78, 0.82), ratio(0.7, 0.69, 0.71), Outcome.WORSE),
        # the intervals touch: 0.78 / 0.79 < 1
        ((0.8, 0.78, 0.82), ratio(0.7, 0.61, 0.79), Outcome.UNDECIDED),
        # certain, and of 3 % only: less than half the effect, and 0.82 / 0.76 = 1.08 is inside the effect
        ((0.8, 0.79, 0.82), ratio(0.776, 0.76, 0.785), Outcome.SAME),
        ((0.8, 0.78, 0.82), ratio(0.8, 0.79, 0.81), Outcome.SAME),
        # 0.9 / 0.7 = 1.29: nothing is known
        ((0.8, 0.7, 0.9), ratio(0.8, 0.7, 0.9), Outcome.UNDECIDED),
        ((0.8, 0.78, 0.82), ratio(0.9, 0.89, 0.91), Outcome.BETTER),
        # lower is better: 1.5 / 1.2 = 1.25, 1.45 / 1.25 = 1.16 at least
        ((1.2, 1.15, 1.25), ratio(1.5, 1.45, 1.55, "lower"), Outcome.WORSE),
        ((1.5, 1.45, 1.55), ratio(1.2, 1.15, 1.25, "lower"), Outcome.BETTER),
    ],
)
def test_the_rule(before: tuple[float, float, float], now: Estimate, said: Outcome) -> None:
    assert outcome(before, now) is said


def test_the_ratio_and_its_interval_are_written_so_that_above_1_is_worse() -> None:
    found = against(baseline(efficiency=(0.8, 0.75, 0.85)), ALIKE, {"efficiency": ratio(0.4, 0.36, 0.44)})
    (each,) = found.comparisons
    assert each.ratio == pytest.approx(2.0)  # 0.8 / 0.4
    assert each.interval.low == pytest.approx(0.75 / 0.44)
    assert each.interval.high == pytest.approx(0.85 / 0.36)
    assert found.lines() == [
        "efficiency 0.8 before, 0.4 now: worse, 2 times (between 1.70 and 2.36; above 1 is worse) "
        "(baseline.toml:4, 3 runs)"
    ]


@pytest.mark.parametrize(("runs", "said"), [(1, "undecided"), (2, "undecided"), (3, "worse")])
def test_one_run_does_not_know_how_runs_differ(runs: int, said: str) -> None:
    assert outcome((0.8, 0.78, 0.82), ratio(0.65, 0.64, 0.66), runs) == said  # 1.23
    assert outcome((0.8, 0.78, 0.82), ratio(0.5, 0.49, 0.51), runs) == Outcome.WORSE  # 1.6
    assert outcome((0.8, 0.79, 0.81), ratio(0.8, 0.79, 0.81), runs) == ("same" if runs == 3 else "undecided")
    found = against(
        baseline(runs, efficiency=(0.8, 0.78, 0.82)), ALIKE, {"efficiency": ratio(0.65, 0.64, 0.66)}
    )
    assert ("only 1.4 times decides; accept 3 for less" in found.why) == (runs < 3)


@pytest.mark.parametrize(
    ("before", "estimates", "alike", "why"),
    [
        (None, {"efficiency": ratio(0.8, 0.7, 0.9)}, ALIKE, "there is none of this case"),
        (None, {}, ALIKE, "nothing that was measured carries between runs: use A/B"),
        (baseline(efficiency=(0.8, 0.7, 0.9)), {}, ALIKE, "not measured"),
        (
            baseline(efficiency=(0.8, 0.7, 0.9)),
            {"efficiency": ratio(0.8, 0.7, 0.9)},
            {**ALIKE, "recipe": "-preset fast"},
            "that of baseline.toml:4 is of another recipe: '-preset veryfast', now '-preset fast'",
        ),
    ],
)
def test_what_is_missing_is_a_state_that_says_why(
    before: Baseline | None, estimates: dict[str, Estimate], alike: dict[str, str], why: str
) -> None:
    found = against(before, alike, estimates)
    assert found.outcome is Outcome.MISSING
    assert why in found.why
    assert found.lines()[0].startswith("baseline missing: ")
    assert not found.broken


def test_a_metric_that_has_no_interval_any_more_is_undecided_and_not_passed_over() -> None:
    before = baseline(efficiency=(0.8, 0.79, 0.81), service_p50_vs_ideal=(1.1, 1.0, 1.2))
    found = against(before, ALIKE, {"efficiency": ratio(0.8, 0.79, 0.81)})
    assert found.outcome is Outcome.UNDECIDED
    assert found.why == "service_p50_vs_ideal has no interval now"


def test_seconds_are_judged_of_aws_alone() -> None:
    estimates = {
        "efficiency": ratio(0.8, 0.7, 0.9),
        "response_p95_s": Estimate(2.0, Interval(1.9, 2.1), "s", "lower"),
        "response_p50_s": Estimate(1.0, None, "s", "lower"),
    }
    assert set(judged(estimates, Variant.MOCKED)) == set(judged(estimates, Variant.LOCAL)) == {"efficiency"}
    assert set(judged(estimates, Variant.AWS)) == {"efficiency", "response_p95_s"}


PASSED = Verdict(VerdictKind.PASS, (SloResult(Slo("lost", "==", 0), 0, True),), ())
WORSE = against(baseline(efficiency=(0.8, 0.75, 0.85)), ALIKE, {"efficiency": ratio(0.4, 0.36, 0.44)})


def test_a_case_that_got_worse_fails_with_the_ratio_and_its_interval() -> None:
    verdict = beside(PASSED, WORSE)
    assert verdict.kind is VerdictKind.FAIL
    with pytest.raises(SloBroken, match=r"FAIL baseline: efficiency .*worse, 2 times \(between 1\.70 and"):
        raise_unless_pass(verdict)


@pytest.mark.parametrize("outcome", [each for each in Outcome if each is not Outcome.WORSE])
def test_nothing_else_fails(outcome: Outcome) -> None:
    assert beside(PASSED, Against(outcome)).kind is VerdictKind.PASS


def test_what_is_invalid_stays_so() -> None:
    invalid = Verdict(VerdictKind.INVALID, (), ())
    assert beside(invalid, WORSE).kind is VerdictKind.INVALID


def test_a_run_like_the_others_widens_the_baseline_and_one_that_is_not_takes_its_place() -> None:
    first = accepted(None, ALIKE, {"efficiency": ratio(0.8, 0.75, 0.85)}, "a")
    second = accepted(first, ALIKE, {"efficiency": ratio(0.72, 0.70, 0.76)}, "b")
    assert second.runs == 2
    assert second.last == "b"
    assert second.metrics["efficiency"].value == pytest.approx(math.sqrt(0.8 * 0.72))
    assert second.metrics["efficiency"].interval == Interval(0.70, 0.85)
    halved = accepted(second, ALIKE, {"efficiency": ratio(0.4, 0.39, 0.41)}, "c")
    assert (halved.runs, halved.metrics["efficiency"].value) == (1, 0.4)
    other = accepted(second, {**ALIKE, "size": "100 MB"}, {"efficiency": ratio(0.76, 0.7, 0.8)}, "d")
    assert (other.runs, other.alike["size"]) == (1, "100 MB")
    assert changes(None, first) == "new: efficiency 0.8"
    assert changes(first, second) == "run 2 beside 1: efficiency 0.8 -> 0.759 (-5 %)"
    assert changes(second, halved) == "replaced: efficiency 0.759 -> 0.4 (-47 %)"


def test_a_baseline_that_is_full_does_not_creep() -> None:
    entry = accepted(None, ALIKE, {"efficiency": ratio(0.8, 0.75, 0.85)}, "0")
    for number in range(1, 12):
        low = 0.8 - 0.01 * number
        entry = accepted(entry, ALIKE, {"efficiency": ratio(low, low - 0.05, low + 0.05)}, str(number))
    assert (entry.runs, entry.last) == (MOST_RUNS, "4")
    assert entry.metrics["efficiency"].interval.low == pytest.approx(0.71)
    assert changes(entry, entry) == "stays, of 5 runs"


figures = st.floats(0.01, 100)


@given(figures, st.floats(1.0, 2.0), figures, st.floats(1.0, 2.0), st.integers(1, 5))
def test_a_case_is_never_both_and_worse_means_that_the_intervals_do_not_meet(
    before: float, wide: float, now: float, broad: float, runs: int
) -> None:
    entry = (before, before / wide, before * wide)
    # On a limit itself the two ways to write a ratio are a rounding apart.
    edges = (now / before, now / broad / (before * wide), now * broad / (before / wide))
    assume(not any(math.isclose(abs(math.log(edge)), math.log(limit), abs_tol=1e-9)
                   for edge in edges for limit in (1, 1.05, 1.1, 1.4)))  # fmt: skip
    there = outcome(entry, ratio(now, now / broad, now * broad), runs)
    mirrored = outcome(entry, ratio(now, now / broad, now * broad, "lower"), runs)
    swap = {Outcome.WORSE: Outcome.BETTER, Outcome.BETTER: Outcome.WORSE}
    assert mirrored is swap.get(there, there)
    if there is Outcome.WORSE:
        assert now * broad < before / wide
        assert before / now >= 1.05


def test_the_file_is_sorted_short_and_read_back(tmp_path) -> None:
    path = tmp_path / "new" / "baseline.toml"
    cases = {
        "mocked-50MB-c2-burst": baseline(efficiency=(0.81234567, 0.7, 0.9)),
        "mocked-50MB-c1-burst": Baseline(
            1, 'a "quoted"\\ one', {"recipe": "-vf 'a\tb' é"}, {"b": Accepted(1, Interval(1, 1)),
                                                               "a": Accepted(123456.0, Interval(1e-5, 2e5))}
        ),
    }  # fmt: skip
    write_baseline(path, cases)
    lines = path.read_text().splitlines()
    assert [line for line in lines if line.startswith("[")] == [
        '["mocked-50MB-c1-burst"]',
        '["mocked-50MB-c1-burst".alike]',
        '["mocked-50MB-c2-burst"]',
        '["mocked-50MB-c2-burst".alike]',
    ]
    assert "efficiency = { value = 0.8123, low = 0.7, high = 0.9 }" in lines
    found = read_baseline(path, KINDS)
    first = found["mocked-50MB-c1-burst"]
    assert (first.runs, first.last, first.alike) == (1, 'a "quoted"\\ one', {"recipe": "-vf 'a\tb' é"})
    assert first.metrics["a"] == Accepted(123500.0, Interval(1e-5, 2e5))
    place = lines.index('["mocked-50MB-c2-burst"]') + 1
    assert found["mocked-50MB-c2-burst"].source == f"{path}:{place}"
    write_baseline(path, found)
    assert path.read_text().splitlines() == lines


TABLE = '["a"]\nruns = 1\nlast = "x"\nm = { value = 1.0, low = 0.9, high = 1.1 }\n["a".alike]\n'


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("runs = 1", "runs = 0", ":1: runs = 0: a baseline is of one run at least"),
        ("runs = 1", "", ":1: 'a' has no runs"),
        ("runs = 1", 'runs = "1"', ":1: 'a' has no runs, or one of another kind"),
        ("low = 0.9", "lo = 0.9", ":1: m is not { value = ..., low = ..., high = ... }"),
        ("low = 0.9", "low = -0.9", ":1: m: value, low and high are numbers above 0"),
        ("low = 0.9", "low = nan", ":1: m: value, low and high are numbers above 0"),
        ("low = 0.9", "low = 1.2", ":1: m: low is above high"),
        (TABLE, "a = 3\n", ":1: 'a' is not the table of a case"),
        ("runs = 1", "runs = = 1", "cannot read it"),
        ('["a".alike]\n', "", "has no alike"),
    ],
)
def test_a_damaged_file_is_one_line_with_its_place(right: str, wrong: str, said: str, tmp_path) -> None:
    path = tmp_path / "b.toml"
    path.write_text(TABLE)
    assert read_baseline(path, KINDS)["a"].metrics["m"].value == 1
    assert right in TABLE
    path.write_text(TABLE.replace(right, wrong))
    with pytest.raises(UsageError) as refused:
        read_baseline(path, KINDS)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_told_and_how_it_is_made(tmp_path) -> None:
    with pytest.raises(UsageError, match="there is no such file; make it with --update-baseline"):
        read_baseline(tmp_path / "absent.toml", KINDS)
    with pytest.raises(UsageError, match="no results in it"):
        read_baseline(tmp_path, KINDS)


def test_the_results_of_earlier_runs_are_a_baseline(tmp_path) -> None:
    # 50MB-c2-burst got slow (and FAIL by its SLO) in the last three of these
    folders = [write_run(tmp_path, back, full=False) for back in (4, 3, 2)]
    one, all_ = read_baseline(folders[1], KINDS), read_baseline(tmp_path, KINDS)
    assert {entry.runs for entry in one.values()} == {1}
    fast = all_["mocked-50MB-c1-burst"]
    assert fast.runs == 3
    assert fast.source == str(folders[-1])
    assert fast.last == f"{folders[-1].name} of 0000000002"
    assert set(fast.metrics) >= {"efficiency", "service_p50_vs_ideal", "response_p50_vs_ideal"}
    assert not [name for name in fast.metrics if name.endswith("_s")]
    assert all_["mocked-50MB-c2-burst"].runs == 2, "one that failed is no baseline"
    (now,) = (case for case in read_run(folders[-1], KINDS).cases if case.id == "mocked-50MB-c2-burst")
    found = against(
        all_[now.id], now.alike, judged(now.estimates, Variant.MOCKED)
    )  # 0.9 s and 0.36 s: 2.5 times
    assert found.outcome is Outcome.WORSE
    assert 2.2 < next(each.ratio for each in found.comparisons if each.metric == "efficiency") < 2.8
