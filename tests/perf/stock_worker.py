"""`python -m tests.perf.stock_worker --concurrency N`: a stock Celery worker, started again whenever it ends.

By its supervisor, as on ECS or under systemd, which also reports it to the suite. And a plugin, `-p
tests.perf.stock_worker`, which has the fault cases use this worker in the place of ours.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import threading
from functools import partial
from pathlib import Path

import pytest

from app.aws import sqs_client
from app.database import make_engine
from app.settings import get_settings
from fixtures import breaking, pipeline
from perf.deploy.local_fleet import LocalFleet
from perf.observe.machine import PARTS
from tests.perf.stock_app import QUEUE_URL, READY
from worker.readiness import Handshake, describe
from worker.settings import get_worker_settings

#: Three times the longest that a clip of the mocked cases may take. People set 3600 and more, for no
#: heartbeat extends it; what waits for it then waits so much longer than here.
VISIBILITY_TIMEOUT_S = 30
#: Between two starts.
PAUSE_S = 1.0
#: A file that gets a line with the exit code for each worker that ended by itself.
DEATHS = "STOCK_DEATHS"


def pytest_configure(config: pytest.Config) -> None:
    """Have struck deployments made with this worker, and their queues as it needs them."""
    breaking.LocalFleet = partial(LocalFleet, words=("-m", __name__))  # type: ignore[misc, assignment]
    pipeline.VISIBILITY_TIMEOUT_S = VISIBILITY_TIMEOUT_S
    PARTS["stock_worker"] = PARTS["stock_app"] = "worker"


def main() -> None:
    """Keep one running until SIGTERM."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--concurrency", type=int, required=True)
    concurrency = parser.parse_args().concurrency
    ending = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ending.set())
    settings = get_settings()
    queue_url = sqs_client(settings.aws_region).get_queue_url(QueueName=settings.sqs_queue_name)["QueueUrl"]
    told = describe(settings, get_worker_settings(), 1)
    del told["visibility_renewed_for_s"]
    told["visibility_timeout_s"] = told["queue_visibility_timeout_s"] = VISIBILITY_TIMEOUT_S
    handshake = Handshake(make_engine(settings, pool_size=1), settings.sqs_queue_name, concurrency, told)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        ready = Path(folder) / "ready"
        env = {**os.environ, QUEUE_URL: queue_url, READY: str(ready)}
        threading.Thread(target=_report, args=(handshake, ready, ending), daemon=True).start()
        while not ending.is_set():
            _run(concurrency, env, ending)
            ending.wait(PAUSE_S)
    handshake.stop()


def _report(handshake: Handshake, ready: Path, ending: threading.Event) -> None:
    while not ready.exists() and not ending.is_set():
        ending.wait(0.05)
    handshake.start()
    ending.wait()


def _run(concurrency: int, env: dict[str, str], ending: threading.Event) -> None:
    argv = [sys.executable, "-m", "celery", "-A", "tests.perf.stock_app", "worker", "--loglevel", "INFO",
            "--concurrency", str(concurrency), "--without-gossip", "--without-mingle",
            "--without-heartbeat"]  # fmt: skip
    with subprocess.Popen(argv, env=env) as worker:
        while worker.poll() is None and not ending.wait(0.1):
            pass
        if worker.poll() is None:
            worker.terminate()
        elif path := os.environ.get(DEATHS):
            with Path(path).open("a") as file:
                file.write(f"{worker.returncode}\n")


if __name__ == "__main__":
    main()
