"""The Celery app and its configuration; ``python -m worker`` starts it with the options it needs."""

from __future__ import annotations

from typing import Any

from celery import Celery

from app.pauses import pause_s
from app.settings import Settings
from worker.heartbeat import Heartbeat
from worker.queue import Queue
from worker.settings import WorkerSettings
from worker.transport import CLIENT_CONFIG


class Backoff:
    """Seconds until a rejected message comes back: doubled with each delivery, capped, and spread.

    For worker.transport, in the place of kombu's dictionary of fixed pauses.
    """

    FIRST_S = 2
    LONGEST_S = 60

    def get(self, deliveries: int) -> int:
        """The pause after so many deliveries."""
        return round(pause_s(deliveries, self.FIRST_S, self.LONGEST_S))


app = Celery("worker", include=["worker.tasks"])


def configuration(settings: Settings, worker: WorkerSettings, queue: Queue) -> dict[str, Any]:
    """Celery's configuration for the queue.

    The endpoint and the credentials are boto3's own business (``AWS_ENDPOINT_URL_SQS`` and so on).
    """
    return {
        "broker_url": "sqs://",
        "broker_transport": "worker.transport:Transport",
        "broker_transport_options": _transport_options(settings, worker, queue),
        "task_default_queue": settings.sqs_queue_name,
        # A message is deleted when its task has ended; one whose worker dies comes back.
        "task_acks_late": True,
        # An end that the task did not foresee must not delete its message.
        "task_acks_on_failure_or_timeout": False,
        "task_reject_on_worker_lost": True,
        # A process that hangs would hold its video for ever: it is killed when its message is not renewed.
        "task_time_limit": worker.worker_held_at_most_s,
        "worker_prefetch_multiplier": 1,
        "worker_enable_prefetch_count_reduction": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "broker_connection_retry_on_startup": True,
        # Over SQS these never answer, and they would want queues of their own.
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "task_ignore_result": True,
        "task_serializer": "json",
        "accept_content": ["json"],
        # Children start one after the other; on a busy machine the default of 4 s is not enough.
        "worker_proc_alive_timeout": 60,
    }


def _transport_options(settings: Settings, worker: WorkerSettings, queue: Queue) -> dict[str, Any]:
    return {
        "region": settings.aws_region,
        "predefined_queues": {settings.sqs_queue_name: {"url": queue.url, "region": settings.aws_region}},
        "dead_letter_url": queue.dead_url,
        "heartbeat": Heartbeat(worker.worker_visibility_timeout_s, worker.worker_held_at_most_s),
        "backoff": Backoff(),
        "polling_interval": worker.worker_polling_interval_s,
        "wait_time_seconds": worker.worker_wait_time_s,
        "receive_grace_s": worker.worker_receive_grace_s,
        "fetch_message_attributes": {
            "MessageSystemAttributeNames": ["ApproximateReceiveCount"],
            # All, for what is no task of ours is moved whole; of "All" kombu makes "ALL", which SQS refuses.
            "MessageAttributeNames": [".*"],
        },
        "client-config": CLIENT_CONFIG,
    }
