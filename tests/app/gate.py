"""A server's door that can be shut in several ways: a TCP proxy before moto."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from types import TracebackType
from typing import Self

REFUSAL = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Gate:
    """Passes all on, until it is told otherwise; connections that are open already heed it too.

    Attributes:
        refusals: so many requests are answered 503 from now on.
        silent: nothing that is sent arrives, and nothing is answered.
        asked: requests that were refused or met silence.
    """

    def __init__(self, port: int) -> None:
        self._behind = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = [self._listener]
        self.refusals = 0
        self.silent = False
        self.asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: object, trace: TracebackType | None) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(self._behind) as server:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if server in ready:
                    data = server.recv(65536)
                    client.sendall(data)
                else:
                    data = client.recv(65536)
                    if not self._heed(client, server, data):
                        return
                if not data:
                    return

    def _heed(self, client: socket.socket, server: socket.socket, data: bytes) -> bool:
        """Do with what a client says as one was told; whether its connection stays."""
        if data and (self.silent or self.refusals):
            self.asked += 1
        if self.refusals and data:
            self.refusals -= 1
            client.sendall(REFUSAL)
            return False
        if not self.silent:
            server.sendall(data)
        return True
