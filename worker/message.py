"""The task's name and payload as a message on the queue: all that a sender needs of the worker.

Senders write the message themselves instead of calling ``apply_async`` so that they can send ten in
one call (SendMessageBatch) and keep a broker connection out of the web tier. The format is Celery's
own: task protocol 2 in kombu's virtual-transport envelope, and a test holds it against what Celery sends.
"""

from __future__ import annotations

import base64
import json
import uuid

from celery import Celery

TASK_NAME = "worker.process_video"

_as_task = Celery("sender", set_as_current=False).amqp.as_task_v2


def encode_task(video_id: str, queue: str) -> str:
    """The MessageBody of the task that processes *video_id*; the video's id is the task's id."""
    message = _as_task(video_id, TASK_NAME, args=(video_id,), ignore_result=True)
    envelope = {
        "body": _base64(json.dumps(message.body)),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": message.headers,
        "properties": {
            **message.properties,
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
            "body_encoding": "base64",
            "delivery_tag": str(uuid.uuid4()),
        },
    }
    return _base64(json.dumps(envelope))


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
