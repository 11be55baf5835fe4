"""The stages of `python -m perf`: the suite's own, one at a time, without pytest."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import Engine, select

from app.aws import sqs_client
from app.database import make_engine
from app.model import Video
from app.settings import Settings
from app.storage import make_storage
from fixtures.clips import cache_folder, make_clip, real_clip
from fixtures.deployment import remote_deployment
from fixtures.workers import live_workers
from perf.audit import Finding, read_rows
from perf.audit import audit as audit_row
from perf.errors import UsageError
from perf.judge.slos import load_slos
from perf.load.clock import anchor_to_database
from perf.load.completion import watch
from perf.load.injector import Injection, Planned, Sent, Target, plan
from perf.load.schedule import offsets
from perf.matrix import Axes, Case, Mode, Variant
from perf.measure.collect import read_ledger
from perf.measure.metrics import METRICS, Summary, summarise
from perf.measure.numbers import number
from perf.options import seconds
from perf.report.artifacts import read_tasks_log, write_summary
from perf.report.audit_table import render_audit
from perf.report.progress import LiveLine
from perf.run import Measured, Runner
from perf.sustainable import COUNT, find_sustainable
from worker.settings import WorkerSettings

MONITOR_DEADLINE_S = 3600.0


def inject(args: argparse.Namespace) -> int:
    """Put tasks into the queue; with --monitor wait for them. 1 when one failed or is outstanding."""
    axes = Axes.parse(modes=args.mode, count=args.count, rate=args.rate)
    planned = plan(offsets(_mode(axes), axes.count or 1, axes.rate_per_min).tolist())
    deadline_s = seconds("--deadline", args.deadline) or MONITOR_DEADLINE_S
    settings = Settings()
    _require_shared_clip(settings)
    key = _key_of(settings, args.file) if args.file else _clip_key(settings, args.size)
    log = _new_log(args.results)
    engine = make_engine(settings, application="video-perf")
    sqs = sqs_client(settings.aws_region)
    url = sqs.get_queue_url(QueueName=settings.sqs_queue_name)["QueueUrl"]
    target = Target(engine, sqs, url, settings.sqs_queue_name)
    injection = Injection(target, key, planned, anchor_to_database(engine), log)
    sent = _run(injection, planned, engine, deadline_s if args.monitor else None)
    unsent = [task for task in sent if task.sent_s is None]
    print(f"sent {len(sent) - len(unsent)} of {len(sent)} tasks for {key}; their log: {log}")
    if unsent:
        print(f"{len(unsent)} not sent, the first because: {unsent[0].error}", file=sys.stderr)
    if not args.monitor:
        return 1 if unsent else 0
    summary = summarise(read_ledger(engine, sent), concurrency=None, mode=_mode(axes), ideal=None)
    _print(summary)
    return 0 if summary.done == summary.total else 1


def metrics(args: argparse.Namespace) -> int:
    """Print, and with --output-csv write, the metrics of tasks that were injected before."""
    concurrency = Axes.parse(concurrency=args.concurrency).concurrency[0] if args.concurrency else None
    settings = Settings()
    engine = make_engine(settings, application="video-perf")
    sent = (
        read_tasks_log(args.tasks_log) if args.tasks_log else _tasks_of(engine, _key_of(settings, args.file))
    )
    if concurrency is None:
        concurrency = sum(each.concurrency for each in live_workers(engine, settings.sqs_queue_name)) or None
    mode = Mode.BURST if len({task.scheduled_s for task in sent}) == 1 else Mode.SUSTAINED
    summary = summarise(read_ledger(engine, sent), concurrency=concurrency, mode=mode, ideal=None)
    _print(summary)
    if args.output_csv:
        write_summary(args.output_csv, summary)
        print(f"written: {args.output_csv}")
    return 0 if summary.done == summary.total else 1


def audit(args: argparse.Namespace) -> int:
    """Hold a published table against the operational laws. 1 when a row is not consistent."""
    audits = [audit_row(row) for row in read_rows(args.table)]
    print("\n".join(render_audit(audits)))
    return 0 if all(each.verdict is Finding.CONSISTENT for each in audits) else 1


def capacity(args: argparse.Namespace) -> int:
    """Find the sustainable rate of one cell of the deployment, by bisection within a budget of time."""
    axes = Axes.parse(sizes=args.size, concurrency=args.concurrency, count=args.count)
    cell = Case(
        Variant.AWS, axes.sizes_mb[0], axes.concurrency[0], Mode.SUSTAINED, axes.count or COUNT[Variant.AWS]
    )
    book, budget_s = load_slos(args.slos), seconds("--budget", args.budget)
    book.for_case(cell)
    folder = _new_log(args.results).parent
    with remote_deployment(os.environ, print, terminal=sys.stdin.isatty()) as deployment:
        runner = Runner(deployment, book, folder, LiveLine(_terminal, cell.cell), Measured())
        print("\n".join(find_sustainable(runner, cell, budget_s).lines()))
    return 0


def _mode(axes: Axes) -> Mode:
    if len(axes.modes) != 1:
        raise UsageError("--mode: give one of burst, sustained")
    return axes.modes[0]


def _require_shared_clip(settings: Settings) -> None:
    if settings.s3_delete_original:
        raise UsageError(
            "S3_DELETE_ORIGINAL is true: all tasks process one object, and the first would delete it; "
            "set it to false, here and for the workers"
        )


def _key_of(settings: Settings, address: str) -> str:
    """The key in s3://BUCKET/KEY; workers read from their own bucket alone."""
    parts = urlsplit(address)
    key = parts.path.lstrip("/")
    if parts.scheme != "s3" or not key:
        raise UsageError(f"--file {address}: not an address of an object; expected s3://BUCKET/KEY")
    if parts.netloc != settings.aws_s3_bucket:
        raise UsageError(
            f"--file {address}: the workers read from AWS_S3_BUCKET={settings.aws_s3_bucket}, "
            f"not from {parts.netloc}"
        )
    return key


def _clip_key(settings: Settings, size: str) -> str:
    """The key of the clip of this size, uploaded now if the bucket lacks it."""
    sizes = Axes.parse(sizes=size).sizes_mb
    if len(sizes) != 1:
        raise UsageError(f"--size {size}: one size at a time, e.g. 50")
    clip = make_clip(real_clip(sizes[0]), str(WorkerSettings().ffmpeg), cache_folder())
    key, storage = settings.upload_key(clip.name), make_storage(settings)
    if not storage.exists(key):
        storage.upload_from(clip, key, "video/mp4")
    return key


def _new_log(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--results {folder}: cannot make the folder: {error}") from error
    return folder / f"worker_tasks_{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.log"


def _run(
    injection: Injection, planned: Sequence[Planned], engine: Engine, deadline_s: float | None
) -> list[Sent]:
    """Send all tasks; with a deadline, wait until they have finished."""
    line = LiveLine(_terminal, "inject")
    try:
        injection.start()
        with line.phase("sending"):
            while injection.running:
                time.sleep(0.05)
        if deadline_s is not None:
            with line.phase("waiting"):
                watch(engine, planned, injection.started_s, line.show, deadline_s=deadline_s, poll_s=1.0)
    finally:
        injection.stop()
    return injection.results()


def _terminal(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(text)
        sys.stderr.flush()


def _tasks_of(engine: Engine, key: str) -> list[Sent]:
    """All tasks of an object. When they were due is not known: taken as when they were uploaded."""
    query = select(Video.id, Video.uploaded_at).where(Video.object_key == key).order_by(Video.uploaded_at)
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    if not rows:
        raise UsageError(f"--file: the database has no task of {key}")
    return [Sent(row.id, row.uploaded_at.timestamp(), row.uploaded_at.timestamp()) for row in rows]


def _print(summary: Summary) -> None:
    width = max(map(len, METRICS))
    for name, metric in METRICS.items():
        value = summary.value(name)
        if value is not None:
            print(f"{name:<{width}}  {number(value):>10} {metric.unit:<8} {metric.meaning}")
