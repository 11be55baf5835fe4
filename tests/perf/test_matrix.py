"""The axes and the cases they span."""

from __future__ import annotations

import pytest

from perf.errors import UsageError
from perf.matrix import DEFAULT_COUNT, Axes, Case, Mode, Variant, cases


def test_the_default_matrix_has_twelve_cases_in_the_order_they_run():
    assert [case.id for case in cases(Variant.MOCKED, Axes.parse())] == [
        f"mocked-{size}MB-c{concurrency}-{mode}"
        for concurrency in (1, 2, 4)
        for size in (50, 100)
        for mode in ("burst", "sustained")
    ]


def test_a_case_tells_its_names():
    case = Case(Variant.AWS, 50, 2, Mode.BURST, 30)
    assert (case.id, case.key, case.cell) == ("aws-50MB-c2-burst", "50MB-c2-burst", "50MB-c2")


def test_a_burst_runs_first_whatever_the_order_given():
    axes = Axes.parse(sizes="50", concurrency="1", modes="sustained,burst")
    assert [case.mode for case in cases(Variant.LOCAL, axes)] == [Mode.BURST, Mode.SUSTAINED]


@pytest.mark.parametrize("variant", Variant)
def test_the_count_is_the_variant_s_unless_given(variant):
    assert {case.count for case in cases(variant, Axes.parse())} == {DEFAULT_COUNT[variant]}
    assert {case.count for case in cases(variant, Axes.parse(count="7"))} == {7}


def test_a_rate_belongs_to_the_sustained_cases_alone():
    made = cases(Variant.MOCKED, Axes.parse(rate="12.5"))
    assert {(case.mode, case.rate_per_min) for case in made} == {(Mode.BURST, None), (Mode.SUSTAINED, 12.5)}


def test_texts_of_an_ini_file_are_read_with_their_spaces():
    axes = Axes.parse(sizes=" 50MB, 100 mb", concurrency="1 , 2", modes=" burst ", count=" 3 ", rate=" ")
    assert axes == Axes((50, 100), (1, 2), (Mode.BURST,), 3, None, 0.7)


def test_empty_texts_are_the_defaults():
    assert Axes.parse("", "", "", "", "", "") == Axes() == Axes.parse()


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
    ],
)
def test_nonsense_is_refused_in_one_line(options, words):
    with pytest.raises(UsageError) as caught:
        Axes.parse(**options)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)
