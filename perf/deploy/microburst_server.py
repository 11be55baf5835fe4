"""`python -m perf.deploy.microburst_server SEED ...`: microburst 0.10 with a seed, two mends, ready at once.

At its first request it would read the models of all 400 services of AWS, which takes 10 s: it needs two. And
its answers to HEAD lack the length that a download asks for.
"""

from __future__ import annotations

import logging
import random
import sys
from typing import Any

from aiohttp import web
from botocore.session import Session
from microburst import forward
from microburst.cli import main

_stream = forward._stream_to_client


async def _with_length(
    request: web.Request, status: int, headers: Any, mutator: forward.ResponseFault | None, chunks: Any
) -> web.StreamResponse:
    if request.method == "HEAD" and "Content-Length" in headers:
        mutator = mutator or forward.ResponseFault()
        mutator.set_headers["Content-Length"] = headers["Content-Length"]
    answer: web.StreamResponse = await _stream(request, status, headers, mutator, chunks)
    return answer


logging.getLogger("aiohttp.access").setLevel(logging.WARNING)  # its own log tells what it broke
random.seed(int(sys.argv[1]))
forward._stream_to_client = _with_length
Session.get_available_services = lambda *_, **__: ["s3", "sqs"]  # type: ignore[method-assign]
sys.exit(main(sys.argv[2:]))
