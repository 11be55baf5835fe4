"""A stand-in for the API, with known faults: ``python -m tests.perf.stub_api PORT [--lock-s S] ...``."""

import argparse
import asyncio
import itertools
import json
import uuid


class Stub:
    """Answers every endpoint at once, or one after the other, each after *lock_s* under one lock."""

    def __init__(self, lock_s: float, error_every: int) -> None:
        self._lock_s = lock_s
        self._error_every = error_every
        self._lock = asyncio.Lock()
        self._count = itertools.count(1)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                method = head.split(b" ", 1)[0]
                length = next(
                    (
                        int(line[15:])
                        for line in head.lower().split(b"\r\n")
                        if line.startswith(b"content-length:")
                    ),
                    0,
                )
                await reader.readexactly(length)
                if self._lock_s:
                    async with self._lock:
                        await asyncio.sleep(self._lock_s)
                writer.write(self._answer(method))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: bytes) -> bytes:
        failed = self._error_every and next(self._count) % self._error_every == 0
        status = "500 Oops" if failed else "201 Created" if method == b"POST" else "200 OK"
        body = json.dumps({"id": str(uuid.uuid4())}).encode()
        head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        return head.encode() + body


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("--lock-s", type=float, default=0.0)
    parser.add_argument("--error-every", type=int, default=0)
    args = parser.parse_args()
    stub = Stub(args.lock_s, args.error_every)
    server = await asyncio.start_server(stub.serve, "127.0.0.1", args.port, backlog=2048, limit=1 << 22)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
