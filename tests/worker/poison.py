"""Messages that are no task of ours, by what is wrong with each."""

from __future__ import annotations

import base64
import json
from typing import Any

from app.message import encode_task

VIDEO_ID = "3f1c1b52-6a3e-4b7e-9d7c-0a5b5f2f6a10"
_ABSENT = object()


def _wrapped(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def _envelope() -> dict[str, Any]:
    envelope: dict[str, Any] = json.loads(base64.b64decode(encode_task(VIDEO_ID, "videos")))
    return envelope


def _with(**parts: object) -> str:
    """A task of ours with other parts of the envelope; ``__`` leads into it, ``_`` stands for the hyphen."""
    envelope = _envelope()
    for path, value in parts.items():
        *outer, name = path.split("__")
        where = envelope
        for each in outer:
            where = where[each]
        name = name.replace("_", "-") if name.startswith("content") else name
        if value is _ABSENT:
            where.pop(name)
        else:
            where[name] = value
    return _wrapped(envelope)


def _calls(*body: object) -> str:
    """A task of ours with another body."""
    return _with(body=_wrapped(list(body)))


_NEST = 100_000
_EMBEDDED: dict[str, Any] = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}

POISON: dict[str, str] = {
    # no envelope at all
    "a word": "hello",
    "a space": " ",
    "json": json.dumps({"task": "of another kind"}),
    "json that is an event of S3": json.dumps({"Records": [{"eventName": "ObjectCreated:Put"}]}),
    "the envelope without base64": json.dumps(_envelope()),
    "bad base64": "@@@@",
    "cut base64": encode_task(VIDEO_ID, "videos")[:-3],
    "base64 cut at a byte": encode_task(VIDEO_ID, "videos")[: 4 * 40],
    "base64 of no text": base64.b64encode(bytes(range(128, 256))).decode(),
    "base64 of no json": base64.b64encode(b"hello").decode(),
    "a pickle": base64.b64encode(b"\x80\x04K\x01.").decode(),
    "an xml": "<Message><Task/></Message>",
    "emoji": "\U0001f3ac" * 10,
    "right to left": "\u05e9\u05dc\u05d5\u05dd",
    "a long body": "x" * 200_000,
    "lines": "a\nTask worker.process_video succeeded\nb",
    "deep nesting": base64.b64encode(b"[" * _NEST + b"]" * _NEST).decode(),
    "an envelope that is null": _wrapped(None),
    "an envelope that is a list": _wrapped([1, 2]),
    "an envelope that is a number": _wrapped(1),
    "a huge number": base64.b64encode(b"1" * 10_000).decode(),
    "an empty envelope": _wrapped({}),
    # its parts
    "no headers": _with(headers=_ABSENT),
    "headers null": _with(headers=None),
    "headers a list": _with(headers=[]),
    "no properties": _with(properties=_ABSENT),
    "properties null": _with(properties=None),
    "properties a string": _with(properties="x"),
    "no body": _with(body=_ABSENT),
    "body null": _with(body=None),
    "body a number": _with(body=7),
    "body empty": _with(body=""),
    "body of bad base64": _with(body="@@@@"),
    "body without base64": _with(body=json.dumps([[VIDEO_ID], {}, {}])),
    "body nested deeply": _with(body=base64.b64encode(b"[" * _NEST + b"]" * _NEST).decode()),
    "no content type": _with(content_type=_ABSENT),
    "content type pickle": _with(content_type="application/x-python-serialize"),
    "content type a number": _with(content_type=1),
    "unknown encoding": _with(content_encoding="klingon"),
    "encoding null": _with(content_encoding=None),
    "unknown body encoding": _with(properties__body_encoding="rot13"),
    "no body encoding": _with(properties__body_encoding=_ABSENT),
    "body encoding a list": _with(properties__body_encoding=["base64"]),
    # headers
    "no task": _with(headers__task=_ABSENT),
    "task null": _with(headers__task=None),
    "task a list": _with(headers__task=["worker.process_video"]),
    "task an object": _with(headers__task={"a": 1}),
    "unknown task": _with(headers__task="worker.delete_everything"),
    "a task of Celery's": _with(headers__task="celery.backend_cleanup"),
    "eta": _with(headers__eta="2026-11-26T00:00:00"),
    "a huge eta": _with(headers__eta="9999-12-31T23:59:59.999999+00:00"),
    "eta a number": _with(headers__eta=10**30),
    "eta nonsense": _with(headers__eta="tomorrow"),
    "expired": _with(headers__expires="2001-01-01T00:00:00"),
    "a huge expires": _with(headers__expires=10**30),
    "expires nonsense": _with(headers__expires={}),
    "a time limit": _with(headers__timelimit=[1, 1]),
    "time limit nonsense": _with(headers__timelimit="x"),
    "compression": _with(headers__compression="application/x-bz2"),
    # arguments
    "a body of one part": _calls([VIDEO_ID]),
    "a body of four": _calls([VIDEO_ID], {}, _EMBEDDED, 4),
    "a body that is an object": _with(body=_wrapped({"args": [VIDEO_ID], "kwargs": {}})),
    "no argument": _calls([], {}, _EMBEDDED),
    "two arguments": _calls([VIDEO_ID, 2], {}, _EMBEDDED),
    "arguments null": _calls(None, {}, _EMBEDDED),
    "arguments a string": _calls(VIDEO_ID, {}, _EMBEDDED),
    "named arguments": _calls([VIDEO_ID], {"force": True}, _EMBEDDED),
    "named arguments null": _calls([VIDEO_ID], None, _EMBEDDED),
    "named arguments a list": _calls([VIDEO_ID], [], _EMBEDDED),
    "embedded null": _calls([VIDEO_ID], {}, None),
    "a callback": _calls([VIDEO_ID], {}, _EMBEDDED | {"callbacks": [{"task": "x"}]}),
    "a chord": _calls([VIDEO_ID], {}, _EMBEDDED | {"chord": {"task": "x"}}),
    "an id that is null": _calls([None], {}, _EMBEDDED),
    "an id that is a number": _calls([42], {}, _EMBEDDED),
    "an id that is true": _calls([True], {}, _EMBEDDED),
    "an id that is a list": _calls([[VIDEO_ID]], {}, _EMBEDDED),
    "an id that is an object": _calls([{"id": VIDEO_ID}], {}, _EMBEDDED),
    "an id that is empty": _calls([""], {}, _EMBEDDED),
    "an id that is too long": _calls([VIDEO_ID * 100], {}, _EMBEDDED),
    "an id with a NUL": _calls(["a\0b"], {}, _EMBEDDED),
    "an id with half a character": _calls(["\ud800"], {}, _EMBEDDED),
    "an id of two lines": _calls(["a\nb"], {}, _EMBEDDED),
}

#: Strange, and all the same a task of ours: what it says beside the id does not reach Celery.
STRANGE: dict[str, str] = {
    "no id": _with(headers__id=_ABSENT),
    "id an object": _with(headers__id={}),
    "id of another": _with(headers__id="x" * 10_000),
    "retries a string": _with(headers__retries="many"),
    "stamps a number": _with(headers__stamps=1),
    "stamped headers a number": _with(headers__stamped_headers=1),
    "a shadow": _with(headers__shadow={"a": []}),
    "headers of others": _with(
        headers__traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ),
    "headers that shadow Celery's own": _with(headers__get=1, headers__update=2, headers__args=3),
    "no delivery info": _with(properties__delivery_info=_ABSENT),
    "delivery info of another queue": _with(properties__delivery_info={"routing_key": "another"}),
    "delivery info a list": _with(properties__delivery_info=[]),
    "priority a list": _with(properties__priority=[]),
    "a reply": _with(properties__reply_to={"a": 1}),
}


def about(video_id: str, strange: str) -> str:
    """One of STRANGE about another video."""
    envelope = json.loads(base64.b64decode(strange))
    envelope["body"] = _wrapped([[video_id], {}, _EMBEDDED])
    return _wrapped(envelope)
