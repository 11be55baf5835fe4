"""The table of runs whose truth is known: its plan, its shares, and what the naive methods say."""

from __future__ import annotations

import ast
from collections import Counter

import pytest

from tests.perf.ab_runs import (
    AT_C2,
    KOMBU_POLLS,
    NEIGHBOURS,
    PATCHES,
    ROOT,
    TASKS,
    TRANSPORT,
    figures,
    wanted,
)
from tests.perf.ab_table import beside_stored, read, share, table


def made(patch, outcome, service_s, number=0, **more):
    sides = {"here": {"service_s": service_s, "makespan_s": 4 * service_s}}
    fixed = {"neighbour": "quiet", "verdict": "PASS", "pairs": 12, "seconds": 30.0, "left_out": 0}
    return {"patch": patch, "number": number, "outcome": outcome, **fixed, **sides, **more}


def test_every_kind_of_run_is_made_as_often_as_was_asked():
    plan = Counter((each.patch, each.neighbour) for each in wanted(5, 2, NEIGHBOURS))
    assert plan == {(p, n): 5 if p == "A/A" else 2 for p in PATCHES for n in NEIGHBOURS}


@pytest.mark.parametrize("patch", [*PATCHES.values(), AT_C2], ids=[*PATCHES, "at c2"])
def test_a_patch_changes_what_the_worker_has(patch):
    text = (ROOT / TASKS).read_text()
    ast.parse(text + patch)
    assert "def _process(own: Resources, claim: Claim)" in text
    assert "def _clean_up(own: Resources, claim: Claim, " in text


def test_kombu_decides_when_to_poll_where_the_channel_does_not():
    text = (ROOT / TRANSPORT).read_text()
    assert "class Channel(heartbeat.Channel)" in text
    assert "    def _loop1(self" in text
    ast.parse(text + KOMBU_POLLS)


def test_a_share_has_its_exact_interval():
    assert share(0, 100) == "0/100 = 0.0 % (0.0 to 3.6)"  # 1 - 0.025 ** (1 / 100)
    assert share(0, 0) == "-"


def test_a_limit_in_seconds_and_a_stored_run_are_judged_beside():
    """The machine gets slower by a fifth for good: the limit goes on alarming, the stored run does once."""
    runs = [made("A/A", "same", service_s, n) for n, service_s in enumerate([1.0, 1.0, 1.2, 1.2])]
    runs.append(made("+20 %", "worse", 1.2))  # missed by the second: it was slower before
    said = [None, (False, False), (True, True), (True, False), (True, False)]
    assert list(beside_stored(runs)) == said
    a_a = next(line for line in table([runs, runs]) if line.startswith("A/A"))
    assert "4/6" in a_a  # seconds are held against those of the same file alone
    assert "2/6" in a_a


def test_the_table_counts_false_alarms_and_what_was_found(tmp_path):
    file = tmp_path / "runs.jsonl"
    file.write_text('{"patch": "A/A", "outc')  # cut short
    assert read(file) == []
    broken = {"patch": "A/A", "neighbour": "quiet", "number": 2, "outcome": "broken", "error": "x"}
    runs = [
        made("A/A", "same", 1.0), made("A/A", "worse", 1.0, 1), broken,
        made("+10 %", "worse", 1.1), made("+10 %", "undecided", 1.1, 1),
    ]  # fmt: skip
    lines = list(table([runs]))
    (a_a,) = [line for line in lines if line.startswith("A/A") and " all " in line]
    (ten,) = [line for line in lines if line.startswith("+10 %") and " all " in line]
    assert a_a.split()[2:8] == ["1/2", "=", "50.0", "%", "(1.3", "to"]
    assert ten.split()[3:6] == ["1/2", "=", "50.0"]
    assert a_a.split()[9:14] == ["0", "0", "1", "12", "30"]


def test_a_run_that_broke_is_kept_as_one():
    assert figures({"error": "no git"}) == {"outcome": "broken", "error": "no git"}
