"""The rule of a comparison, what a block is, which pairs count, and the order of the blocks."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import islice, pairwise, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf.cases.errors import UsageError
from perf.judge.check import Problem
from perf.judge.compare import (
    EFFECT,
    Comparison,
    Outcome,
    compare,
    conclusion,
    effect_of,
    judged,
    outcome_of,
    ratios,
)
from perf.judge.disturbed import WRONG, faults, wrong_work
from perf.judge.evidence import Observed, Tolerances
from perf.judge.slos import Slo
from perf.judge.tasks import Round
from perf.load.turns import AGAINST, HERE, turns
from perf.measure.blocks import MEASURES, Block, Pair, block_of
from perf.measure.ledger import Ledger
from perf.measure.pairs import LOOKS, Estimate
from tests.perf.tasks import task
from tests.perf.verdict_table import QUIET


def found(ratio, low, high, pairs=12):
    return Estimate(ratio, low, high, 0.002, pairs, "t")


@pytest.mark.parametrize(
    ("ratio", "low", "high", "expected"),
    [
        (1.20, 1.12, 1.28, Outcome.WORSE),
        (1.05, 1.001, 1.2, Outcome.WORSE),  # half the effect, surely above 1
        (1.20, 0.99, 1.4, Outcome.UNDECIDED),
        (1.04, 1.01, 1.07, Outcome.SAME),  # found, and nobody minds
        (1.04, 1.01, 1.11, Outcome.UNDECIDED),
        (1.00, 0.92, 1.09, Outcome.SAME),
        (1.00, 0.90, 1.09, Outcome.UNDECIDED),  # 1 / 1.1 is 0.909
        (0.80, 0.75, 0.85, Outcome.BETTER),
        (0.97, 0.95, 0.99, Outcome.SAME),
    ],
)
def test_the_rule(ratio, low, high, expected):
    assert outcome_of(found(ratio, low, high), 0.1) is expected


sides = st.tuples(st.floats(0.5, 2), st.floats(0, 0.5), st.floats(0, 0.5))


@given(sides, st.floats(0.01, 0.5))
def test_sides_that_change_places_turn_worse_into_better(given_, effect):
    ratio, below, above = given_
    one = found(ratio, ratio / (1 + below), ratio * (1 + above))
    other = found(1 / one.ratio, 1 / one.high, 1 / one.low)
    turned = {Outcome.WORSE: Outcome.BETTER, Outcome.BETTER: Outcome.WORSE}
    said = outcome_of(one, effect)
    assert outcome_of(other, effect) is turned.get(said, said)


@given(sides, st.floats(0.01, 0.5))
def test_narrower_never_makes_a_decision_undecided(given_, effect):
    ratio, below, above = given_
    wide = found(ratio, ratio / (1 + below), ratio * (1 + above))
    narrow = found(ratio, ratio / (1 + below / 2), ratio * (1 + above / 2))
    turned = {outcome_of(wide, effect), outcome_of(narrow, effect)}
    # What is the same within the effect may turn out to be worse or better by half of it, and nothing else.
    if outcome_of(wide, effect) is not Outcome.UNDECIDED:
        assert len(turned) == 1 or turned < {Outcome.SAME, Outcome.WORSE, Outcome.BETTER}


W, U, B, S = Outcome.WORSE, Outcome.UNDECIDED, Outcome.BETTER, Outcome.SAME


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [((W, B, U), W), ((U, B, S), U), ((B, S, S), B), ((S, S, S), S), ((), U)],
)
def test_a_case_is_what_its_worst_says(outcomes, expected):
    assert conclusion([Comparison("x", each) for each in outcomes]) is expected


def pair(number, service_s=1.0, idle_s=0.05, makespan_s=4.2, left_out=""):
    """A block here that took these, against one of 1, 0.05 and 4.2 s."""
    here, against = Block(service_s, idle_s, makespan_s), Block(1.0, 0.05, 4.2)
    return Pair(number, HERE, here, against, left_out)


def noisy(number, factor=1.0, idle_s=0.05):
    """Noise of +-2 % in turns."""
    wobble = 1 + 0.02 * (-1) ** number * (1 + number % 3 / 10)
    return pair(number, factor * wobble, idle_s * wobble, (4 * factor + 4 * idle_s) * wobble)


def test_a_slowdown_of_the_service_is_worse_in_service_and_makespan():
    service, idle, makespan = compare([noisy(n, 1.2) for n in range(12)], effect=0.1, level=0.0007)
    assert service.outcome is makespan.outcome is W
    assert service.found is not None
    assert service.found.ratio == pytest.approx(1.2, rel=0.01)
    assert idle.outcome is S


def test_idle_counts_by_what_it_does_to_a_task_s_turn():
    """0.15 s more in a turn of 1.05 s are 14 %, and three times the idle time."""
    service, idle, _ = compare([noisy(n, idle_s=0.2) for n in range(12)], effect=0.1, level=0.0007)
    assert service.outcome is S
    assert idle.outcome is W
    assert idle.found is not None
    assert idle.found.ratio == pytest.approx(1.2 / 1.05, rel=0.01)


def test_pairs_that_are_left_out_change_nothing():
    pairs = [noisy(n) for n in range(12)]
    spoiled = [*pairs, *(pair(n, 9, 9, 9, left_out="clock stood") for n in range(12, 40))]
    assert compare(spoiled, effect=0.1, level=0.002) == compare(pairs, effect=0.1, level=0.002)
    assert judged(spoiled) == pairs


def test_too_few_pairs_are_undecided_without_a_figure():
    few = compare([noisy(n, 3) for n in range(LOOKS[0] - 1)], effect=0.1, level=0.002)
    assert {each.outcome for each in few} == {U}
    assert set(ratios(few).values()) == {None}
    assert str(few[0]) == "service undecided: fewer than 8 pairs"


def test_a_comparison_says_ratio_interval_and_how_sure():
    assert str(Comparison("service", W, found(1.2, 1.1234, 1.28))) == (
        "service worse: 1.20 times (1.12 to 1.28 at 99.8 %, 12 pairs)"
    )


@given(st.tuples(*[st.floats(0.01, 10)] * 3), st.tuples(*[st.floats(0.01, 10)] * 3))
def test_every_measure_changes_its_sign_with_the_sides(one, other):
    here, there = Block(*one), Block(*other)
    for log_ratio in MEASURES.values():
        assert log_ratio(here, there) == pytest.approx(-log_ratio(there, here))


def test_a_block_by_hand():
    """Two processes: 0-2, 3-5 and 0-4; the one gap is 1 s, the services 2, 2 and 4, the end at 5."""
    ledger = Ledger.of(
        [
            task("a", 0, 0, 2, worker="n/0/1"),
            task("b", 0, 3, 5, worker="n/0/1"),
            task("c", 0, 0, 4, worker="n/1/2"),
        ]
    )
    assert block_of(ledger) == Block(service_s=pytest.approx(8 / 3), idle_s=1.0, makespan_s=5.0)


def test_no_block_of_what_did_not_end_or_has_no_gap():
    assert block_of(Ledger.of([])) is None
    assert block_of(Ledger.of([task("a", 0, 0, 2), task("b", 0, None, None)])) is None
    assert block_of(Ledger.of([task("a", 0, 0, 2)])) is None


@given(st.integers(0, 10**6), st.text(max_size=5))
def test_both_sides_are_in_each_pair_and_the_seed_repeats_the_order(seed, name):
    order = list(islice(turns(seed, name), 40))
    assert order == list(islice(turns(seed, name), 40))
    assert all(set(each) == {HERE, AGAINST} for each in order)


def test_what_is_first_in_a_pair_says_nothing_of_the_next():
    firsts = [first for first, _ in islice(turns(1, "a"), 4000)]
    for two in product((HERE, AGAINST), repeat=2):
        share = sum(each == two for each in pairwise(firsts)) / len(firsts)
        assert share == pytest.approx(0.25, abs=0.03)


def test_which_is_first_is_drawn_for_each_case_anew():
    orders = {tuple(islice(turns(1, f"case {n}"), 16)) for n in range(20)}
    assert len(orders) > 15


def block(other_cores=0.0):
    """A block of four tasks, and so much other load beside it."""
    tasks = [task(str(n), 1000, 1000 + 1.1 * n, 1001 + 1.1 * n) for n in range(4)]
    return Round(Ledger.of(tasks), Observed(machine=replace(QUIET, other_cores=other_cores)))


def checks(one, other):
    return [each.check for each in faults({HERE: one, AGAINST: other}, 1, Tolerances())]


def test_other_load_spoils_no_pair_and_what_a_check_finds_does():
    assert checks(block(), block()) == checks(block(2.0), block()) == []
    stepped = block()
    machine = replace(stepped.observed.machine, clock_step_s=5.0)
    assert checks(replace(stepped, observed=replace(stepped.observed, machine=machine)), block()) == [
        "clock stood"
    ]


def test_other_load_is_bounded_where_somebody_says_so():
    allowed = Tolerances(other_cores=0.5)
    found = faults({HERE: block(1.0), AGAINST: block()}, 1, allowed)
    assert [each.check for each in found] == ["machine was ours"]


def beside(block, load, *, seen=True):
    """The block beside so many processors that others have: each makes it half as long again."""
    longer = {name: getattr(block, name) * 1.5**load for name in ("service_s", "idle_s", "makespan_s")}
    return replace(block, **longer, other_cores=load if seen else 0.0)


@pytest.mark.parametrize(("seen", "outcome"), [(True, S), (False, U)])
def test_what_others_did_is_taken_out_of_each_ratio(seen, outcome):
    pairs = [
        replace(each, here=beside(each.here, n % 3 / 2, seen=seen),
                against=beside(each.against, n % 2 / 2, seen=seen))
        for n, each in enumerate(map(noisy, range(12)))
    ]  # fmt: skip
    service, _, makespan = compare(pairs, effect=0.1, level=0.0007)
    assert service.outcome is makespan.outcome is outcome


def test_what_the_rule_leaves_out_does_not_depend_on_how_long_the_blocks_took():
    slow = Ledger.of([task(str(n), 1000, 1000 + 11 * n, 1010 + 11 * n) for n in range(4)])
    for load in (0.0, 1.0):
        assert checks(replace(block(load), ledger=slow), block()) == checks(block(load), block())


def test_a_fault_of_the_work_by_chance_is_no_proof_and_often_is():
    wrong, load = Problem("here: no result", "look", "results"), Problem("x", "y", "clock stood")
    assert wrong_work([[wrong, load]] * (WRONG - 1)) == ()
    (problem,) = wrong_work([[wrong, load]] * WRONG)
    assert (problem.check, problem.reason) == ("results", "here: no result")
    assert problem.remedy == f"found {WRONG} times: look at it"


def test_the_effect_is_the_option_s_or_else_the_case_s_in_slos_toml():
    slos = (Slo("failed", "==", 0), Slo("slowdown", "<=", 0.05, "slos.toml:9"))
    assert effect_of(slos, None) == (0.05, "slos.toml:9")
    assert effect_of(slos, 0.2) == (0.2, "--effect")
    assert effect_of(slos[:1], None)[0] == EFFECT == 0.1


@pytest.mark.parametrize(("op", "limit"), [("<=", 1.5), (">=", 0.1), ("<", 0.1), ("<=", 0.0)])
def test_an_effect_that_is_no_share_is_refused(op, limit):
    with pytest.raises(UsageError, match=r"^slos\.toml:9: 'slowdown .*': expected the slowdown that matters"):
        effect_of([Slo("slowdown", op, limit, "slos.toml:9")], None)


def test_an_interval_at_ln_2_is_twice_as_slow():
    logs = [pair(n, 2.0) for n in range(8)]
    assert MEASURES["service"](logs[0].here, logs[0].against) == pytest.approx(math.log(2))
