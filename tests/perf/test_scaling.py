"""What is concluded from several levels of concurrency, and what is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf.measure.intervals import Interval
from perf.measure.scaling import Level, nodes_for, scaling
from perf.report.scaling_lines import bottleneck, conclusion
from tests.perf.test_machine import QUIET


def level(concurrency, x, service_s=1.0, spread=0.02, **given):
    return Level(concurrency, x, Interval(x * (1 - spread), x * (1 + spread)), service_s, **given)


def test_efficiency_and_inflation_by_hand():
    found = scaling([level(4, 90, 2.6), level(1, 60, 1.0), level(2, 84, 1.4)])
    assert [each.concurrency for each in found.levels] == [1, 2, 4]
    assert found.efficiency == pytest.approx((1, 0.7, 0.375))
    assert found.inflation == pytest.approx((1, 1.4, 2.6))


@pytest.mark.parametrize(
    ("levels", "best"),
    [
        ([level(1, 60), level(2, 110), level(4, 180)], 4),
        ([level(1, 60), level(2, 61), level(4, 62)], 1),
        ([level(1, 60), level(2, 110), level(4, 80)], 2),
        ([level(1, 60, spread=0.3), level(2, 80, spread=0.3)], 1),  # the data cannot tell them apart
    ],
)
def test_the_least_level_that_none_beats(levels, best):
    assert scaling(levels).best.concurrency == best


@pytest.mark.parametrize(
    ("use", "words"),
    [
        ({"own_cores": 1.9}, "CPU (CPU 98 %"),
        ({"own_cores": 0.5, "least_memory_mb": 500}, "memory (CPU 28 %"),
        ({"own_cores": 0.5, "disk_busy_share": 0.95}, "storage ("),
        ({"own_cores": 0.5}, "none of this machine's"),
    ],
)
def test_the_bottleneck_is_what_was_measured(use, words):
    assert bottleneck(replace(QUIET, **use)).startswith(words)


def test_the_bottleneck_elsewhere_is_not_guessed():
    assert bottleneck(None).startswith("not known")


@pytest.mark.parametrize(("rate", "each", "nodes"), [(10, 5, 2), (10.1, 5, 3), (0.1, 5, 1), (60, 42, 2)])
def test_nodes(rate, each, nodes):
    assert nodes_for(rate, each) == nodes


def test_the_conclusion_in_words():
    found = scaling([level(1, 60), level(2, 110, sustained_per_min=77.0), level(4, 100)])
    *lines, best, nodes = conclusion("50MB", found)
    assert len(lines) == 3
    assert best.startswith("50MB: run 2 at a time on such a node")
    assert "determine no scaling law" in best
    assert "10/min: 1, 60/min: 1" in nodes
    assert "was not measured" in nodes


def test_no_number_where_there_is_none():
    *_, last = conclusion("50MB", scaling([level(1, 60), level(2, 110)]))
    assert last.endswith("no number can be given")
    (_, alone) = conclusion("50MB", scaling([level(1, 60)]))
    assert "says nothing about scaling" in alone
