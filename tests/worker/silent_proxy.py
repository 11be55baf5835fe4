"""A TCP proxy whose connections can die without a word: both ends go on believing in them."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread


class SilentProxy:
    """Passes every connection on, until it falls silent.

    What is sent to a silent connection is still acknowledged, so no kernel notices.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        #: Of the connections that are made now; replaced when they are silenced.
        self._silent = Event()

    @property
    def port(self) -> int:
        return int(self._server.getsockname()[1])

    def silence(self) -> None:
        """The connections there are say nothing any more; new ones are passed on."""
        self._silent.set()
        self._silent = Event()

    @contextmanager
    def serve(self) -> Iterator[SilentProxy]:
        Thread(target=self._accept, daemon=True).start()
        try:
            yield self
        finally:
            for each in (self._server, *self._sockets):
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                for pair in ((client, server), (server, client)):
                    Thread(target=self._pass_on, args=(*pair, self._silent), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, silent: Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                if not silent.is_set():
                    target.sendall(data)
            if not silent.is_set():
                target.shutdown(socket.SHUT_RDWR)
