"""`python -m perf inject` and `python -m perf metrics`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from fixtures.by_environment import NamedDeployment
from perf.cases.errors import UsageError
from perf.cases.options import seconds
from perf.cases.worker import CONCURRENCY, COUNT, MODES, RATE, SIZES, Mode, require_enough
from perf.cli.figures import print_figures, print_problems
from perf.cli.live import live_line
from perf.deploy.waiting import until
from perf.judge.check import problems
from perf.judge.evidence import Observed, TaskEvidence
from perf.judge.run_checks import RUN_CHECKS
from perf.judge.task_checks import TASK_CHECKS
from perf.load.injector import Injection
from perf.load.plan import Planned, Sent, plan
from perf.load.schedule import offsets
from perf.measure.ledger import Ledger
from perf.measure.metrics import summarise
from perf.measure.summary import METRICS, Summary
from perf.observe.completion import Progress, await_completion
from perf.observe.ledger import read_records
from perf.observe.observer import observing
from perf.observe.seen import Poll
from perf.observe.tasks import ClockObserver, WorkersObserver
from perf.pipeline import Pipeline
from perf.report.progress import LiveLine, QuietLine
from perf.run.worker import known_row
from perf.store.folder import write_row
from perf.store.tasks_log import read_tasks_log

MONITOR_DEADLINE_S = 3600.0

T = TypeVar("T")


def add_inject(parser: argparse.ArgumentParser) -> None:
    """The options of `inject`."""
    parser.set_defaults(run=inject)
    parser.add_argument("--count", required=True, help="number of tasks, 1 to 1000000")
    parser.add_argument(
        "--size", help="video size in MB; without --file the clip is made, and uploaded where it is lacking"
    )
    parser.add_argument("--file", help="a video in the bucket, s3://BUCKET/KEY, taken as it is")
    parser.add_argument("--mode", default="burst", help="burst or sustained (%(default)s)")
    parser.add_argument("--rate", default="", help="tasks per minute; for --mode sustained")
    parser.add_argument("--monitor", action="store_true", help="wait until the tasks have finished")
    parser.add_argument(
        "--deadline", default="", help="seconds to wait at most after the last task was due (3600)"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of the tasks' log (results)"
    )


def add_metrics(parser: argparse.ArgumentParser) -> None:
    """The options of `metrics`."""
    parser.set_defaults(run=metrics)
    tasks = parser.add_mutually_exclusive_group(required=True)
    tasks.add_argument("--tasks-log", type=Path, help="a worker_tasks_*.log of the injector")
    tasks.add_argument("--file", help="all tasks of this video, s3://BUCKET/KEY; due when they were uploaded")
    parser.add_argument(
        "--concurrency", default="", help="of the workers then (default: what they report now)"
    )
    parser.add_argument("--output-csv", type=Path, help="a file for them, a header and one row (none)")


def inject(args: argparse.Namespace) -> int:
    """Put tasks into the queue; with --monitor wait for them. 1 when one failed or cannot be trusted."""
    mode = _one(MODES.parse(args.mode, "--mode"), "--mode: give one of burst, sustained")
    count = COUNT.parse(args.count)
    require_enough(count, [mode])
    planned = plan(offsets(mode, count or 1, RATE.parse(args.rate)).tolist())
    deadline_s = seconds("--deadline", args.deadline.strip()) or MONITOR_DEADLINE_S
    size_mb = _size_mb(args)
    here = NamedDeployment()
    here.require_shared_clip()
    key = here.clip_key(size_mb) if size_mb else here.key_of(args.file)
    log = new_log(args.results)
    _ = here.pipeline.queue.url  # a queue that is not there is found before a row is made
    run = _Run(here.pipeline, planned, mode, deadline_s if args.monitor else None)
    sent = run.send(key, log)
    unsent = [task for task in sent if task.sent_s is None]
    print(f"sent {len(sent) - len(unsent)} of {len(sent)} tasks for {key}; their log: {log}")
    if unsent:
        print(f"{len(unsent)} not sent, the first because: {unsent[0].error}", file=sys.stderr)
    if not args.monitor:
        return 1 if unsent else 0
    return _told(Ledger.of(read_records(here.pipeline, sent)), mode, run.concurrency, run.observed)


def _size_mb(args: argparse.Namespace) -> int | None:
    """The size of the clip to make; None beside a file, whose size is its own, which is said.

    Raises:
        UsageError: it is no size, or there is neither.
    """
    if args.size is None and args.file is None:
        raise UsageError("give --size, e.g. 50, or --file s3://BUCKET/KEY")
    if args.size is None:
        return None
    size_mb: int = _one(SIZES.parse(args.size, "--size"), f"--size {args.size}: one size at a time, e.g. 50")
    if args.file is not None:
        print(f"--size {args.size}: not used, the tasks get {args.file} as it is")
        return None
    return size_mb


def metrics(args: argparse.Namespace) -> int:
    """Print, and with --output-csv write, the metrics of tasks that were injected before."""
    given = CONCURRENCY.parse(args.concurrency)
    concurrency = _one(given, "--concurrency: give one number, e.g. 4") if given else None
    here = NamedDeployment()
    if args.tasks_log:
        sent = read_tasks_log(args.tasks_log)
    else:
        # When they were due is not known: taken as when they were uploaded.
        sent = [Sent(task, at_s, at_s) for task, at_s in here.tasks_of(here.key_of(args.file))]
    concurrency = concurrency or _reported(here.pipeline)
    mode = Mode.BURST if len({task.scheduled_s for task in sent}) == 1 else Mode.SUSTAINED
    ledger = Ledger.of(read_records(here.pipeline, sent))
    return _told(ledger, mode, concurrency, Observed(), args.output_csv)


def _told(
    ledger: Ledger, mode: Mode, concurrency: int | None, observed: Observed, output: Path | None = None
) -> int:
    """Print the figures, and whether they can be trusted; 1 when not, or when not every task is done."""
    summary: Summary = summarise(ledger, concurrency=concurrency, mode=mode, ideal=None)
    print_figures(METRICS, summary)
    if output:
        write_row(output, {"mode": mode, **known_row(summary), **summary.values()})
        print(f"written: {output}")
    evidence = TaskEvidence(ledger, summary, concurrency, mode, observed)
    found = problems((*TASK_CHECKS, *RUN_CHECKS), evidence)
    print_problems(found)
    return 0 if summary.done == summary.total and not found else 1


class _Run:
    """One injection by hand; with a deadline, until its tasks have finished."""

    def __init__(
        self, pipeline: Pipeline, planned: Sequence[Planned], mode: Mode, deadline_s: float | None
    ) -> None:
        self._pipeline = pipeline
        self._planned = planned
        self._mode = mode
        self._deadline_s = deadline_s
        self._polls: list[Poll] = []
        self.observed = Observed()
        self.concurrency = _reported(pipeline)

    def send(self, key: str, log: Path) -> list[Sent]:
        """Send all tasks, and see what the deployment did meanwhile."""
        clock, workers = ClockObserver(self._pipeline), WorkersObserver(self._pipeline)
        with observing(clock, workers):
            begin_s = clock.clock.now()
            sent = self._send(Injection(self._pipeline, key, self._planned, clock.clock, log))
        foreign = self._pipeline.changed_since(begin_s, [task.task_id for task in sent])
        self.observed = Observed(
            workers=workers.seen, clock=clock.seen, polls=tuple(self._polls), foreign=foreign
        )
        return sent

    def _send(self, injection: Injection) -> list[Sent]:
        line = live_line("inject")
        try:
            injection.start()
            with line.phase("sending"):
                last_s = self._planned[-1].offset_s
                until(lambda: not injection.running, last_s + MONITOR_DEADLINE_S, 0.05)
            if self._deadline_s is not None:
                with line.phase("waiting"):
                    self._wait(injection, line, self._deadline_s)
        finally:
            injection.stop()
        return injection.results()

    def _wait(self, injection: Injection, line: LiveLine | QuietLine, deadline_s: float) -> None:
        def show(progress: Progress) -> None:
            self._polls.append(Poll(progress.elapsed_s, progress.backlog))
            line.show(progress)

        await_completion(
            self._pipeline, self._planned, injection.started_s, show, deadline_s=deadline_s, poll_s=1.0
        )


def _reported(pipeline: Pipeline) -> int | None:
    """What the workers' concurrency adds up to now; None where none reports itself."""
    return sum(worker.concurrency for worker in pipeline.workers()) or None


def _one(values: tuple[T, ...], otherwise: str) -> T:
    if len(values) != 1:
        raise UsageError(otherwise)
    return values[0]


def new_log(folder: Path) -> Path:
    """The log of an injection that begins now, in a folder that is made.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--results {folder}: cannot make the folder: {error}") from error
    return folder / f"worker_tasks_{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.log"
