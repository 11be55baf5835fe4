"""The liveness probe: beside a worker that works, one that takes nothing, and none."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from app.model import CLOCK, Worker
from tests.worker.faulty_proxy import SILENT, FaultyProxy
from tests.worker.rig import Rig, eventually
from worker.health import complaint


def _probe(env: Mapping[str, str]) -> tuple[int, str]:
    argv = [sys.executable, "-m", "worker.health"]
    ended = subprocess.run(
        argv, env=os.environ | env, capture_output=True, text=True, timeout=60, check=False
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_it_tells_a_worker_that_works_from_one_that_hangs_and_from_none(rig: Rig) -> None:
    with rig.worker() as worker:
        assert _probe(rig.env) == (0, "well\n")
        os.kill(worker.pid, signal.SIGSTOP)  # it reports no more, as after a hang of the whole process
        long_ago = CLOCK - timedelta(seconds=20)
        with Session(rig.engine) as session, session.begin():
            session.execute(update(Worker).values(seen_at=long_ago))
        code, told = _probe(rig.env)
    assert (code, told.count("\n")) == (1, 1)
    assert "no worker of this node has reported for 15 s" in told


def test_a_worker_says_how_many_tasks_it_is_at(rig: Rig) -> None:
    with rig.worker() as worker:
        begun = rig.worker_row(worker.pid)
        rig.send("no-such-video")

        def taken() -> bool:
            row = rig.worker_row(worker.pid)
            return row is not None and begun is not None and row.taken_at > begun.taken_at

        eventually(taken, "it says when it took a task")


@pytest.mark.parametrize("away", [{"DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/d"}])
def test_what_cannot_be_told_is_no_reason_for_a_restart(rig: Rig, away: dict[str, str]) -> None:
    code, told = _probe(rig.env | away)
    assert (code, told.count("\n")) == (0, 1)
    assert told.startswith("cannot tell: ")
    assert "secret" not in told


def test_a_silent_queue_is_told_before_whoever_asks_gives_up(rig: Rig) -> None:
    """The images ask for 30 s at most: with boto3's own retries every worker would be restarted for SQS."""
    with FaultyProxy(rig.env["AWS_ENDPOINT_URL_SQS"]).serve() as proxy:
        proxy.faults["GetQueueUrl"] = SILENT
        code, told = _probe(rig.env | {"AWS_ENDPOINT_URL_SQS": proxy.url})
    assert (code, told.count("\n")) == (0, 1)
    assert told.startswith("cannot tell: Read timeout")
    assert proxy.hits["GetQueueUrl", SILENT] <= 2


@pytest.mark.parametrize(
    ("running", "taken_s", "waiting", "well"),
    [
        (0, 3600, 0, True),  # nothing to do
        (0, 59, 5, True),
        (1, 61, 5, False),  # one of its two is free
        (2, 599, 5, True),
        (2, 601, 5, False),  # longer than any task may last
    ],
)
def test_a_worker_that_takes_nothing_though_it_could_is_not_well(
    running: int, taken_s: float, waiting: int, well: bool
) -> None:
    row: Any = SimpleNamespace(pid=1, running=running, concurrency=2, taken_s=taken_s)
    assert (complaint(row, waiting, longest_s=600) is None) == well
