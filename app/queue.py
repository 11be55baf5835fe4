"""The task queue as the web tier sees it: one send for one video."""

from __future__ import annotations

from functools import cached_property

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from app.aws import Waits, sqs_client
from app.message import encode_task
from app.settings import Settings

#: An upload keeps its slot meanwhile. SQS answers in milliseconds; a second of silence or 503 is survived.
WAITS = Waits(connect_s=2, read_s=4, retry_s=5)

_FAULTS = (BotoCoreError, ClientError, ResponseParserError)


class EnqueueError(Exception):
    """A task could not be put on the queue, or it is not known whether it was."""


class TaskQueue:
    """The SQS queue that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._name = settings.sqs_queue_name
        self._client = sqs_client(settings.aws_region, WAITS)

    @cached_property
    def url(self) -> str:
        """The queue's URL, asked for once; a failure is not remembered."""
        return self._client.get_queue_url(QueueName=self._name)["QueueUrl"]

    def enqueue(self, video_id: str) -> None:
        """Send the task that processes *video_id*.

        Raises:
            EnqueueError: SQS refused, or did not answer within about 10 s.
        """
        try:
            answer = self._client.send_message(
                QueueUrl=self.url, MessageBody=encode_task(video_id, self._name)
            )
        except _FAULTS as error:
            raise EnqueueError(f"tried to send the task of {video_id} to {self._name}: {error}") from error
        # botocore takes any page with status 200, such as a proxy's, for an answer without contents.
        if "MessageId" not in answer:
            raise EnqueueError(f"tried to send the task of {video_id} to {self._name}: no answer of SQS came")

    def check(self) -> None:
        """Ask SQS whether the queue is there: the one question whose cost does not grow with its depth.

        Raises:
            EnqueueError: there is no such queue, or no answer.
        """
        try:
            self._client.get_queue_url(QueueName=self._name)
        except _FAULTS as error:
            raise EnqueueError(f"tried to look up the queue {self._name}: {error}") from error
