"""The task's name and payload as a message on the queue: all that a sender needs of the worker.

Senders write the message themselves instead of calling ``apply_async`` so that they can send ten in
one call (SendMessageBatch) and keep a broker connection out of the web tier. The format is Celery's
own: task protocol 2 in kombu's virtual-transport envelope, and a test holds it against what Celery sends.
"""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any, TypeVar

from celery import Celery

from app.model import ID_LENGTH

TASK_NAME = "worker.process_video"

T = TypeVar("T")

#: How Celery says that a task has no such header.
_UNSET = (None, [None, None])
_KINDS: dict[type, str] = {dict: "object", list: "list"}

_as_task = Celery("sender", set_as_current=False).amqp.as_task_v2


class NotOurTaskError(Exception):
    """A message that is no task of ours, and why."""


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


def decode_task(body: str) -> str | None:
    """The id of the video that a MessageBody is about; None where it is no task of ours."""
    try:
        return read_task(body)
    except NotOurTaskError:
        return None


def read_task(body: str) -> str:
    """The id of the video that a MessageBody is about.

    Strict, for what is not done as its sender wants it must not be taken for done: an hour to begin at, a
    limit of time, further tasks to call.

    Raises:
        NotOurTaskError: it is not what `encode_task` or Celery makes of our task, and in what respect.
    """
    envelope = _decoded("message", body, dict)
    headers, properties = (_part(envelope, name, dict) for name in ("headers", "properties"))
    if headers.get("task") != TASK_NAME:
        raise NotOurTaskError("its task is another, or none")
    for part, name, expected in (
        (envelope, "content-type", "application/json"),
        (envelope, "content-encoding", "utf-8"),
        (properties, "body_encoding", "base64"),
    ):
        if part.get(name) != expected:
            raise NotOurTaskError(f"its {name} is not {expected}")
    for name in ("eta", "expires", "timelimit", "compression"):
        if headers.get(name) not in _UNSET:
            raise NotOurTaskError(f"it has a header {name}")
    return _video_id(_decoded("body", envelope.get("body"), list))


def _video_id(body: list[Any]) -> str:
    """The one argument of a task's body, which is [args, kwargs, what to call afterwards]."""
    match body:
        case [[str(video_id)], {**kwargs}, {**embedded}] if not kwargs and not any(embedded.values()):
            if not 0 < len(video_id) <= ID_LENGTH or not video_id.isprintable():
                raise NotOurTaskError("its argument is no id of a video")
            return video_id
    raise NotOurTaskError("its arguments are not the id of one video")


def _decoded(what: str, text: object, kind: type[T]) -> T:
    """JSON in base64."""
    try:
        found = json.loads(base64.b64decode(text, validate=True))  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError) as error:
        raise NotOurTaskError(f"its {what} is no JSON in base64") from error
    return _checked(what, found, kind)


def _part(whole: dict[str, Any], name: str, kind: type[T]) -> T:
    return _checked(name, whole.get(name), kind)


def _checked(what: str, found: object, kind: type[T]) -> T:
    if not isinstance(found, kind):
        raise NotOurTaskError(f"its {what} is no {_KINDS[kind]}")
    return found


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
