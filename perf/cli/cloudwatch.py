"""`python -m perf cloudwatch RESULTS`: what CloudWatch told too late, fetched into the artifacts of a run."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from perf.cases.errors import UsageError
from perf.cli.live import say
from perf.cli.parser import add_results
from perf.deploy.cloudwatch import cloudwatch_of
from perf.judge.verdict import VerdictKind
from perf.observe.cloudwatch import CloudObserver
from perf.observe.seen import CloudSeen, CloudState
from perf.pipeline import Monitor
from perf.run.cloud import with_cloud
from perf.run.kinds import KINDS
from perf.store.documents import StoredCase
from perf.store.folder import RunFolder
from perf.store.runs import find_run, read_run


def add_cloudwatch(parser: argparse.ArgumentParser) -> None:
    """The options of `cloudwatch`."""
    parser.set_defaults(run=cloudwatch)
    add_results(parser)


def cloudwatch(args: argparse.Namespace) -> int:
    """Fetch what is not there yet of every case; 1 where a case turns out to be INVALID by it."""
    region = os.environ.get("AWS_REGION", "")
    if not region:
        raise UsageError("AWS_REGION: set it to the region of the deployment that was measured")
    folder = find_run(args.results)
    run = read_run(folder, KINDS)
    monitor = cloudwatch_of(region)
    became = [completed(folder, case, monitor) for case in run.cases]
    if set(became) <= {None}:
        raise UsageError(f"{folder}: CloudWatch was not looked at in this run: it is in aws runs alone")
    for text in run.unread:
        say(f"not read: {text}")
    say(f"the reports are made anew by: python -m perf report {folder}")
    return 1 if any(became) or run.unread else 0


def completed(folder: Path, case: StoredCase, monitor: Monitor) -> bool | None:
    """Complete a case's files: whether it is INVALID now and was not before; None where nobody looked."""
    before = case.result
    if before is None or before.cloud is None:
        return None
    seen = CloudObserver(monitor).completed(before.cloud)
    after = with_cloud(before, seen)
    kind = next(kind for kind in KINDS if kind.name == case.kind)
    RunFolder(folder, case.machine).write(kind, after)
    say("\n".join(lines(case.id, seen)))
    became = after.verdict.kind is VerdictKind.INVALID and before.verdict.kind is not VerdictKind.INVALID
    if became:
        say(f"{case.id}: {after.verdict.message()}")
    return became


def lines(name: str, seen: CloudSeen) -> Sequence[str]:
    """How much is there, and what is not and why."""
    lacking = [each for each in seen.series if each.state is not CloudState.THERE]
    head = f"{name}: {len(seen.series) - len(lacking)} of {len(seen.series)} metrics are there"
    return [head, *(f"  {each.metric.title}: {each.state}: {each.why}" for each in lacking)]
