"""Deletions: together, beside the event loop, and again when they fail."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from tests.worker.loop_by_hand import NoThread
from worker.deleter import GIVE_UP_AFTER_S, Deleter


class SlowSqs:
    """Answers a deletion when it may; fails as often as the test says."""

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.asked, self.may_answer = Event(), Event()
        self.failures: list[Exception | dict[str, Any]] = []

    def delete_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        assert QueueUrl
        self.requests.append([entry["ReceiptHandle"] for entry in Entries])
        self.asked.set()
        assert self.may_answer.wait(60)
        failure = self.failures.pop(0) if self.failures else {}
        if isinstance(failure, Exception):
            raise failure
        successful = [{"Id": entry["Id"]} for entry in Entries if entry["Id"] != "0" or not failure]
        return {"Successful": successful} | (
            {"Failed": [{"Id": "0", "Code": "why", **failure}]} if failure else {}
        )


class Bench:
    """A deleter whose pauses are the clock's only steps."""

    def __init__(self, *failures: Exception | dict[str, Any]) -> None:
        self.now_s = 0.0
        self.pauses_s: list[float] = []
        self.sqs, self.heartbeat = SlowSqs(), NoThread(timeout_s=30)
        self.sqs.failures = list(failures)
        self.sqs.may_answer.set()
        self.deleter = Deleter(self.heartbeat, self._pause, lambda: self.now_s)

    def _pause(self, pause_s: float) -> bool:
        self.pauses_s.append(pause_s)
        self.now_s += pause_s
        return False

    def delete(self, *handles: str) -> list[list[str]]:
        """The requests that are made of it until nothing is left to do."""
        self.sqs.may_answer.clear()
        for handle in handles:
            self.heartbeat.hold(self.sqs, "url", handle)
            self.deleter.delete(self.sqs, "url", handle)
        self.sqs.may_answer.set()
        self.deleter._thread.shutdown()
        return self.sqs.requests

    def held(self) -> set[str]:
        return set(self.heartbeat._held)


def test_deletions_that_come_while_one_is_under_way_share_requests_of_ten() -> None:
    bench = Bench()
    bench.sqs.may_answer.clear()
    bench.deleter.delete(bench.sqs, "url", "first")
    assert bench.sqs.asked.wait(60)
    late = [f"late-{number}" for number in range(12)]
    assert bench.delete(*late) == [["first"], late[:10], late[10:]]
    assert bench.held() == set()


@pytest.mark.parametrize("failure", [ValueError("why"), {"SenderFault": False}])
def test_a_deletion_that_fails_is_made_again_after_a_pause_and_told_once(
    failure: Exception | dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(failure, failure)
    assert bench.delete("a") == [["a"]] * 3
    assert 0 < bench.pauses_s[0] < bench.pauses_s[1] * 4
    assert len(bench.pauses_s) == 2
    assert bench.held() == set()
    assert [each.message.partition(":")[0] for each in caplog.records] == [
        "DeleteMessageBatch failed", "DeleteMessageBatch works again after 2 failures",
    ]  # fmt: skip
    assert "why" in caplog.text


@pytest.mark.parametrize("nonsense", [{}, {"Successful": [{}]}, {"Failed": [{"Code": "why"}]}])
def test_an_answer_that_names_no_message_deletes_none(
    nonsense: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench()
    answers = [nonsense]
    delete = bench.sqs.delete_message_batch

    def answer(QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:
        sensible = delete(QueueUrl, Entries)
        return answers.pop() if answers else sensible

    monkeypatch.setattr(bench.sqs, "delete_message_batch", answer)
    assert bench.delete("a") == [["a"]] * 2
    assert bench.held() == set()


def test_only_what_failed_is_made_again_and_hidden_meanwhile() -> None:
    bench = Bench({}, {"SenderFault": False})
    held: list[set[str]] = []
    bench.deleter._wait = lambda _: bool(held.append(bench.held()))  # type: ignore[func-returns-value]
    bench.sqs.may_answer.clear()
    bench.deleter.delete(bench.sqs, "url", "first")
    assert bench.sqs.asked.wait(60)
    assert bench.delete("a", "b") == [["first"], ["a", "b"], ["a"]]
    assert held == [{"a"}]


def test_a_receipt_that_is_not_known_any_more_is_let_go() -> None:
    bench = Bench({"SenderFault": True})
    assert bench.delete("a") == [["a"]]
    assert (bench.pauses_s, bench.held()) == ([], set())


def test_a_deletion_is_given_up_in_the_end() -> None:
    bench = Bench(*[ValueError("why")] * 1000)
    assert len(bench.delete("a")) > GIVE_UP_AFTER_S / 10
    assert GIVE_UP_AFTER_S <= sum(bench.pauses_s) < GIVE_UP_AFTER_S + 10
    assert bench.held() == set()


def test_a_worker_that_stops_tries_once_more() -> None:
    bench = Bench(ValueError("why"), ValueError("why"))
    bench.deleter.close()
    assert bench.delete("a") == [["a"]]
    assert bench.held() == set()
