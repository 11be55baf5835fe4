"""The queue as a starting worker finds it."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from app.aws import sqs_client
from app.settings import Settings
from worker.settings import WorkerSettings

if TYPE_CHECKING:
    from types_boto3_sqs import SQSClient

#: Not kombu's, which is silent until Celery has set up its logging: this speaks before that.
logger = logging.getLogger(__name__)

_PAUSE_S = 1.0


class QueueUnavailableError(Exception):
    """The queue could not be found within the deadline."""


class NotSqsError(BotoCoreError):
    """A page with status 200 that is no answer of SQS, such as a proxy's."""

    fmt = "what answered is not SQS"


@dataclass(frozen=True)
class Queue:
    """A queue's address, and that of its dead-letter queue, if it has one."""

    url: str
    dead_url: str | None


def find_queue(
    settings: Settings,
    worker: WorkerSettings,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Queue:
    """Ask for the queue until it answers: an endpoint may start after its workers.

    Raises:
        QueueUnavailableError: it did not within WORKER_STARTUP_TIMEOUT_S.
    """
    end_s = clock() + worker.worker_startup_timeout_s
    name = settings.sqs_queue_name
    told = False
    while True:
        try:
            return _ask(settings)
        except (BotoCoreError, ClientError) as error:
            if clock() + _PAUSE_S > end_s:
                raise QueueUnavailableError(
                    f"SQS_QUEUE_NAME={name} was not found within {worker.worker_startup_timeout_s:g} s: "
                    f"{error}; is the endpoint up, does the queue exist, may these credentials use it?"
                ) from error
            if not told:
                logger.warning(
                    "The queue %s does not answer yet (%s): asking for %g s", name, error,
                    worker.worker_startup_timeout_s,
                )  # fmt: skip
            told = True
            sleep(_PAUSE_S)


def _ask(settings: Settings) -> Queue:
    sqs = sqs_client(settings.aws_region)
    url = queue_url(sqs, settings.sqs_queue_name)
    return Queue(url, dead_letter_url(url, queue_attributes(sqs, url).get("RedrivePolicy")))


def queue_url(sqs: SQSClient, name: str) -> str:
    """The queue's address. Raises botocore's errors."""
    answer: Mapping[str, Any] = sqs.get_queue_url(QueueName=name)
    return str(_part(answer, "QueueUrl"))


def queue_attributes(sqs: SQSClient, url: str) -> Mapping[str, str]:
    """All attributes of the queue. Raises botocore's errors."""
    answer: Mapping[str, Any] = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    attributes: Mapping[str, str] = _part(answer, "Attributes")
    return attributes


def _part(answer: Mapping[str, Any], name: str) -> Any:
    if name not in answer:
        raise NotSqsError
    return answer[name]


def dead_letter_url(url: str, redrive_policy: str | None) -> str | None:
    """That of a queue's dead-letter queue, None where it has none.

    Of the same account and region, as SQS wants it, and so at the same address but for its name.
    """
    if not redrive_policy:
        return None
    name = str(json.loads(redrive_policy)["deadLetterTargetArn"]).rpartition(":")[2]
    return f"{url.rpartition('/')[0]}/{name}"
