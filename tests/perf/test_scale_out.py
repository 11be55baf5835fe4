"""The autoscaling case: its schedule, what it measures by hand, its verdict, and one on real workers."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from fixtures.video_deployments import local_deployment
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.scale_out import AFTER, BEFORE, LEAST_TASKS, scale_out_cases
from perf.deploy.errors import FixtureError
from perf.deploy.local_growth import growing
from perf.deploy.servers import Servers
from perf.judge.scale_out import _kept_up
from perf.judge.slos import load_slos
from perf.judge.verdict import VerdictKind
from perf.load.clock import PipelineClock
from perf.load.fleet_watch import FleetWatch
from perf.measure.ledger import Ledger
from perf.measure.scale_out import NodesSeen, scale_out_summary
from perf.pipeline import ReportedWorker
from perf.report.scale_out_plots import pictures
from perf.report.scale_out_table import render_scale_out_table
from perf.run.context import Context
from perf.run.kinds import KINDS
from perf.run.scale_out import SCALE_OUT
from perf.store.documents import read_case
from perf.store.folder import RunFolder
from tests.perf.tasks import task
from tests.perf.test_run import Watching

(CASE,) = scale_out_cases(Variant.MOCKED, {})


def test_a_case_for_each_variant_and_concurrency() -> None:
    assert CASE.id == "mocked-50MB-c1-scale-out"
    found = scale_out_cases(Variant.AWS, {"sizes": (5, 100), "concurrency": (1, 2)})
    assert [case.id for case in found] == ["aws-5MB-c1-scale-out", "aws-5MB-c2-scale-out"]


def test_nodes_that_came_in_cost_from_then_on() -> None:
    """Two looks at one node, one at two: the ceiling is told of each change."""
    there = [ReportedWorker(name, name, 1, 1) for name in ("a", "b")]
    looks, told, over = iter([there[:1], there[:1], there]), [], Event()

    class Pipeline:
        def workers(self) -> list[ReportedWorker]:
            if (found := next(looks, None)) is None:
                over.set()
                raise FixtureError("nobody answers")
            return found

    watch = FleetWatch(Pipeline(), told.append, every_s=0.001)  # type: ignore[arg-type]
    watch.start(0.0, PipelineClock(0.0, 0.0))
    assert over.wait(10)
    watch.stop()
    assert told == [1, 2]
    assert [nodes for _, nodes in watch.seen] == [1, 1, 2]


def test_the_load_rises_above_what_a_node_can_do() -> None:
    offsets = CASE.offsets_s(600)
    before = [each for each in offsets if each < CASE.before_s]
    after = [each for each in offsets if each >= CASE.before_s]
    assert len(before) == BEFORE * 10 * CASE.before_s
    assert len(after) == AFTER * 10 * CASE.after_s
    assert after[0] == CASE.before_s
    assert offsets == sorted(offsets)
    assert len(CASE.offsets_s(1)) == 2 * LEAST_TASKS


def on(node: str, pid: int, number: int, due: float, start: float, service: float) -> object:
    return replace(task(str(number), due, start, start + service), worker=f"{node}/0/{pid}")


#: Two tasks before the rise at 1010; then two a second, and a second node whose first task takes 3 s.
TASKS = [
    on("a", 1, 0, 1000, 1000, 1), on("a", 1, 1, 1005, 1005, 1),
    on("a", 1, 2, 1010, 1010, 1), on("a", 1, 3, 1010, 1011, 1), on("a", 1, 4, 1011, 1012, 1),
    on("b", 2, 5, 1011, 1014, 3), on("b", 2, 6, 1012, 1017, 1), on("b", 2, 7, 1012, 1018, 1),
]  # fmt: skip


def test_what_it_measures_by_hand() -> None:
    seen = [NodesSeen(1009, 1), NodesSeen(1012, 1), NodesSeen(1013, 2)]
    found = scale_out_summary(Ledger.of(TASKS), {"a"}, 1010, seen)
    assert (found.nodes_before, found.nodes_after) == (1, 2)
    assert found.node_there_s == 3  # seen at 1013
    assert found.scale_out_s == 4  # task 5, at 1014
    assert found.warm_up_ratio == 3  # 3 s against a median of 1 s
    # Due and not finished: at 1012 tasks 4 to 7; it was at most 1 before, and is again when 6 ends at 1018.
    assert found.backlog_max == 4
    assert found.caught_up_s == 8
    assert (found.total, found.done, found.lost) == (8, 8, 0)


def test_a_fleet_that_stays_as_it_is() -> None:
    alone = scale_out_summary(Ledger.of(TASKS[:2]), {"a"}, 1010, [])
    assert (alone.nodes_after, alone.scale_out_s, alone.node_there_s, alone.warm_up_ratio) == (
        1,
        None,
        None,
        None,
    )
    assert alone.caught_up_s == 0  # the backlog never grew


def test_a_load_that_one_node_keeps_up_with_tells_nothing() -> None:
    alone = scale_out_summary(Ledger.of(TASKS[:2]), {"a"}, 1010, [])
    (problem,) = _kept_up(alone, 20)
    assert problem.reason.startswith("the raised load was no more than the nodes that were there can do")
    assert list(_kept_up(replace(alone, caught_up_s=30.0), 20)) == []  # it drained when the load had ended
    assert list(_kept_up(replace(alone, caught_up_s=None), 20)) == []
    assert list(_kept_up(replace(alone, scale_out_s=3.0), 20)) == []


@contextmanager
def nothing_grows():
    yield


@pytest.mark.timeout(240)
def test_a_second_node_comes_by_itself_and_none_where_nothing_adds_it(
    servers: Servers, tmp_path: Path
) -> None:
    # Some sixty tasks: alone a node is at them for many times as long as another one takes to start.
    case = replace(CASE, before_s=1.0, after_s=2.0)
    book = load_slos(SLOS, KINDS)
    run = RunFolder.create(tmp_path / "2026-11-27T00-00-00Z", {})
    with local_deployment("mocked", servers, os.environ, tmp_path) as deployment:
        context = Context(deployment, book, run.path, Watching())
        # More than a process here ever does: whether a node has enough is not the machine's to decide.
        context.references.capacities_per_min[case.variant, case.load.cell] = 900.0
        result = SCALE_OUT.run(case, context)
        run.write(SCALE_OUT, result)
        assert result.summary.nodes_after == 2, result.verdict.message()
        assert result.summary.done == result.summary.total
        assert result.summary.node_there_s > 0
        assert result.summary.scale_out_s > 0
        busy = {"machine was ours", "ratio stood", "machine kept up", "injector on time", "rate as asked"}
        assert {each.check for each in result.verdict.problems} <= busy, result.verdict.message()
        assert "same workers" in {each.check for each in result.facts.explained}
        (row,) = render_scale_out_table([result])[1:-2]
        assert row.startswith(f"{case.id} ")
        assert [picture.name for picture in pictures(result)] == ["backlog", "nodes"]
        stored = read_case(run.path / f"case_{case.id}.json", KINDS)
        assert stored.values["nodes_after"] == 2
        deployment.growing = nothing_grows
        still = SCALE_OUT.run(replace(case, before_s=0.5, after_s=0.5), context)
        assert still.summary.nodes_after == 1
        assert still.verdict.kind is VerdictKind.FAIL
        assert "nodes_after >= 2: measured 1" in still.verdict.message()
        deployment.growing = None
        with pytest.raises(FixtureError, match="nothing makes the fleet of this deployment grow by itself"):
            SCALE_OUT.run(case, context)


class FullFleet:
    """One to which no node can be added."""

    processes = 1

    def __init__(self) -> None:
        self.nodes = {"node1": None}
        self.asked = Event()

    def add(self) -> None:
        self.asked.set()
        raise FixtureError("there is no room")


class LongQueue:
    def depth(self) -> int:
        return 100


def test_a_node_that_cannot_be_added_is_told() -> None:
    fleet = FullFleet()
    with (
        pytest.raises(FixtureError, match="the fleet could not grow: there is no room"),
        growing(fleet, LongQueue()),
    ):
        assert fleet.asked.wait(30)
