"""A queue of Celery on Redis or RabbitMQ, reached by kombu as Celery itself does.

What at-least-once means there, and what a case can see of it:

- Redis: a message that a worker holds stands in the hash ``unacked`` until it is acknowledged, and comes back
  after ``visibility_timeout`` (an hour unless told otherwise). Both are counted, and purged.
- RabbitMQ: a message that a worker holds comes back when its connection ends. Those that wait are counted and
  purged; those in flight AMQP does not tell: the rows of their tasks do.

A worker that is to lose nothing sets ``task_acks_late``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu import Connection
from kombu.exceptions import KombuError

from perf.deploy.errors import FixtureError
from perf.deploy.faults import first_line

_CONNECT_WITHIN_S = 5


class KombuQueue:
    """See perf.deploy.queues.Queue. Every method may raise FixtureError.

    Args:
        url: of the broker, as Celery has it: ``redis://...`` or ``amqp://...``.
        name: of the queue; Celery's own is called ``celery``.
    """

    def __init__(self, url: str, name: str = "celery") -> None:
        self.name = name
        self._url = url

    def depth(self) -> int:
        """Messages that wait and, of Redis, those in flight."""
        with self._channel("count the messages of") as channel:
            if _is_redis(channel):
                return int(channel._size(self.name)) + len(_in_flight(channel, self.name))
            return int(channel.queue_declare(queue=self.name, passive=True).message_count)

    def purge(self) -> None:
        """Remove every message that waits and, of Redis, those in flight; the worker goes on with its own."""
        with self._channel("purge") as channel:
            channel.queue_purge(queue=self.name)
            if _is_redis(channel) and (tags := _in_flight(channel, self.name)):
                channel.client.zrem(channel.unacked_index_key, *tags)
                channel.client.hdel(channel.unacked_key, *tags)

    @contextmanager
    def _channel(self, tried: str) -> Iterator[Any]:
        """A channel of a connection of its own; a queue that nobody has declared yet is empty."""
        connection = Connection(self._url, connect_timeout=_CONNECT_WITHIN_S)
        faults: tuple[Any, ...] = (
            KombuError,
            OSError,
            *connection.connection_errors,
            *connection.channel_errors,
        )
        try:
            with connection:
                connection.ensure_connection(max_retries=1, timeout=_CONNECT_WITHIN_S)
                yield connection.default_channel
        except faults as error:
            # kombu's own text of a URL hides its password
            where = f"the queue {self.name} at {connection.as_uri()}"
            raise FixtureError(f"tried to {tried} {where}: {first_line(error)}") from error


def _is_redis(channel: Any) -> bool:
    return hasattr(channel, "unacked_key")


def _in_flight(channel: Any, name: str) -> list[bytes]:
    """The tags of this queue's messages that workers hold; the hash has those of all queues."""
    held = channel.client.hgetall(channel.unacked_key)
    return [tag for tag, text in held.items() if json.loads(text)[2] == name]
