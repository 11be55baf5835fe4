"""The multipart body, however it is cut into pieces, against forms written by hand."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.upload_body import BlockingReader, FilePart, UploadRefusedError

KIND = "multipart/form-data; boundary=XyZ"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(f"--XyZ\r\n{headers}\r\n\r\n".encode() + data + b"\r\n" for headers, data in parts)
    return body + b"--XyZ--\r\n"


def file(data: bytes, name: str = "file") -> tuple[str, bytes]:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="a.MP4"'
    return f"{disposition}\r\nContent-Type: Video/MP4; codecs=x", data


async def _pieces(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def parse(pieces: Sequence[bytes], kind: str = KIND) -> tuple[FilePart, bytes]:
    async def run() -> tuple[FilePart, bytes]:
        part = FilePart(kind, _pieces(pieces))
        await part.open()
        content = b""
        while chunk := await part.read():
            content += chunk
        return part, content

    return asyncio.run(run())


def refused(pieces: Sequence[bytes], kind: str = KIND) -> UploadRefusedError:
    with pytest.raises(UploadRefusedError) as caught:
        parse(pieces, kind)
    return caught.value


@given(st.binary(min_size=1, max_size=300), st.integers(1, 60))
def test_any_content_survives_any_cutting(content: bytes, step: int) -> None:
    body = form(('Content-Disposition: form-data; name="title"', b"dropped"), file(content))
    part, read = parse([body[at : at + step] for at in range(0, len(body), step)])
    assert read == content
    assert (part.filename, part.content_type) == ("a.MP4", "video/mp4")


@given(st.integers(0, 10_000))
def test_a_body_cut_short_is_never_taken_as_whole(cut: int) -> None:
    body = form(file(b"0123456789"))[:-4]  # the closing "--XyZ" without its "--"
    assert refused([body[: cut % len(body)]]).status_code == 400


@pytest.mark.parametrize(
    ("body", "status", "detail"),
    [
        (form(file(b"")), 400, "the file is empty"),
        (form(file(b"x", name="video")), 400, "no file"),
        (form(('Content-Disposition: form-data; name="file"', b"x")), 400, "no file"),
        (form(file(b"x"), file(b"y")), 400, "more than one file"),
        (b"not a form", 400, "malformed"),
        (b"", 400, "closing boundary"),
        (
            form(('Content-Disposition: form-data; name="a"', bytes(70_000)), file(b"x")),
            413,
            "beside the file",
        ),
    ],
)
def test_what_is_no_upload_is_refused(body: bytes, status: int, detail: str) -> None:
    error = refused([body])
    assert error.status_code == status
    assert detail in error.detail


@pytest.mark.parametrize("kind", ["", "video/mp4", "multipart/form-data", "multipart/form-data; boundary="])
def test_what_is_no_form_is_refused(kind: str) -> None:
    assert refused([form(file(b"x"))], kind).status_code == 415


def test_a_boundary_too_long_is_refused() -> None:
    assert refused([b"x"], f"multipart/form-data; boundary={'a' * 1000}").status_code == 400


def read_in_thread(pieces: Sequence[bytes], *sizes: int) -> list[bytes]:
    async def run() -> list[bytes]:
        source = _pieces([*pieces, b""])
        reader = BlockingReader(lambda: anext(source, b""), asyncio.get_running_loop())
        return [await asyncio.to_thread(reader.read, size) for size in sizes]

    return asyncio.run(run())


def test_a_read_is_as_long_as_asked_until_the_end() -> None:
    assert read_in_thread([b"abc", b"de", b"fgh"], 4, 3, 3, 3) == [b"abcd", b"efg", b"h", b""]
    assert read_in_thread([b"abc", b"de"], 1, -1, -1) == [b"a", b"bcde", b""]
