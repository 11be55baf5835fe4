"""kombu's SQS transport, made to survive what a network does and to lose no time between two tasks.

As kombu 5.7 ships it, one refused ReceiveMessage ends the worker (a 4xx raises, a 5xx becomes a list
where a dict is expected), a dead connection stalls it for good (curl has no timeout), and an ack that
is refused or denied raises into the event loop. Here a poll that fails, in whatever way, is an empty
poll followed by a longer pause, and an ack that fails is tried again; worker.heartbeat keeps the message
hidden meanwhile.

A message that kombu or Celery cannot read ends the worker, or vanishes. Here each is read by ourselves, and
what is no task of ours goes to the dead-letter queue. What Celery gets is written anew from the video's id:
nothing else of what a message says reaches it.

It also looks only every `polling_interval` whether a full prefetch has a free slot again (kombu#2489),
and deletes one message after the other while nobody polls. Here the ack that frees a slot starts the
next poll, and messages are deleted beside it, those of several tasks in one request.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

import pycurl
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.asynchronous.http import Request
from kombu.log import get_logger
from kombu.transport import SQS

from app.aws import ca_bundle
from app.message import NotOurTaskError, encode_task, read_task
from worker import heartbeat
from worker.deleter import Deleter
from worker.patience import stopping
from worker.undertaker import Undertaker

logger = get_logger(__name__)

#: The pause after a poll that failed; a refused one returns at once and must not become a busy loop.
ERROR_PAUSE_S = 1.0
CONNECT_TIMEOUT_S = 5.0

#: For boto3's calls. A second one waits for the first: those that renew must not wait for long.
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
    """A request that curl gives up, and that trusts whom boto3 trusts: kombu hands on neither."""

    def __init__(self, *args: Any, ca_certs: str | None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._ca_certs = ca_certs

    def getrequest(self) -> Request:
        """The request with curl's limits; CONNECTTIMEOUT covers the name's resolution as well."""
        request = super().getrequest()
        request.on_prepare = self._limit
        request.ca_certs = self._ca_certs or request.ca_certs
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
        self._ca_certs = ca_bundle()

    def get_http_connection(self) -> AsyncHTTPSConnection:
        """A connection that is given up after the long poll and its grace."""
        return BoundedConnection(
            timeout=self._timeout_s, http_client=self._httpclient, ca_certs=self._ca_certs
        )

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> dict[str, Any]:
        if response.status != self.STATUS_CODE_OK:
            self._health.failed(_describe(response))
            return {}
        kombu: Any = super()  # the published stubs lack its private methods
        try:
            answer: dict[str, Any] = kombu._on_list_ready(parent, markers, operation, response)
            for message in answer.get("Messages") or ():
                _require(message, "Body", "ReceiptHandle")
        except Exception as error:  # whatever a proxy made of it
            self._health.failed(f"HTTP 200 that is no SQS answer: {error!r}")
            return {}
        self._health.succeeded()
        return answer


def _require(message: Any, *names: str) -> None:
    for name in names:
        if not isinstance(message[name], str):
            raise TypeError(f"a message's {name} is no string")


def _describe(response: Any) -> str:
    """What a response says of its failure; AWS names the cause in the body, curl in the reason."""
    body = bytes(response.read() or b"")[:300].decode(errors="replace")
    return f"HTTP {response.status} {response.reason or ''} {body}".strip()


class Channel(heartbeat.Channel):
    """A channel whose polls and acks do not raise into the event loop."""

    hub: Any
    _schedule_queue: Callable[[str], None]  # kombu's own, which the stubs lack

    def __init__(self, *args: Any, **options: Any) -> None:
        self._health = PollHealth()
        #: Queues to be polled once the prefetch has a free slot.
        self._awaiting_slot: set[str] = set()
        super().__init__(*args, **options)
        self._backoff = self.transport_options["backoff"]
        self._deleter = Deleter(self.heartbeat)
        dead_url = self.transport_options["dead_letter_url"]
        self._undertaker = Undertaker(dead_url, self.heartbeat, self._deleter)

    def sqs(self, queue: str | None = None) -> Any:  # noqa: ARG002 - kombu's signature
        """The one client for all else, whatever queue a message names: ours share account and region."""
        return super().sqs()

    def asynsqs(self, queue: str | None = None) -> TolerantConnection:
        """The one connection for polling; every queue of ours is a predefined one."""
        clients: dict[Any, Any] = self._predefined_queue_async_clients
        if queue not in clients:
            names = self.get_message_attributes
            clients[queue] = TolerantConnection(
                sqs_connection=self.sqs(),
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
        except Exception as error:  # such as credentials that could not be had or renewed
            self._health.failed(repr(error))
            return callback(0)

    def _get_from_sqs(
        self, queue_name: str, queue_url: str, connection: Any, count: int = 1, callback: Any = None
    ) -> Any:
        """Poll; an error in what is done with the answer ends the worker, wherever the answer was found.

        On a busy machine kombu's loop finds it in a timer. There it logs an error and goes on, and nobody
        would poll again.
        """

        def handed_on(answer: Any) -> Any:
            try:
                return callback(answer)
            except Exception as error:
                self.hub.call_soon(_raise, error)

        return super()._get_from_sqs(queue_name, queue_url, connection, count, handed_on)

    def _on_messages_ready(self, queue: str, qname: str, messages: dict[str, Any]) -> int:
        """Hand on the tasks among the messages, rewritten; how many messages there were."""
        kombu: Any = super()
        found = messages.get("Messages") or []
        if qname not in (self.connection._callbacks or ()):  # who consumed has gone; kombu gives them back
            return int(kombu._on_messages_ready(queue, qname, messages))
        tasks = [message for message in found if self._is_task(queue, qname, message)]
        kombu._on_messages_ready(queue, qname, {"Messages": tasks})
        return len(found)

    def _is_task(self, queue_url: str, queue: str, message: Any) -> bool:
        try:
            message["Body"] = encode_task(read_task(message["Body"]), queue)
        except NotOurTaskError as error:
            self._undertaker.bury(self.sqs(), queue_url, message, str(error))
            return False
        return True

    def _loop1(self, queue: str, messages_fetched: int | None = None) -> None:
        """Arrange the next poll.

        kombu 5.7 waits for `polling_interval` in three cases of which only one, the empty poll, wants that:
        a failed poll wants a longer pause, and a full prefetch none, for the ack that ends it can tell.
        """
        if not self.qos.can_consume():
            self._awaiting_slot.add(queue)
        elif self._health.failures:
            self._poll_in(ERROR_PAUSE_S, queue)
        else:
            self._poll_in(0 if messages_fetched else self.connection.polling_interval or 0, queue)

    def _poll_in(self, pause_s: float, queue: str) -> None:
        # Not call_soon for 0: asked for within a timer, that waits for the loop's next event, up to 1 s.
        self.hub.call_later(pause_s, self._schedule_queue, queue)

    def _slot_may_be_free(self) -> None:
        if self.qos.can_consume():
            while self._awaiting_slot:
                self._poll_in(0, self._awaiting_slot.pop())

    def basic_qos(self, prefetch_size: int = 0, prefetch_count: int = 0, apply_global: bool = False) -> None:
        """Change the prefetch, which may free a slot."""
        super().basic_qos(prefetch_size, prefetch_count, apply_global)
        self._slot_may_be_free()

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:  # noqa: ARG002 - kombu's, too
        """Free the prefetch slot and have the message deleted; neither waits for the other."""
        with suppress(KeyError):  # nothing that SQS knows of
            url = self.qos.get(delivery_tag).delivery_info["sqs_queue"]
            self._deleter.delete(self.sqs(), url, delivery_tag)
        self.qos.ack(delivery_tag)
        self._slot_may_be_free()

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: ARG002 - it comes back
        """Free the prefetch slot and give the message back, after a pause that goes by its deliveries."""
        with suppress(KeyError):  # nothing that SQS knows of
            attributes = self.qos.get(delivery_tag).delivery_info["sqs_message"].get("Attributes", {})
            deliveries = int(attributes.get("ApproximateReceiveCount", 1))
            self.heartbeat.release(delivery_tag, 0 if stopping.said else self._backoff.get(deliveries))
        self.qos.ack(delivery_tag)
        self._slot_may_be_free()

    def close(self) -> None:
        """Settle what can be settled, before the process ends."""
        self._undertaker.close()
        self._deleter.close()
        super().close()


def _raise(error: Exception) -> NoReturn:
    raise error


class Transport(SQS.Transport):
    """Named in the broker's settings as ``worker.transport:Transport``."""

    Channel = Channel
