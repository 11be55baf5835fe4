"""An HTTP proxy in front of moto that can refuse, fall silent, hold or hang up, for chosen actions."""

from __future__ import annotations

import http.client
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from tests.serving import serving

SILENT = "silent"
HANG_UP = "hang up"
NONSENSE = "nonsense"
#: Passed on once it is no fault any more.
HELD = "held"


class FaultyProxy:
    """Passes every request on to *target*, except for the actions that `faults` names.

    A fault is an HTTP status to answer, or one of the words above.
    """

    def __init__(self, target: str) -> None:
        self.faults: dict[str, int | str] = {}
        #: How often each fault was answered, by action and fault.
        self.hits: Counter[tuple[str, int | str]] = Counter()
        #: How often each action was passed on.
        self.passed: Counter[str] = Counter()
        self.closing = Event()
        self._target = urlsplit(target)
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serve(self) -> Iterator[FaultyProxy]:
        with serving(self._server):
            try:
                yield self
            finally:
                self.closing.set()

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection(str(self._target.hostname), self._target.port, timeout=30)
        try:
            connection.request(handler.command, handler.path, body, dict(handler.headers))
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()
        finally:
            connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    proxy: FaultyProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        proxy = self.server.proxy
        body = self.rfile.read(int(self.headers["Content-Length"]))
        action = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        fault = proxy.faults.get(action)
        if fault is not None:
            proxy.hits[action, fault] += 1
        while proxy.faults.get(action) == HELD and not proxy.closing.wait(0.05):
            pass
        if fault in (None, HELD):
            proxy.passed[action] += 1
            self._answer(*proxy.forward(self, body))
        elif fault == SILENT:
            proxy.closing.wait(60)
            self.close_connection = True
        elif fault == HANG_UP:
            self.close_connection = True
        elif fault == NONSENSE:
            self._answer(200, "text/html", b"<html>Please log in to the hotel's network</html>")
        else:
            name = "AccessDenied" if fault == 403 else "Injected"
            error = {"__type": f"com.amazonaws.sqs#{name}", "message": "injected by the test"}
            self._answer(int(fault), "application/x-amz-json-1.0", json.dumps(error).encode())

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: the tests count."""
