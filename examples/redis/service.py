"""A service as a team may have it: Celery on Redis, jobs in Redis hashes, nothing of the suite.

A job is told a file, and keeps its digest, which is slow to make on purpose.
"""

from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

from celery import Celery
from redis import Redis

URL = os.environ["REDIS_URL"]
QUEUE = os.environ.get("QUEUE", "celery")
app = Celery("service", broker=URL)
app.conf.update(
    task_acks_late=True, worker_prefetch_multiplier=1, task_ignore_result=True, task_default_queue=QUEUE
)
redis = Redis.from_url(URL, decode_responses=True)


def tell(job: str, **fields: str | float) -> None:
    """Write down what became of a job, and when."""
    seconds, microseconds = redis.time()
    now = seconds + microseconds / 1e6
    stamp = {"new": "made", "busy": "began", "ok": "ended", "bad": "ended"}[str(fields["state"])]
    redis.hset(f"job:{job}", mapping=dict([*fields.items(), (stamp, now)]))
    redis.zadd("changed", {job: now})


@app.task(name="digest")
def digest(job: str, path: str) -> None:
    """Make the digest of a file."""
    if not redis.exists(f"job:{job}"):  # taken back meanwhile
        return
    node = os.environ.get("WORKER_NODE") or socket.gethostname()
    redis.hincrby(f"job:{job}", "tries")
    tell(job, state="busy", who=f"{node}/{os.getpid()}/{os.getpid()}")
    try:
        made = hashlib.pbkdf2_hmac("sha256", Path(path).read_bytes(), b"", 100_000).hex()
    except OSError as error:
        tell(job, state="bad", why=str(error))
    else:
        tell(job, state="ok", digest=made)
