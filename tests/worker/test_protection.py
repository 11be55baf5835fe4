"""On ECS a task is protected while its worker is at work."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.worker.rig import eventually
from worker.protection import EXPIRES_MIN, RENEW_S, RETRY_S, Protection, protect_while, put


class Agent(HTTPServer):
    """What stands beside a task on ECS."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, object]]] = []
        self.answer: dict[str, object] = {}
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api/abc"


class _Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.told.append((self.path, json.loads(body)))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(self.server.answer).encode())  # type: ignore[attr-defined]

    def log_message(self, *args: object) -> None:
        """Nothing."""


@pytest.fixture
def agent() -> Iterator[Agent]:
    with Agent() as agent:
        thread = Thread(target=agent.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield agent
        agent.shutdown()
        thread.join()


class Steered:
    """A protection whose clock and agent are ours."""

    def __init__(self) -> None:
        self.now_s, self.refuses, self.told = 0.0, False, list[bool]()
        self.protection = Protection(self.tell, lambda: self.now_s)

    def tell(self, protected: bool) -> None:
        if self.refuses:
            raise ConnectionRefusedError("no agent")
        self.told.append(protected)

    def look(self, busy: bool, after_s: float = 0.0) -> list[bool]:
        """What the agent was told at this look."""
        self.now_s += after_s
        self.told.clear()
        self.protection.look(busy)
        return list(self.told)


def test_the_agent_is_told_when_work_begins_and_ends() -> None:
    steered = Steered()
    assert steered.look(busy=False) == []
    assert steered.look(busy=True) == [True]
    assert steered.look(busy=True, after_s=1) == []
    assert steered.look(busy=False) == [False]
    assert steered.look(busy=False, after_s=2 * RENEW_S) == []


def test_a_long_work_is_protected_to_its_end() -> None:
    assert RENEW_S < EXPIRES_MIN * 60
    steered = Steered()
    steered.look(busy=True)
    assert steered.look(busy=True, after_s=RENEW_S) == [True]
    assert steered.look(busy=True, after_s=1) == []


def test_a_refusal_is_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    steered = Steered()
    steered.refuses = True
    with caplog.at_level(logging.WARNING):
        steered.look(busy=True)
        steered.look(busy=True, after_s=RETRY_S)
    assert caplog.text.count("no agent") == 1
    steered.refuses = False
    assert steered.look(busy=True, after_s=1) == []
    assert steered.look(busy=True, after_s=RETRY_S) == [True]


def test_ecs_s_own_words(agent: Agent) -> None:
    protect_while(lambda: not agent.told, {"ECS_AGENT_URI": agent.url})
    eventually(lambda: len(agent.told) == 2, "the agent was told twice")
    path = "/api/abc/task-protection/v1/state"
    assert agent.told == [
        (path, {"ProtectionEnabled": True, "ExpiresInMinutes": EXPIRES_MIN}),
        (path, {"ProtectionEnabled": False}),
    ]


def test_a_failure_is_one_whatever_the_status(agent: Agent) -> None:
    agent.answer = {"failure": {"Reason": "DEPLOYMENT_BLOCKED"}}
    with pytest.raises(OSError, match="DEPLOYMENT_BLOCKED"):
        put(agent.url, protected=True)


def test_elsewhere_nothing_is_done() -> None:
    protect_while(lambda: 1 / 0 > 0, {})
