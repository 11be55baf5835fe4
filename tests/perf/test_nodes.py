"""Nodes as an axis: names, the share of each, and the conclusion "out or up"."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf.cases.against import against_cases
from perf.cases.case import Variant, key_pattern
from perf.cases.errors import UsageError
from perf.cases.search import search_cases
from perf.cases.worker import Mode, WorkerCase, worker_cases
from perf.judge.slos import Slo
from perf.judge.verdict import judge
from perf.measure.division import Division, best, of_one_total, scale_out
from perf.measure.intervals import Interval
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.nodes import Nodes, node_of, shares
from perf.pipeline import Fleet, ReportedWorker
from perf.report.division_lines import conclusion, division_lines
from perf.report.overview import pictures
from perf.run.worker import WORKER
from tests.perf.results import result
from tests.perf.tasks import task

LEDGER = Ledger.of(
    [
        task("a", 0, 1, 3, worker="node1/0/7"),
        task("b", 0, 1, 3, worker="node2/0/8"),
        task("c", 0, 3, 5, worker="node1/0/7"),
        task("d", 0, 3, 6, worker="node1/1/9"),
    ]
)


def division(nodes, per_node, x, spread=0.02):
    return Division(nodes, per_node, x, Interval(x * (1 - spread), x * (1 + spread)), 0.9, 3.0, 1 / nodes)


def divided(nodes, per_node, x):
    """The burst of a case with so many nodes, and this throughput."""
    case = WorkerCase(Variant.MOCKED, 50, per_node, Mode.BURST, 4, nodes=nodes)
    workers = tuple(ReportedWorker(f"w{n}", f"node{n}", n, per_node) for n in range(1, nodes + 1))
    found = result(concurrency=case.workers, ledger=LEDGER)
    return replace(
        found,
        case=case,
        facts=replace(found.facts, workers=workers),
        summary=replace(found.summary, throughput_per_min=x),
        verdict=judge(found.summary, [Slo("lost", "==", 0, "slos.toml:3")], ()),
        intervals={"throughput_per_min": Interval(0.98 * x, 1.02 * x)},
    )


def test_one_node_goes_without_saying_and_several_are_in_every_name():
    case = WorkerCase(Variant.MOCKED, 50, 2, Mode.BURST, 16, nodes=4)
    assert (case.id, case.cell, case.workers) == ("mocked-50MB-c2-n4-burst", "50MB-c2-n4", 8)
    assert case.title == "50 MB, concurrency 2, 4 nodes, burst (mocked)"
    assert case.parameters["nodes"] == "4"
    assert "nodes" not in replace(case, nodes=1).parameters


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        ("50MB-c2-n4-burst", True),
        ("50MB-c2-n10-burst", True),
        ("50MB-c2-burst", True),
        ("50MB-c2-n1-burst", False),  # no case is called that: a table for it would never hold
        ("50MB-c2-n0-burst", False),
    ],
)
def test_a_table_of_slos_may_name_nodes(key, fits):
    assert bool(key_pattern(WorkerCase).fullmatch(key)) is fits


def test_nodes_span_the_matrix_and_are_asked_for_by_name():
    options = {"sizes": (50,), "concurrency": (1, 2), "modes": (Mode.BURST,), "nodes": (1, 2)}
    found = worker_cases(Variant.AWS, options)
    assert [each.key for each in found] == [
        "50MB-c1-burst", "50MB-c1-n2-burst", "50MB-c2-burst", "50MB-c2-n2-burst",
    ]  # fmt: skip
    assert all(each.nodes_asked for each in found)
    assert not any(each.nodes_asked for each in worker_cases(Variant.AWS, {}))
    assert [each.cell for each in search_cases(Variant.AWS, options)] == [
        "50MB-c1", "50MB-c1-n2", "50MB-c2", "50MB-c2-n2",
    ]  # fmt: skip


def test_a_comparison_has_one_node_for_each_side():
    with pytest.raises(UsageError, match="--nodes: a comparison has one node"):
        against_cases(Variant.MOCKED, {"against": "main", "nodes": (1, 2)})


def test_the_share_of_each_node_also_of_one_that_did_nothing():
    first, second, third = shares(LEDGER, ["node3"], 6.0)
    assert (first.node, first.done, first.share, first.throughput_per_min) == ("node1", 3, 0.75, 30)
    assert (second.done, second.service_mean_s) == (1, 2)
    assert (third.node, third.done, third.share, third.service_mean_s) == ("node3", 0, 0, None)
    assert node_of("a/b/0/7") == "a/b"


@pytest.mark.parametrize(("nodes", "least"), [(None, 0.25), (2, 0.25), (3, 0.0)])
def test_the_shares_are_metrics(nodes, least):
    found = summarise(LEDGER, concurrency=4, mode=Mode.BURST, ideal=None, nodes=nodes and Nodes(nodes))
    assert (found.nodes_used, found.node_share_least, found.node_share_most) == (2, least, 0.75)


def test_nobody_knows_the_share_where_workers_have_no_name():
    found = summarise(Ledger.of([task("a", worker=None)]), concurrency=1, mode=Mode.BURST, ideal=None)
    assert (found.nodes_used, found.node_share_least) == (None, None)


def test_what_each_node_did_is_a_file_where_there_are_several():
    (table,) = WORKER.tables(divided(2, 2, 60)).values()
    assert [row[:3] for row in table] == [("node", "done", "share"), ("node1", 3, 0.75), ("node2", 1, 0.25)]
    assert WORKER.tables(divided(1, 4, 60)) == {}
    row = WORKER.row(divided(2, 2, 60))
    assert (row["concurrency"], row["nodes"], row["node_share_least"]) == (2, 2, 0.25)


@pytest.mark.parametrize(
    ("group", "names", "words"),
    [
        ([division(1, 4, 60), division(4, 1, 90)], ["4 nodes x 1"], "scale out: 4 nodes x 1 did clearly"),
        ([division(1, 4, 90), division(2, 2, 60)], ["1 node x 4"], "scale up: 1 node x 4 did clearly"),
        ([division(1, 4, 60), division(2, 2, 61)], ["1 node x 4", "2 nodes x 2"], "no way to divide them"),
        ([division(1, 4, 60, 0.3), division(2, 2, 80, 0.3)], ["both"] * 2, "choose by cost and risk"),
        (
            [division(1, 4, 60), division(2, 2, 90), division(4, 1, 60)],
            ["2 nodes x 2"],
            "4 worker processes: 2 nodes x 2 did clearly more, 1.50 times the next best",
        ),
    ],
)
def test_out_up_or_that_the_data_cannot_tell(group, names, words):
    assert len(best(group)) == len(names)
    assert words in conclusion(group)


def test_only_the_same_total_is_held_side_by_side():
    found = [division(1, 1, 30), division(2, 2, 90), division(1, 4, 80), division(4, 1, 85)]
    assert [[each.nodes for each in group] for group in of_one_total(found)] == [[1, 2, 4]]
    assert [(each.nodes, efficiency) for each, efficiency in scale_out(found)] == [
        (4, pytest.approx(85 / 120))
    ]


def test_the_conclusion_stands_in_the_report_row_by_row():
    results = [divided(1, 4, 60), divided(2, 2, 90), divided(1, 2, 50)]
    lines = list(division_lines(results))
    assert lines[0].startswith("mocked 50MB 1 node x 4: X 60/min (58.8 to 61.2), efficiency")
    assert lines[1].startswith("mocked 50MB 2 nodes x 2: X 90/min")
    assert "scale out: 2 nodes x 2 did clearly more, 1.50 times" in lines[2]
    assert "not what another machine adds" in lines[2]
    assert lines[3] == "mocked 50MB c=2: 2 nodes do 1.80 times what one does, 0.9 of 2 times"
    picture = next(each for each in pictures(results) if each.name == "division")
    assert "scale out" in picture.description
    assert "2 nodes x 2" in next(each for each in pictures(results) if each.name == "matrix").svg


def test_a_run_without_nodes_says_nothing_of_them():
    assert list(division_lines([divided(1, 1, 30), divided(1, 2, 50)])) == []


def test_nodes_of_several_sizes_are_no_way_to_divide():
    uneven = divided(1, 4, 60)
    workers = (ReportedWorker("w1", "a", 1, 3), ReportedWorker("w2", "b", 1, 1))
    uneven = replace(uneven, facts=replace(uneven.facts, workers=workers))
    assert list(division_lines([uneven, divided(2, 2, 50)])) == []


def test_exactly_so_many_nodes_are_the_same_fleet_to_whoever_compares():
    assert Fleet(1, 4, exact=True) == Fleet(1, 4)
