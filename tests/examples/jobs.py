"""A service as the template of `python -m perf init` takes it to be: a Celery task, a table of jobs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from celery import Celery
from sqlalchemy import create_engine, text

TABLE = """
create table if not exists jobs (
    id text primary key, input text, state text, created_at timestamptz, started_at timestamptz,
    finished_at timestamptz, attempts int default 0, worker text, error text)
"""
BEGUN = """
update jobs set state = 'working', started_at = clock_timestamp(), attempts = attempts + 1, worker = :who
where id = :id
"""
app = Celery("jobs", broker=os.environ["BROKER_URL"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=1)
engine = create_engine(os.environ["DATABASE_URL"], isolation_level="AUTOCOMMIT")


def say(statement: str, **values: object) -> int:
    with engine.connect() as connection:
        return connection.execute(text(statement), values).rowcount


@app.task(name="jobs.work", ignore_result=True)
def work(job: str, path: str) -> None:
    who = f"{os.environ['WORKER_NODE']}/{os.getpid()}/{os.getpid()}"
    if say(BEGUN, id=job, who=who):
        hashlib.pbkdf2_hmac("sha256", Path(path).read_bytes(), b"", 100_000)
        say("update jobs set state = 'done', finished_at = clock_timestamp() where id = :id", id=job)


if __name__ == "__main__":
    say(TABLE)
