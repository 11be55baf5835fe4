"""Calls that are tried again for a stated time: the pauses by hand, and a real client at a real socket."""

from typing import Any, NamedTuple

import pytest
from botocore.exceptions import EndpointConnectionError, ParamValidationError, ReadTimeoutError
from botocore.stub import Stubber
from hypothesis import given
from hypothesis import strategies as st

from app import queue
from app.aws import Waits
from app.queue import EnqueueError, TaskQueue
from app.retries import RetryFor
from app.settings import Settings
from tests.app.gate import Gate
from tests.app.test_api import tasks


class Http(NamedTuple):
    status_code: int


def tries_s(retry: RetryFor, now_s: list[float], each_takes_s: float, **outcome: Any) -> list[float]:
    """When the tries of one call begin that all end so."""
    context: dict[str, Any] = {}
    retry.begin(context)
    begun_s = [now_s[0]]
    for attempts in range(1, 1000):
        now_s[0] += each_takes_s
        pause_s = retry.pause_s(attempts, {"context": context}, **outcome)
        if pause_s is None:
            return begun_s
        now_s[0] += pause_s
        begun_s.append(now_s[0])
    raise AssertionError("it goes on for ever")


REFUSED = {"response": (Http(503), {})}
SILENT = {"caught_exception": ReadTimeoutError(endpoint_url="x")}


def test_pauses_double_up_to_two_seconds() -> None:
    now_s = [0.0]
    retry = RetryFor(10, clock=lambda: now_s[0], draw=lambda: 1.0)
    begun_s = tries_s(retry, now_s, 0, **REFUSED)
    assert begun_s == pytest.approx([0, 0.1, 0.3, 0.7, 1.5, 3.1, 5.1, 7.1, 9.1])


@given(st.lists(st.floats(0, 1), min_size=30, max_size=30), st.floats(0, 0.05))
def test_a_second_of_503_is_survived_whatever_is_drawn(draws: list[float], each_takes_s: float) -> None:
    now_s, drawn = [0.0], iter(draws)
    retry = RetryFor(queue.WAITS.retry_s, clock=lambda: now_s[0], draw=lambda: next(drawn))
    begun_s = tries_s(retry, now_s, each_takes_s, **REFUSED)
    assert 1.0 < begun_s[-1] <= queue.WAITS.retry_s


def test_silence_takes_a_stated_time() -> None:
    now_s, waits = [0.0], queue.WAITS
    retry = RetryFor(waits.retry_s, clock=lambda: now_s[0])
    tries_s(retry, now_s, waits.connect_s + waits.read_s, **SILENT)
    assert now_s[0] <= waits.retry_s + waits.connect_s + waits.read_s


@pytest.mark.parametrize(
    ("outcome", "again"),
    [
        (REFUSED, True),
        (SILENT, True),
        ({"response": (Http(429), {})}, True),
        ({"response": (Http(403), {"Error": {"Code": "RequestThrottled"}})}, True),
        ({"caught_exception": EndpointConnectionError(endpoint_url="x")}, True),
        ({"response": (Http(200), {})}, False),
        ({"response": (Http(403), {"Error": {"Code": "AccessDenied"}})}, False),
        ({"response": (Http(400), {"Error": {"Code": "AWS.SimpleQueueService.NonExistentQueue"}})}, False),
        ({"caught_exception": ParamValidationError(report="x")}, False),
    ],
)
def test_what_passes_is_tried_again_and_nothing_else(outcome: dict[str, Any], again: bool) -> None:
    now_s = [0.0]
    assert (len(tries_s(RetryFor(1, clock=lambda: now_s[0]), now_s, 0, **outcome)) > 1) is again


@pytest.fixture
def gate(pipeline_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    with Gate(int(pipeline_env["AWS_ENDPOINT_URL_SQS"].rpartition(":")[2])) as gate:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", gate.url)
        yield gate


def test_refusals_that_pass_are_not_seen(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WAITS", Waits(connect_s=30, read_s=30, retry_s=60))
    tasks_queue = TaskQueue(Settings())
    gate.refusals = 5
    tasks_queue.enqueue("a-video")
    assert gate.asked == 5
    assert tasks(Settings()) == ["a-video"]


def test_silence_ends(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "WAITS", Waits(connect_s=0.3, read_s=0.3, retry_s=0.3))
    gate.silent = True
    with pytest.raises(EnqueueError, match="timeout"):
        TaskQueue(Settings()).enqueue("a-video")


def test_a_door_that_is_shut_is_an_error_of_ours(pipeline_env: dict[str, str], monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    monkeypatch.setattr(queue, "WAITS", Waits(connect_s=1, read_s=1, retry_s=0.2))
    with pytest.raises(EnqueueError, match="Could not connect"):
        TaskQueue(Settings()).enqueue("a-video")


def test_a_page_that_is_no_answer_of_sqs_is_no_send(pipeline_env: dict[str, str]) -> None:
    tasks_queue = TaskQueue(Settings())
    assert tasks_queue.url
    with Stubber(tasks_queue._client) as sqs:
        sqs.add_response("send_message", {})
        with pytest.raises(EnqueueError, match="no answer of SQS came"):
            tasks_queue.enqueue("a-video")
