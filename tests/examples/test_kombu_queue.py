"""Queues of Celery on a real Redis and a real RabbitMQ: what is in them, and emptying them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import Celery
from kombu import Connection

from perf.deploy.errors import FixtureError
from perf.deploy.kombu_queue import KombuQueue
from perf.deploy.waiting import until
from tests.examples.servers import running_rabbitmq, running_redis


@pytest.fixture(scope="module", params=[running_redis, running_rabbitmq], ids=["redis", "rabbitmq"])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with request.param(tmp_path_factory.mktemp("broker")) as found:
        yield found


@pytest.fixture
def queue(url: str, request: pytest.FixtureRequest) -> Iterator[KombuQueue]:
    """A queue of its own with three messages as Celery writes them, and another one beside it."""
    name = request.node.name.partition("[")[0]
    app = Celery(broker=url, set_as_current=False)
    with app.connection_for_write() as connection:
        for each in (name, name, name, "another", "another"):
            app.send_task("some.task", queue=each, connection=connection)
    yield KombuQueue(url, name)
    KombuQueue(url, "another").purge()


@contextmanager
def holding(url: str, name: str, count: int) -> Iterator[None]:
    """A worker that has taken messages, and not yet acknowledged them."""
    with Connection(url) as connection, connection.channel() as channel:
        channel.basic_qos(0, count, False)
        taken: list[object] = []
        consumer = connection.Consumer([connection.SimpleQueue(name, channel=channel).queue], channel=channel)
        consumer.register_callback(lambda _, message: taken.append(message))
        with consumer:
            while len(taken) < count:
                connection.drain_events(timeout=5)
            yield


def test_what_waits_is_counted_and_purged(queue: KombuQueue, url: str) -> None:
    assert until(lambda: queue.depth() == 3, 5, 0.05)
    queue.purge()
    assert queue.depth() == 0
    assert KombuQueue(url, "another").depth() == 2


def test_what_a_worker_holds_is_counted_where_the_broker_tells_it(queue: KombuQueue, url: str) -> None:
    assert until(lambda: queue.depth() == 3, 5, 0.05)
    with holding(url, queue.name, 2):
        assert until(lambda: queue.depth() == (3 if url.startswith("redis") else 1), 5, 0.05)
        queue.purge()
        assert queue.depth() == 0
    assert KombuQueue(url, "another").depth() == 2


def test_a_broker_that_is_away_is_one_line_without_its_password() -> None:
    for url in ("redis://:secret@127.0.0.1:9/0", "amqp://me:secret@127.0.0.1:9//"):
        with pytest.raises(FixtureError) as caught:
            KombuQueue(url).depth()
        assert "tried to count the messages of the queue celery at" in str(caught.value)
        assert "secret" not in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1
