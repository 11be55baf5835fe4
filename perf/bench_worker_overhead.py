"""`python -m perf.bench_worker_overhead`: what the worker's SQS settings cost, beside Celery's own.

The same empty task, the same queue server, the same machine, one after the other in one run: once with
`worker.celery_app.configuration`, once with the defaults of Celery and kombu. Two figures for each:

- pickup: the median from sent to started of single tasks on an idle worker of concurrency 1
- tasks/s: a burst of empty tasks at concurrency 1, 2 and 4

Read the ratios: the seconds are this machine's. The defaults acknowledge a message as it arrives and
fetch four tasks per process ahead: that is why they win a burst of empty tasks on many processes, and
why they lose those tasks when a worker dies.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from pathlib import Path

from celery import Celery
from celery.signals import worker_ready

from app.aws import sqs_client
from app.settings import Settings
from fixtures.loopback import applied
from fixtures.pipeline import create_queues, pipeline_environment, running_servers
from fixtures.processes import ManagedProcess
from fixtures.workdir import temporary_folder
from worker.celery_app import configuration
from worker.message import TASK_NAME, encode_task
from worker.settings import WorkerSettings

SINGLES = 15
BURST = 40
DEADLINE_S = 90.0
_SEED = 1


def make_app() -> Celery:
    """The worker's side: an empty task that notes when it started."""
    app = Celery("bench", set_as_current=False)
    settings, url = Settings(), os.environ["BENCH_QUEUE_URL"]
    if os.environ["BENCH_SETTINGS"] == "ours":
        app.conf.update(configuration(settings, WorkerSettings(), url))
    else:
        queues = {settings.sqs_queue_name: {"url": url}}
        app.conf.update(
            broker_url="sqs://",
            task_default_queue=settings.sqs_queue_name,
            broker_transport_options={"region": settings.aws_region, "predefined_queues": queues},
        )
    folder = Path(os.environ["BENCH_FOLDER"])

    @app.task(name=TASK_NAME, ignore_result=True)
    def empty(task_id: str) -> None:
        with (folder / "started").open("a") as file:
            file.write(json.dumps([task_id, time.time()]) + "\n")

    worker_ready.connect(lambda **_: (folder / "ready").touch(), weak=False)
    return app


class Bench:
    """One worker with one kind of settings, on a queue of its own."""

    def __init__(self, pipeline: dict[str, str], folder: Path, kind: str, concurrency: int) -> None:
        self._queue = f"bench-{kind}-{concurrency}"
        self._folder = folder / self._queue
        self._folder.mkdir()
        env = pipeline | {"SQS_QUEUE_NAME": self._queue, "WORKER_WAIT_TIME_S": "10"}
        with applied(env):
            settings = Settings()
            create_queues(settings, visibility_timeout_s=600)
            self._sqs = sqs_client(settings.aws_region)
        self._url = self._sqs.get_queue_url(QueueName=self._queue)["QueueUrl"]
        self.worker = ManagedProcess(
            f"the worker with {kind} settings",
            [sys.executable, "-m", "perf.bench_worker_overhead", str(concurrency)],
            env=env
            | {"BENCH_SETTINGS": kind, "BENCH_FOLDER": str(self._folder), "BENCH_QUEUE_URL": self._url},
            log=self._folder / "worker.txt",
            ready=(self._folder / "ready").exists,
        )

    def pickup_s(self) -> float:
        """The median from sent to started of single tasks, sent at instants that no poll is in step with."""
        pause = random.Random(_SEED)  # noqa: S311 - a jitter
        waits = []
        for number in range(SINGLES):
            time.sleep(0.3 + pause.random())
            sent = self._send([f"single-{number}"])
            waits.append(self._started(f"single-{number}", 1)[0] - sent)
        return statistics.median(waits)

    def tasks_per_s(self) -> float:
        """The rate at which the tasks of a burst start, between the first and the last."""
        self._send([f"burst-{number}" for number in range(BURST)])
        started = self._started("burst-", BURST)
        return (BURST - 1) / (started[-1] - started[0])

    def _send(self, ids: list[str]) -> float:
        """Send these tasks in batches; the Unix time at which that began."""
        began = time.time()
        for start in range(0, len(ids), 10):
            batch = ids[start : start + 10]
            self._sqs.send_message_batch(
                QueueUrl=self._url,
                Entries=[{"Id": each, "MessageBody": encode_task(each, self._queue)} for each in batch],
            )
        return began

    def _started(self, prefix: str, count: int) -> list[float]:
        """The instants at which the tasks of this prefix started, once there are *count*."""
        end = time.monotonic() + DEADLINE_S
        file = self._folder / "started"
        while time.monotonic() < end:
            lines = file.read_text().splitlines() if file.exists() else []
            found = sorted(at for task, at in map(json.loads, lines) if task.startswith(prefix))
            if len(found) >= count:
                return found
            time.sleep(0.02)
        raise TimeoutError(f"fewer than {count} tasks {prefix}* started within {DEADLINE_S:g} s")


def compare(pipeline: dict[str, str], folder: Path) -> None:
    """Run both kinds of settings at each concurrency, and print them side by side."""
    print(f"{'':<20}{'ours':>12}{'default':>12}{'ratio':>8}")
    for concurrency in (1, 2, 4):
        pickup_ms, rate = {}, {}
        for kind in ("ours", "default"):
            bench = Bench(pipeline, folder, kind, concurrency)
            with bench.worker:
                if concurrency == 1:
                    pickup_ms[kind] = 1000 * bench.pickup_s()
                rate[kind] = bench.tasks_per_s()
        if pickup_ms:
            _print_row("pickup, ms", pickup_ms)
        _print_row(f"tasks/s at c={concurrency}", rate)


def _print_row(name: str, value: dict[str, float]) -> None:
    ours, default = value["ours"], value["default"]
    print(f"{name:<20}{ours:>12.3g}{default:>12.3g}{ours / default:>8.2f}", flush=True)


def main() -> None:
    """Compare; or, with a concurrency as argument, be the worker of one kind."""
    if len(sys.argv) > 1:
        app = make_app()
        app.worker_main(
            ["worker", "--pool=prefork", f"--concurrency={sys.argv[1]}", "--loglevel=WARNING",
             "--without-gossip", "--without-mingle", "--without-heartbeat"]
        )  # fmt: skip
    else:
        _bench()


def _bench() -> None:
    with (
        temporary_folder("bench") as folder,
        running_servers(os.environ, folder) as servers,
        pipeline_environment(servers, os.environ, visibility_timeout_s=600) as pipeline,
    ):
        compare(pipeline, folder)


if __name__ == "__main__":
    main()
