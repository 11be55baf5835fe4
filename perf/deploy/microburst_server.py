"""`python -m perf.deploy.microburst_server SEED ...`: microburst 0.10, seeded, mended, and ready at once.

At its first request it would read the models of all 400 services of AWS, which takes 10 s: it needs two. Its
answers to HEAD lack the length that a download asks for. And what it calls a reset is an orderly close.
"""

from __future__ import annotations

import logging
import random
import socket
import struct
import sys
from asyncio.selector_events import _SelectorSocketTransport  # type: ignore[attr-defined]
from contextlib import suppress
from typing import Any

from aiohttp import web
from botocore.session import Session
from microburst import forward
from microburst.cli import main

_stream = forward._stream_to_client
_abort = _SelectorSocketTransport.abort


async def _with_length(
    request: web.Request, status: int, headers: Any, mutator: forward.ResponseFault | None, chunks: Any
) -> web.StreamResponse:
    if request.method == "HEAD" and "Content-Length" in headers:
        mutator = mutator or forward.ResponseFault()
        mutator.set_headers["Content-Length"] = headers["Content-Length"]
    answer: web.StreamResponse = await _stream(request, status, headers, mutator, chunks)
    return answer


def _reset(transport: Any) -> None:
    """Closed without lingering: what was not sent yet is dropped, and the peer gets TCP's RST."""
    linger = struct.pack("ii", 1, 0)
    with suppress(OSError):  # it is closed already
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    _abort(transport)


logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # its own log tells what it broke
random.seed(int(sys.argv[1]))
forward._stream_to_client = _with_length
_SelectorSocketTransport.abort = _reset
Session.get_available_services = lambda *_, **__: ["s3", "sqs"]  # type: ignore[method-assign]
sys.exit(main(sys.argv[2:]))
