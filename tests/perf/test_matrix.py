"""The axes and the cases they span."""

from __future__ import annotations

import pytest

from perf.cases.case import Variant, key_pattern
from perf.cases.defaults import DEFAULTS
from perf.cases.errors import UsageError
from perf.cases.options import parsed
from perf.cases.search import SearchCase, search_cases
from perf.cases.web import WebCase
from perf.cases.worker import OPTIONS, Mode, WorkerCase, worker_cases


def cases(variant=Variant.MOCKED, **texts):
    return worker_cases(variant, parsed(OPTIONS, texts))


def test_the_default_matrix_has_twelve_cases_in_the_order_they_run():
    assert [case.id for case in cases()] == [
        f"mocked-{size}MB-c{concurrency}-{mode}"
        for concurrency in (1, 2, 4)
        for size in (50, 100)
        for mode in ("burst", "sustained")
    ]


def test_a_case_tells_its_names():
    case = WorkerCase(Variant.AWS, 50, 2, Mode.BURST, 30)
    assert (case.id, case.key, case.cell) == ("aws-50MB-c2-burst", "50MB-c2-burst", "50MB-c2")


def test_a_burst_runs_first_whatever_the_order_given():
    found = cases(Variant.LOCAL, sizes="50", concurrency="1", modes="sustained,burst")
    assert [case.mode for case in found] == [Mode.BURST, Mode.SUSTAINED]


@pytest.mark.parametrize("variant", Variant)
def test_the_count_is_the_variant_s_unless_given(variant):
    assert {case.count for case in cases(variant)} == {DEFAULTS[variant].count}
    assert {case.count for case in cases(variant, count="7")} == {7}


def test_a_rate_belongs_to_the_sustained_cases_alone():
    made = cases(rate="12.5")
    assert {(case.mode, case.rate_per_min) for case in made} == {(Mode.BURST, None), (Mode.SUSTAINED, 12.5)}


@pytest.mark.parametrize("variant", Variant)
def test_the_time_to_decide_in_is_the_variant_s_unless_given_and_may_be_none_at_all(variant):
    assert {case.decide_s for case in cases(variant)} == {DEFAULTS[variant].decide_s}
    for given in (0, 7):
        assert {case.decide_s for case in cases(variant, **{"decide-within": str(given)})} == {given}


def test_texts_of_an_ini_file_are_read_with_their_spaces():
    texts = {
        "sizes": " 50MB, 100 mb", "concurrency": "1 , 2", "modes": " burst ", "count": " 3 ", "rate": " ",
    }  # fmt: skip
    assert parsed(OPTIONS, texts) == {
        "sizes": (50, 100), "concurrency": (1, 2), "nodes": (), "modes": (Mode.BURST,), "count": 3,
        "rate": None, "utilisation": None, "decide-within": None, "clip": None,
    }  # fmt: skip
    assert {case.utilisation for case in cases(**texts)} == {0.7}


def test_empty_texts_are_the_defaults():
    empty = {option.name: "" for option in OPTIONS}
    assert cases(**empty) == worker_cases(Variant.MOCKED, {}) == cases()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sizes": "50x"}, ["--sizes 50x", "whole MB", "50,100"]),
        ({"sizes": "0"}, ["--sizes 0"]),
        ({"sizes": "50,"}, ["--sizes", "whole MB"]),
        ({"sizes": "50,50MB"}, ["--sizes 50,50MB", "50", "more than once"]),
        ({"sizes": "1.5"}, ["--sizes 1.5"]),
        ({"sizes": "\u0665"}, ["--sizes"]),
        ({"concurrency": "two"}, ["--concurrency two", "1,2,4"]),
        ({"concurrency": "-1"}, ["--concurrency -1"]),
        ({"concurrency": "1,1"}, ["more than once"]),
        ({"modes": "brust"}, ["--modes brust", "did you mean 'burst'?"]),
        ({"count": "0"}, ["--count 0"]),
        ({"count": "3.5"}, ["--count 3.5"]),
        ({"count": "1"}, ["--count 1", "sustained", "at least 2"]),
        ({"rate": "fast"}, ["--rate fast", "per minute"]),
        ({"rate": "-3"}, ["--rate -3"]),
        ({"rate": "nan"}, ["--rate nan"]),
        ({"rate": "inf"}, ["--rate inf"]),
        ({"utilisation": "0"}, ["--utilisation 0", "0.7"]),
        ({"utilisation": "70%"}, ["--utilisation 70%"]),
        ({"decide-within": "soon"}, ["--decide-within soon", "number of seconds", "0 for never"]),
        ({"decide-within": "-1"}, ["--decide-within -1"]),
    ],
)
def test_nonsense_is_refused_in_one_line(options, words):
    with pytest.raises(UsageError) as caught:
        cases(**options)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_search_has_a_cell_and_no_mode():
    (case,) = search_cases(Variant.LOCAL, parsed(OPTIONS, {"sizes": "50", "concurrency": "2"}))
    assert (case.id, case.key, case.cell) == ("local-50MB-c2", "50MB-c2", "50MB-c2")
    assert (case.count, case.budget_s) == (DEFAULTS[Variant.LOCAL].trial_count, 1800)
    trial = case.trial(12.5, 24)
    assert trial == WorkerCase(Variant.LOCAL, 50, 2, Mode.SUSTAINED, 24, 12.5)
    assert trial.decide_s == 0  # more tasks are the search's own business
    assert trial.cell == case.cell


@pytest.mark.parametrize(
    ("kind", "key", "fits"),
    [
        (WorkerCase, "50MB-c2-burst", True),
        (WorkerCase, "50MB-c2", False),
        (WorkerCase, "50MB-c0-burst", False),
        (WorkerCase, "50MB-c2-brust", False),
        (SearchCase, "50MB-c2", True),
        (WebCase, "web-knee", True),
        (WebCase, "knee", False),
    ],
)
def test_keys_look_like_their_axes(kind, key, fits):
    assert bool(key_pattern(kind).fullmatch(key)) is fits
