"""An event loop whose timers are fired, and whose requests are answered, by the test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

from kombu import Connection
from kombu.asynchronous import set_event_loop
from kombu.asynchronous.http import Request, Response

from app.message import encode_task
from worker.heartbeat import Heartbeat
from worker.transport import Channel

QUEUE = "videos"
URL = f"http://127.0.0.1:1/1/{QUEUE}"
INTERVAL_S = 7.0


class LoopByHand:
    """Stands where kombu's hub and its HTTP client stand; nothing happens by itself."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[..., Any], tuple[Any, ...]]] = []
        self.requests: list[Request] = []
        self._current_http_client = self  # where kombu looks for the hub's client

    def call_later(self, delay_s: float, callback: Callable[..., Any], *args: Any) -> None:
        self.timers.append((delay_s, callback, args))

    def call_soon(self, callback: Callable[..., Any], *args: Any) -> None:
        self.call_later(0, callback, *args)

    def add_request(self, request: Request) -> Request:
        self.requests.append(request)
        return request

    @property
    def pauses_s(self) -> list[float]:
        """What the timers wait for."""
        return [delay_s for delay_s, *_ in self.timers]

    @property
    def asked_for(self) -> list[int]:
        """How many messages each poll so far asked for."""
        return [json.loads(request.body)["MaxNumberOfMessages"] for request in self.requests]

    def fire(self) -> None:
        """Let every timer's time come, once."""
        timers, self.timers = self.timers, []
        for _, callback, args in timers:
            callback(*args)

    def answer(self, *handles: str, status: int = 200, routing_key: str = QUEUE) -> None:
        """End the latest poll with these messages."""
        messages = [
            {
                "MessageId": handle,
                "ReceiptHandle": handle,
                "Body": encode_task(handle, routing_key),
                "Attributes": {"ApproximateReceiveCount": "1"},
            }
            for handle in handles
        ]
        self.answer_with({"Messages": messages}, status)

    def answer_with(self, answer: object, status: int = 200) -> None:
        """End the latest poll with this as JSON."""
        body = BytesIO(json.dumps(answer).encode())
        self.requests[-1].on_ready(Response(self.requests[-1], status, buffer=body))


class Deletions:
    """Stands where the deleting thread stands."""

    def __init__(self) -> None:
        self.handles: list[str] = []

    def delete(self, sqs: Any, queue_url: str, receipt_handle: str) -> None:
        assert queue_url == URL
        self.handles.append(receipt_handle)

    def close(self) -> None:
        """Nothing waits."""


class NoThread(Heartbeat):
    """A heartbeat that is beaten by the test."""

    def start(self) -> None:
        """Nothing."""


@contextmanager
def consuming(prefetch: int) -> Iterator[tuple[Channel, LoopByHand, Deletions]]:
    """A channel that consumes with this prefetch, its first poll under way."""
    loop, deletions = LoopByHand(), Deletions()
    set_event_loop(loop)  # type: ignore[arg-type]
    options = {
        "region": "us-east-1",
        "predefined_queues": {QUEUE: {"url": URL}},
        "polling_interval": INTERVAL_S,
        "receive_grace_s": 1,
        "dead_letter_url": f"{URL}-dead",
        "heartbeat": NoThread(timeout_s=30),
        "backoff": {1: 2},
    }
    try:
        connection = Connection(
            "sqs://key:secret@", transport="worker.transport:Transport", transport_options=options
        )
        channel = connection.channel()
        channel.do_restore = False  # at the interpreter's end there is nowhere to give messages back to
        channel._deleter = deletions
        channel.basic_qos(prefetch_count=prefetch)
        channel.basic_consume(QUEUE, no_ack=False, callback=lambda message: None, consumer_tag="tag")
        loop.fire()
        yield channel, loop, deletions
    finally:
        set_event_loop(None)
