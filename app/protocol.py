"""Deadlines for clients that are connected and owe something; uvicorn knows none of them.

uvicorn's keep-alive timer begins after an answer and ends with the next byte: a client that sends half a
request, or a byte of it every minute, or does not read its answer, is never given up (uvicorn 0.54; its
maintainers leave it to a proxy). What a route reads of a body has its own deadline, in app.intake.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from app.limits import get_limits

_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class DeadlineProtocol(H11Protocol):
    """uvicorn's HTTP/1.1 with an end to waiting for the client.

    - The head of a request must be there within WEB_HEAD_TIMEOUT_S of the connection, or of its first byte.
    - The rest of a body that no route wants is read for as long: a client that is refused while it sends
      gets to see why, and is not reset.
    - An answer that is not read for WEB_READ_TIMEOUT_S ends the connection.
    - As the server stops, the app's intake is told, so that uploads end in time.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        limits = get_limits()
        self._head_s = limits.head_timeout_s
        self._unread_s = limits.read_timeout_s
        self._owed = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._expect("head")

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        self._expect("head" if self.conn.their_state is h11.IDLE else self._rest())

    def on_response_complete(self) -> None:
        """See H11Protocol; between two requests the keep-alive timer is enough."""
        super().on_response_complete()
        self._expect(self._rest())

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._expect("")
        self._stop_unread()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """See asyncio.Protocol: more is unread than the buffers hold."""
        super().pause_writing()
        self._stop_unread()
        self._unread = self.loop.call_later(self._unread_s, self.transport.abort)

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        self._stop_unread()
        super().resume_writing()

    def shutdown(self) -> None:
        """See H11Protocol."""
        super().shutdown()
        if intake := self.app_state.get("intake"):
            intake.end()

    def _rest(self) -> str:
        """Whether the client still sends what nobody reads: its request has been answered."""
        answered = self.cycle is not None and self.cycle.response_complete
        return "rest" if answered and self.conn.their_state is h11.SEND_BODY else ""

    def _expect(self, owed: str) -> None:
        """What the client owes now; the deadline is that of the moment when it began to owe it."""
        if owed == self._owed:
            return
        self._owed = owed
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if owed:
            self._deadline = self.loop.call_later(self._head_s, self._give_up)

    def _give_up(self) -> None:
        began_head = self._owed == "head" and bool(self.conn.trailing_data[0])
        if began_head and not self.transport.is_closing():
            self.transport.write(_TOO_SLOW)
        self.transport.close()

    def _stop_unread(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
