"""A service as a team may have it: Celery on SQS, pictures on a disk, a table (schema.sql)."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from celery import Celery
from sqlalchemy import create_engine, text

MAKE = Path(__file__).with_name("thumbnail.py")

app = Celery("thumbnails", broker="sqs://")
app.conf.update(
    task_acks_late=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    task_default_queue=os.environ["QUEUE"],
    broker_transport_options={
        "region": os.environ["AWS_REGION"],
        "polling_interval": 0.05,
        "wait_time_seconds": 1,
        "predefined_queues": {os.environ["QUEUE"]: {"url": os.environ["QUEUE_URL"]}},
    },
)
engine = create_engine(os.environ["DATABASE"], isolation_level="AUTOCOMMIT")


def said(statement: str, **values: object) -> int:
    """Rows that a statement changed."""
    with engine.connect() as connection:
        return connection.execute(text(statement), values).rowcount


@app.task(name="thumbnail", ignore_result=True)
def thumbnail(number: str) -> None:
    """Make the thumbnail of a row."""
    node = os.environ.get("WORKER_NODE") or socket.gethostname()
    begun = (
        "update thumbnails set state = 'making', tries = tries + 1, begun_at = clock_timestamp(), by = :by"
    )
    if not said(f"{begun} where id = :id", id=number, by=f"{node}/{os.getpid()}/{os.getpid()}"):
        return  # taken back meanwhile
    with engine.connect() as connection:
        picture = connection.scalar(text("select picture from thumbnails where id = :id"), {"id": number})
    done = subprocess.run(
        [sys.executable, str(MAKE), picture, f"{picture}.{number}.jpg"], capture_output=True, check=False
    )
    ended = "update thumbnails set state = :state, error = :error, made_at = clock_timestamp() where id = :id"
    state, error = ("failed", done.stderr.decode()[-500:]) if done.returncode else ("made", None)
    said(ended, id=number, state=state, error=error)
