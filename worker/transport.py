"""kombu's SQS transport, made to survive what a network does.

As kombu 5.7 ships it, one refused ReceiveMessage ends the worker (a 4xx raises, a 5xx becomes a list
where a dict is expected), a dead connection stalls it for good (curl has no timeout), and an ack that
is refused or denied raises into the event loop. Here a poll that fails, in whatever way, is an empty
poll followed by a longer pause, and an ack that fails leaves the message to be delivered again, which
an idempotent task allows.
"""

from __future__ import annotations

import math
from typing import Any

import pycurl
from botocore.exceptions import BotoCoreError, ClientError
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.asynchronous.http import Request
from kombu.log import get_logger
from kombu.transport import SQS

logger = get_logger(__name__)

#: The pause after a poll that failed; a refused one returns at once and must not become a busy loop.
ERROR_PAUSE_S = 1.0
CONNECT_TIMEOUT_S = 5.0

#: For the blocking calls (DeleteMessage, ChangeMessageVisibility): they hold up the event loop.
CLIENT_CONFIG = {
    "connect_timeout": 3,
    "read_timeout": 5,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


class PollHealth:
    """Whether polls succeed; one log line when a streak of failures begins and one when it ends."""

    def __init__(self) -> None:
        self.failures = 0

    def failed(self, reason: str) -> None:
        """Count a failed poll."""
        self.failures += 1
        if self.failures == 1:
            logger.warning("ReceiveMessage failed (%s): trying again every %g s", reason, ERROR_PAUSE_S)

    def succeeded(self) -> None:
        """End the streak, if there was one."""
        if self.failures:
            logger.warning("ReceiveMessage works again after %d failures", self.failures)
        self.failures = 0


class BoundedConnection(AsyncHTTPSConnection):
    """A request that curl gives up: kombu accepts timeouts and does not hand them on."""

    def getrequest(self) -> Request:
        """The request with curl's limits; CONNECTTIMEOUT covers the name's resolution as well."""
        request = super().getrequest()
        request.on_prepare = self._limit
        return request

    def _limit(self, curl: pycurl.Curl) -> None:
        # Without NOSIGNAL curl times name resolution by SIGALRM, which is not ours to use.
        curl.setopt(pycurl.NOSIGNAL, 1)
        curl.setopt(pycurl.CONNECTTIMEOUT_MS, math.ceil(min(CONNECT_TIMEOUT_S, self.timeout) * 1000))
        curl.setopt(pycurl.TIMEOUT_MS, math.ceil(self.timeout * 1000))


class TolerantConnection(AsyncSQSConnection):
    """ReceiveMessage whose failures are empty answers, noted in *health*."""

    def __init__(self, *args: Any, health: PollHealth, timeout_s: float, **options: Any) -> None:
        super().__init__(*args, **options)
        self._health = health
        self._timeout_s = timeout_s

    def get_http_connection(self) -> AsyncHTTPSConnection:
        """A connection that is given up after the long poll and its grace."""
        return BoundedConnection(timeout=self._timeout_s, http_client=self._httpclient)

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> dict[str, Any]:
        if response.status != self.STATUS_CODE_OK:
            self._health.failed(_describe(response))
            return {}
        kombu: Any = super()  # the published stubs lack its private methods
        try:
            answer: dict[str, Any] = kombu._on_list_ready(parent, markers, operation, response)
        except (BotoCoreError, ValueError, KeyError) as error:
            self._health.failed(f"HTTP 200 that is no SQS answer: {error!r}")
            return {}
        self._health.succeeded()
        return answer


def _describe(response: Any) -> str:
    """What a response says of its failure; AWS names the cause in the body, curl in the reason."""
    body = bytes(response.read() or b"")[:300].decode(errors="replace")
    return f"HTTP {response.status} {response.reason or ''} {body}".strip()


class Channel(SQS.Channel):
    """A channel whose polls and acks do not raise into the event loop."""

    hub: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        self._health = PollHealth()
        super().__init__(*args, **options)

    def asynsqs(self, queue: str | None = None) -> TolerantConnection:
        """The one connection for polling; every queue of ours is a predefined one."""
        clients: dict[Any, Any] = self._predefined_queue_async_clients
        if queue not in clients:
            names = self.get_message_attributes
            clients[queue] = TolerantConnection(
                sqs_connection=self.sqs(queue=queue),
                region=self.region,
                message_system_attribute_names=names["MessageSystemAttributeNames"],
                message_attribute_names=names["MessageAttributeNames"],
                health=self._health,
                timeout_s=self.wait_time_seconds + self.transport_options["receive_grace_s"],
            )
        connection: TolerantConnection = clients[queue]
        return connection

    def _get_async(self, queue: str, count: int = 1, callback: Any = None) -> Any:
        kombu: Any = super()
        try:
            return kombu._get_async(queue, count, callback=callback)
        except (BotoCoreError, ClientError) as error:  # credentials that could not be had or renewed
            self._health.failed(repr(error))
            return callback(0)

    def _loop1(self, queue: str, messages_fetched: int | None = None) -> None:
        kombu: Any = super()
        if self._health.failures:
            self.hub.call_later(ERROR_PAUSE_S, kombu._schedule_queue, queue)
        else:
            kombu._loop1(queue, messages_fetched)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Delete the message, or leave it to come back; kombu frees its prefetch slot either way."""
        try:
            super().basic_ack(delivery_tag, multiple)
        except (BotoCoreError, ClientError, SQS.AccessDeniedQueueException) as error:
            logger.warning("DeleteMessage failed, so SQS will deliver the message again: %r", error)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Give the message back; where SQS does not hear of it, the visibility timeout does the same.

        A requeue is left to the backoff policy: kombu 5.7, doing both, raises KeyError('sqs_message').
        """
        qos: Any = self.qos
        try:
            super().basic_reject(delivery_tag, requeue and not qos.is_backoff_task(delivery_tag))
        except (BotoCoreError, ClientError) as error:
            logger.warning("The message returns only after its visibility timeout: %r", error)
            qos.ack(delivery_tag)


class Transport(SQS.Transport):
    """Named in the broker's settings as ``worker.transport:Transport``."""

    Channel = Channel
