"""The web tier as a real uvicorn process: its memory, and clients that leave."""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import psutil

from app.aws import s3_client
from app.database import make_engine
from app.settings import MIB, Settings
from perf.deploy.processes import ManagedProcess
from tests.app.test_api import objects, rows

HEAD = b'--XyZ\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\n'
LONG_POST = (
    b"POST /api/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n"
    b"Content-Type: multipart/form-data; boundary=XyZ\r\n\r\n"
)
TAIL = b"\r\n--XyZ--\r\n"


def post(url: str, body: Iterator[bytes], length: int) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    headers = {"Content-Type": "multipart/form-data; boundary=XyZ", "Content-Length": str(length)}
    connection.request("POST", "/api/videos", body=body, headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def form(size_mb: int) -> Iterator[bytes]:
    yield HEAD
    for _ in range(size_mb):
        yield bytes(MIB)
    yield TAIL


def upload(url: str, size_mb: int) -> int:
    return post(url, form(size_mb), len(HEAD) + size_mb * MIB + len(TAIL))


class PeakRss:
    """The highest resident memory of a process, looked at every 5 ms."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.first_mb = self.peak_mb = self._now_mb()

    def _now_mb(self) -> float:
        rss_bytes: int = self._process.memory_info().rss
        return rss_bytes / MIB

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.peak_mb = max(self.peak_mb, self._now_mb())

    def __enter__(self) -> "PeakRss":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def growth_mb(self) -> float:
        return self.peak_mb - self.first_mb


def test_an_upload_takes_memory_that_does_not_grow_with_its_size(
    server: tuple[str, ManagedProcess],
) -> None:
    url, process = server
    assert upload(url, 20) == 201  # what is imported and pooled once does not count
    with PeakRss(process.pid) as memory:
        assert upload(url, 200) == 201
    assert memory.growth_mb < 90


def test_a_download_takes_memory_that_does_not_grow_with_its_size(
    server: tuple[str, ManagedProcess], pipeline_env: dict[str, str]
) -> None:
    url, process = server
    settings = Settings()
    engine = make_engine(settings)
    assert upload(url, 100) == 201
    [video] = rows(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("update videos set status = 'done', processed_key = object_key")
    engine.dispose()
    connection_ = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
    with PeakRss(process.pid) as memory:
        connection_.request("GET", f"/api/videos/{video.id}/download")
        answer = connection_.getresponse()
        read = sum(map(len, iter(lambda: answer.read(MIB), b"")))
    connection_.close()
    assert read == 100 * MIB
    assert memory.growth_mb < 90


def test_a_client_that_leaves_leaves_nothing(
    server: tuple[str, ManagedProcess], pipeline_env: dict[str, str]
) -> None:
    url, process = server
    settings = Settings()
    s3 = s3_client(settings.aws_region)
    host, _, port = urlsplit(url).netloc.partition(":")

    def parts() -> bool:
        return "Uploads" in s3.list_multipart_uploads(Bucket=settings.aws_s3_bucket)

    with socket.create_connection((host, int(port))) as client:
        client.sendall(LONG_POST + HEAD + bytes(20 * MIB))
        await_that(parts)
    await_that(lambda: not parts())
    engine = make_engine(settings)
    assert (rows(engine), objects(settings)) == ([], [])
    engine.dispose()
    assert process.alive
    assert "Traceback" not in process.log.read_text()


def await_that(condition: Callable[[], bool], deadline_s: float = 30.0) -> None:
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, "the deadline passed"
        time.sleep(0.02)


def test_health_answers_while_uploads_fill_every_slot(server: tuple[str, ManagedProcess]) -> None:
    url, _ = server
    host, _, port = urlsplit(url).netloc.partition(":")
    waiting = [socket.create_connection((host, int(port))) for _ in range(50)]
    for client in waiting:
        client.sendall(LONG_POST + HEAD + b"x")
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)

    def answers(path: str) -> bool:
        connection.request("GET", path)
        answer = connection.getresponse()
        return bool(answer.read()) and answer.status == 200

    await_that(lambda: answers("/api/health"))  # a part may be slow at first on a busy machine
    assert answers("/api/videos")
    connection.close()
    for client in waiting:
        client.close()
