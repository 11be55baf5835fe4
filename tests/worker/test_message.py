"""Our message against the one Celery itself sends to the same queue: kombu decodes both alike."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from celery import Celery
from kombu import Connection
from kombu.transport.virtual import Message

from app.message import TASK_NAME, encode_task
from tests.worker.rig import Rig
from worker.celery_app import configuration
from worker.queue import Queue
from worker.settings import WorkerSettings

VIDEO_ID = "3f1c1b52-6a3e-4b7e-9d7c-0a5b5f2f6a10"


@pytest.fixture
def sender(rig: Rig) -> Iterator[Celery]:
    app = Celery("real", set_as_current=False)
    app.conf.update(configuration(rig.settings, WorkerSettings(), Queue(rig.queue_url, None)))
    app.conf.broker_transport = None  # kombu's own transport: nothing of ours between
    yield app
    app.close()


def _received(rig: Rig) -> str:
    answer = rig.sqs.receive_message(QueueUrl=rig.queue_url, WaitTimeSeconds=5)
    return answer["Messages"][0]["Body"]


def _envelope(body: str) -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(base64.b64decode(body))
    return envelope


def _decoded(body: str) -> Message:
    """As a consumer's channel decodes it."""
    with Connection("memory://") as connection:
        return Message(_envelope(body), channel=connection.channel())


def test_it_is_what_celery_sends(rig: Rig, sender: Celery) -> None:
    sender.send_task(TASK_NAME, args=(VIDEO_ID,), task_id=VIDEO_ID, ignore_result=True)
    theirs = _received(rig)
    ours = encode_task(VIDEO_ID, rig.settings.sqs_queue_name)
    assert _shape(ours) == _shape(theirs)
    for ask in (lambda message: message.decode(), lambda message: message.headers):
        # "origin" names the sending process, and the two senders differ in nothing else.
        assert _without_origin(ask(_decoded(ours))) == _without_origin(ask(_decoded(theirs)))


def test_it_names_the_task_and_carries_the_id(rig: Rig) -> None:
    message = _decoded(encode_task(VIDEO_ID, "videos"))
    args, kwargs, embedded = message.decode()
    assert (args, kwargs) == ([VIDEO_ID], {})
    assert set(embedded) == {"callbacks", "errbacks", "chain", "chord"}
    assert (message.headers["task"], message.headers["id"]) == (TASK_NAME, VIDEO_ID)
    assert message.delivery_info == {"exchange": "", "routing_key": "videos"}


def test_each_message_is_one_of_its_own() -> None:
    first, second = (_envelope(encode_task(VIDEO_ID, "videos"))["properties"] for _ in range(2))
    assert first["delivery_tag"] != second["delivery_tag"]


def _without_origin(part: Any) -> Any:
    return (
        {name: value for name, value in part.items() if name != "origin"} if isinstance(part, dict) else part
    )


def _shape(body: str) -> dict[str, Any]:
    """The envelope without the contents, which are compared decoded, and what differs by nature."""
    envelope = _envelope(body)
    properties = {
        name: value
        for name, value in envelope["properties"].items()
        if name not in ("delivery_tag", "reply_to")
    }
    return {
        "names": sorted(envelope),
        "content": (envelope["content-type"], envelope["content-encoding"]),
        "headers": sorted(envelope["headers"]),
        "properties": properties,
        "property_names": sorted(envelope["properties"]),
    }
