"""The body of an upload: the one file of a multipart form, read as it arrives and never kept whole.

Starlette's own form parser would write the whole body to disk before the first check of it; this one
hands the file's bytes on as they come, so that a limit, a wrong type or a broken body end it at once.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

#: What a form may hold beside the file: headers, boundaries, other fields.
MAX_OTHER_BYTES = 64 * 1024


class UploadRefusedError(Exception):
    """The request is wrong, or comes at a wrong time; *status_code* says how.

    Attributes:
        retry_after_s: when to try again; None where that would not help.
    """

    def __init__(self, status_code: int, detail: str, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.status_code = status_code
        self.detail = detail
        self.retry_after_s = retry_after_s


class FilePart:
    """The part named ``file`` of a multipart/form-data body; other parts are read and dropped.

    Attributes:
        filename: as the client sent it; empty before `open`.
        content_type: of the part, lower case and without parameters; empty where none was sent.
    """

    def __init__(self, content_type: str, body: AsyncIterator[bytes]) -> None:
        self.filename = ""
        self.content_type = ""
        self._body = body
        self._body_bytes = self._file_bytes = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_name = self._header_value = b""
        self._in_file = self._opened = self._ended = False
        self._chunks: deque[bytes] = deque()
        self._parser = self._make_parser(content_type)

    async def open(self) -> None:
        """Read up to the file's first byte.

        Raises:
            UploadRefusedError: the body is no form, or holds no file, or an empty one.
        """
        while not self._chunks and not self._ended:
            await self._advance()
        if not self._opened:
            raise UploadRefusedError(400, "the form has no file: send it as the part named 'file'")
        if not self._chunks:
            raise UploadRefusedError(400, "the file is empty")

    async def fill(self, size_bytes: int) -> None:
        """Read on until so many bytes of the file have come, or all that there are."""
        while not self._ended and self._file_bytes < size_bytes:
            await self._advance()

    async def read(self) -> bytes:
        """The next bytes of the file; empty at its end, which is told only when the form ended well."""
        while not self._chunks and not self._ended:
            await self._advance()
        return self._chunks.popleft() if self._chunks else b""

    async def _advance(self) -> None:
        data = await anext(self._body, b"")
        self._body_bytes += len(data)
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise UploadRefusedError(400, f"the multipart body is malformed: {error}") from error
        if self._body_bytes - self._file_bytes > MAX_OTHER_BYTES:
            raise UploadRefusedError(413, f"the form holds over {MAX_OTHER_BYTES} bytes beside the file")
        if not data and not self._ended:
            raise UploadRefusedError(400, "the multipart body ends before its closing boundary")

    def _make_parser(self, content_type: str) -> MultipartParser:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise UploadRefusedError(415, "send multipart/form-data with a boundary and a part named 'file'")
        try:
            return MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._headers.clear,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_end": self._on_end,
                },
            )
        except FormParserError as error:
            raise UploadRefusedError(400, f"the multipart boundary is malformed: {error}") from error

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        self._in_file = options.get(b"name") == b"file" and b"filename" in options
        if self._in_file and self._opened:
            raise UploadRefusedError(400, "the form holds more than one file: send one a request")
        if self._in_file:
            self._opened = True
            self.filename = options[b"filename"].decode(errors="replace")
            kind, _ = parse_options_header(self._headers.get(b"content-type"))
            self.content_type = kind.decode("latin-1").lower()

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._file_bytes += end - start
            self._chunks.append(data[start:end])

    def _on_end(self) -> None:
        self._ended = True


class BlockingReader:
    """A file-like object for a thread, over an async source that lives on *loop*."""

    def __init__(self, source: Callable[[], Awaitable[bytes]], loop: asyncio.AbstractEventLoop) -> None:
        self._source = source
        self._loop = loop
        self._buffer = bytearray()
        self._ended = False

    def read(self, size: int = -1, /) -> bytes:
        """Exactly *size* bytes, fewer only at the end; all that is left when *size* is negative."""
        while not self._ended and (size < 0 or len(self._buffer) < size):
            chunk = asyncio.run_coroutine_threadsafe(self._next_chunk(), self._loop).result()
            self._buffer += chunk
            self._ended = not chunk
        size = len(self._buffer) if size < 0 else size
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _next_chunk(self) -> bytes:
        return await self._source()  # a coroutine, which not every awaitable is
