"""The queue's side of a sweep: whether it is empty, and what its dead-letter queue holds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.message import decode_task
from worker.queue import dead_letter_url, queue_attributes, queue_url

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

#: How long a dead letter that was read stays hidden: one that is left is not met twice in a pass.
_HIDDEN_S = 60

#: Waiting, in flight and delayed.
_COUNTS = {
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
}


@dataclass(frozen=True)
class DeadLetter:
    """A message that the queue gave up; *video_id* is None where it is no task of ours."""

    video_id: str | None
    receipt_handle: str


@dataclass(frozen=True)
class SweptQueue:
    """A queue as it was when it was asked.

    Attributes:
        client: SQS.
        holds: messages waiting, in flight and delayed; approximate, as SQS counts them.
        dead_url: its dead-letter queue's address, None where it has none.
    """

    client: SQSClient
    holds: int
    dead_url: str | None

    @classmethod
    def ask(cls, client: SQSClient, name: str) -> SweptQueue:
        """Ask SQS for it. Raises botocore's errors."""
        url = queue_url(client, name)
        found = queue_attributes(client, url)
        holds = sum(int(count) for name, count in found.items() if name in _COUNTS)
        return cls(client, holds, dead_letter_url(url, found.get("RedrivePolicy")))

    def dead_letters(self, clock: Callable[[], float] = time.monotonic) -> Iterator[DeadLetter]:
        """Each that can be had now; of very many, those before the first ones come up again.

        Args:
            clock: monotonic seconds.
        """
        end_s = clock() + _HIDDEN_S
        while self.dead_url is not None and clock() < end_s:
            answer = self.client.receive_message(
                QueueUrl=self.dead_url, MaxNumberOfMessages=10, VisibilityTimeout=_HIDDEN_S
            )
            if not (messages := answer.get("Messages", [])):
                return
            for message in messages:
                yield DeadLetter(decode_task(message["Body"]), message["ReceiptHandle"])

    def remove(self, letter: DeadLetter) -> None:
        """Delete a dead letter that is settled."""
        assert self.dead_url is not None  # noqa: S101 - it came from there
        self.client.delete_message(QueueUrl=self.dead_url, ReceiptHandle=letter.receipt_handle)
