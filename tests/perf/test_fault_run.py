"""A fault case for real, in short: the database crashes under a load, and nothing is left in the end."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import psutil

from fixtures.video_deployments import local_deployment
from perf.cases.case import Variant
from perf.cases.defaults import SLOS
from perf.cases.faults import Fault, fault_cases
from perf.deploy.servers import Servers
from perf.judge.slos import load_slos
from perf.report.progress import QuietLine
from perf.run.context import Context, References
from perf.run.faults import FAULTS
from perf.run.kinds import KINDS
from tests.worker.rig import eventually

(CRASH,) = fault_cases(Variant.MOCKED, {"faults": (Fault.DATABASE_CRASH,), "utilisation": 0.8})


def test_nothing_is_lost_in_a_crash_of_the_database(servers: Servers, tmp_path: Path) -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with local_deployment(Variant.MOCKED, servers, os.environ, tmp_path) as deployment:
        known = References(capacities_per_min={(CRASH.variant, CRASH.cell): 90.0})  # no probe is made
        context = Context(deployment, load_slos(SLOS, KINDS), tmp_path, QuietLine(print, "crash"), known)
        result = FAULTS.run(replace(CRASH, load_s=5.0, outage_s=1.0), context)
    summary = result.summary
    counts = (summary.lost, summary.done_twice, summary.failed, summary.dead_lettered, summary.unsent)
    assert counts == (0, 0, 0, 0, 0), result.verdict.message()
    assert summary.done == summary.total >= 10
    assert {fate.endings for fate in result.fates.values()} == {1}
    (struck,) = result.struck
    assert struck.strike.fault == "database-crash"
    assert [hit.done for hit in struck.hits] == ["ended by SIGQUIT"]
    assert struck.ended_s - struck.begun_s >= 1
    assert summary.recovery_s is not None
    assert "synchronous_commit on" in result.facts.deployment["database"]
    eventually(
        lambda: {each.pid for each in psutil.Process().children(recursive=True)} <= before,
        "proxies, workers and the database are gone",
    )
