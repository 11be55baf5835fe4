"""Clients that send slowly, or nothing, and a stop meanwhile: a real uvicorn process, real sockets.

The limits are short or long enough that a busy machine changes no outcome: what must end has all the time of
the test, and what must not end is never near its limit.
"""

import http.client
import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from sqlalchemy import text

from app.database import make_engine
from app.model import Status
from app.settings import Settings
from fixtures.api import ApiServer
from perf.deploy.processes import ManagedProcess
from tests.app.gate import Gate
from tests.app.test_api import objects, rows, tasks
from tests.app.test_process import HEAD, LONG_POST, await_that, upload

DEADLINE_S = 60.0
HALF_A_HEAD = b"POST /api/videos HTTP/1.1\r\nHost: x\r\n"
#: More than the head start: the upload takes a slot, and then waits for its client.
SLOT_TAKER = LONG_POST + HEAD + bytes(200_000)

Start = Callable[..., tuple[str, ManagedProcess]]


@pytest.fixture
def start(pipeline_env: dict[str, str], tmp_path: Path) -> Iterator[Start]:
    started: list[ManagedProcess] = []

    def begin(**limits: object) -> tuple[str, ManagedProcess]:
        env = pipeline_env | {f"WEB_{name.upper()}": str(value) for name, value in limits.items()}
        server = ApiServer(env | {"AWS_ENDPOINT_URL_SQS": os.environ["AWS_ENDPOINT_URL_SQS"]}, tmp_path)
        started.append(server.process.start())
        return server.url, server.process

    yield begin
    for process in started:
        process.stop()


@contextmanager
def connected(url: str, sent: bytes, number: int = 1) -> Iterator[list[socket.socket]]:
    host, _, port = urlsplit(url).netloc.partition(":")
    clients = [socket.create_connection((host, int(port)), timeout=DEADLINE_S) for _ in range(number)]
    try:
        for client in clients:
            client.sendall(sent)
        yield clients
    finally:
        for client in clients:
            client.close()


def heard(client: socket.socket) -> bytes:
    """All that the server says until it closes the connection; fails when it does not within the deadline."""
    answer = b""
    try:
        while chunk := client.recv(65536):
            answer += chunk
    except ConnectionError:
        pass  # it closed while we were sending
    return answer


def answered(client: socket.socket) -> bytes:
    """One answer with its JSON body; the connection may stay."""
    answer = b""
    while not answer.endswith(b"}") and (chunk := client.recv(65536)):
        answer += chunk
    return answer


def drip(client: socket.socket, every_s: float = 0.2) -> None:
    """A byte every so often until the server has had enough."""
    end_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < end_s:
        try:
            client.sendall(b"x")
        except OSError:
            return
        time.sleep(every_s)
    raise AssertionError(f"the server listened for {DEADLINE_S:g} s")


def test_half_open_requests_are_closed_and_say_why(start: Start) -> None:
    url, process = start(head_timeout_s=4)
    with connected(url, HALF_A_HEAD, 100) as half_open, connected(url, b"", 5) as mute:
        assert {heard(client)[:12] for client in half_open} == {b"HTTP/1.1 408"}
        assert {heard(client) for client in mute} == {b""}
    with connected(url, HALF_A_HEAD) as [client]:
        drip(client)
    assert http_get(url, "/api/videos") == 200
    assert "Traceback" not in process.log.read_text()


def test_a_connection_may_rest_between_requests(start: Start) -> None:
    url, _ = start(head_timeout_s=3)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    ports = set()
    for pause_s in (0, 4):
        time.sleep(pause_s)
        connection.request("GET", "/api/videos")
        assert connection.getresponse().read()
        assert connection.sock is not None
        ports.add(connection.sock.getsockname())
    assert len(ports) == 1
    connection.close()


def test_who_is_refused_and_goes_on_sending_is_let_go(start: Start) -> None:
    url, _ = start(head_timeout_s=3)
    refused = LONG_POST.replace(b"Content-Length: 99999999", b"Content-Length: 99999999999")
    with connected(url, refused) as [client]:
        drip(client)
    with connected(url, refused) as [client]:
        assert heard(client).startswith(b"HTTP/1.1 413")


def test_slow_uploads_take_no_slot_and_are_dropped(start: Start) -> None:
    url, process = start(upload_slots=1, upload_patience_s=600, upload_wait_s=600)
    with connected(url, LONG_POST + HEAD + b"x", 16):
        assert upload(url, 1) == 201  # had one of them the slot, this would wait for ten minutes
    process.stop()
    url, process = start(upload_patience_s=2)
    with connected(url, LONG_POST + HEAD + b"x", 16) as slow:
        drippers = [threading.Thread(target=drip, args=(client,), daemon=True) for client in slow]
        for dripper in drippers:
            dripper.start()
        for client in slow:
            answer = answered(client)
            assert answer.startswith(b"HTTP/1.1 408"), answer
            assert b"the upload came too slowly and was dropped" in answer
    assert "Traceback" not in process.log.read_text()


def test_a_slot_whose_client_stands_still_is_free_again(start: Start) -> None:
    url, _ = start(upload_slots=2, upload_patience_s=2, upload_wait_s=600)
    with connected(url, SLOT_TAKER, 4):
        await_that(lambda: is_taken(url), DEADLINE_S)
    engine = make_engine(Settings())
    assert len(rows(engine)) == len(objects(Settings())) == 1
    engine.dispose()


def is_taken(url: str) -> bool:
    """Whether an upload is; ours may itself be too slow for these limits on a busy machine."""
    try:
        return upload(url, 1) == 201
    except (OSError, http.client.HTTPException):
        return False


def test_who_waits_for_a_slot_in_vain_is_told_when_to_come_back(start: Start) -> None:
    url, _ = start(upload_slots=1, upload_patience_s=600, upload_wait_s=0.2)
    netloc = urlsplit(url).netloc
    with connected(url, SLOT_TAKER):
        refusals = []

        def is_refused() -> bool:
            connection = http.client.HTTPConnection(netloc, timeout=DEADLINE_S)
            body = HEAD + b"x\r\n--XyZ--\r\n"
            kind = {"Content-Type": "multipart/form-data; boundary=XyZ"}
            connection.request("POST", "/api/videos", body=body, headers=kind)
            answer = connection.getresponse()
            refusals.append((answer.status, answer.headers["Retry-After"], json.loads(answer.read())))
            connection.close()
            return bool(answer.status == 503)

        await_that(is_refused, DEADLINE_S)  # until the other one has the slot, it is taken
    assert refusals[-1] == (
        503,
        "5",
        {"detail": "1 uploads are in progress, and none ended within 0.2 s: try again later"},
    )


def test_an_answer_that_nobody_reads_is_given_up(start: Start, pipeline_env: dict[str, str]) -> None:
    url, process = start(read_timeout_s=1)
    assert upload(url, 40) == 201
    engine = make_engine(Settings())
    [video] = rows(engine)
    with engine.begin() as connection:
        connection.execute(text("update videos set status = 'done', processed_key = object_key"))
    engine.dispose()
    request = f"GET /api/videos/{video.id}/download HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with connected(url, request) as [client]:
        port = client.getsockname()[1]
        assert client.recv(1)
        await_that(lambda: port not in connected_ports(process.pid), DEADLINE_S)
    assert "Traceback" not in process.log.read_text()


def connected_ports(pid: int) -> set[int]:
    sockets = psutil.Process(pid).net_connections("tcp4")
    return {each.raddr.port for each in sockets if each.status == psutil.CONN_ESTABLISHED}


@pytest.mark.parametrize("sent", [b"", HALF_A_HEAD, LONG_POST + HEAD + b"x", SLOT_TAKER])
def test_a_stop_does_not_wait_for_clients(start: Start, sent: bytes) -> None:
    url, process = start(
        stop_s=8, head_timeout_s=600, upload_patience_s=600, upload_wait_s=600, upload_slots=2
    )
    with connected(url, sent, 4) as clients:
        assert http_get(url, "/api/videos") == 200
        os.kill(process.pid, signal.SIGTERM)
        answers = [heard(client) for client in clients]
        assert process._process is not None
        assert process._process.wait(DEADLINE_S) == -signal.SIGTERM
    if sent == LONG_POST + HEAD + b"x":
        assert {answer[:12] for answer in answers} == {b"HTTP/1.1 503"}
        assert all(b"the server is being stopped: send the video again" in answer for answer in answers)
    engine = make_engine(Settings())
    assert (rows(engine), objects(Settings())) == ([], [])
    engine.dispose()
    assert "Traceback" not in process.log.read_text()


def http_get(url: str, path: str) -> int:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=DEADLINE_S)
    connection.request("GET", path)
    status = connection.getresponse().status
    connection.close()
    return status


def test_an_upload_in_progress_is_finished_before_the_end(start: Start) -> None:
    url, process = start(stop_s=120, upload_patience_s=600)
    size = 100_000
    head = LONG_POST.replace(b"99999999", str(len(HEAD) + size + len(b"\r\n--XyZ--\r\n")).encode())
    with connected(url, head + HEAD + bytes(size - 1)) as [client]:
        assert http_get(url, "/api/videos") == 200
        os.kill(process.pid, signal.SIGTERM)
        await_that(lambda: not _accepts(url), DEADLINE_S)
        client.sendall(b"x\r\n--XyZ--\r\n")
        assert heard(client).startswith(b"HTTP/1.1 201")
    assert process._process is not None
    assert process._process.wait(DEADLINE_S) == -signal.SIGTERM
    [task] = tasks(Settings())
    engine = make_engine(Settings())
    assert [video.id for video in rows(engine)] == [task]
    engine.dispose()


def _accepts(url: str) -> bool:
    try:
        with connected(url, b""):
            return True
    except OSError:
        return False


@pytest.fixture
def gate(pipeline_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    with Gate(int(pipeline_env["AWS_ENDPOINT_URL_SQS"].rpartition(":")[2])) as gate:
        monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", gate.url)
        yield gate


def test_a_row_whose_message_was_never_sent_can_be_found(start: Start, gate: Gate) -> None:
    engine = make_engine(Settings())
    url, process = start()
    gate.silent = True
    with connected(url, whole_upload()):
        await_that(lambda: bool(gate.asked and rows(engine)), DEADLINE_S)
        process.kill()
    [video] = rows(engine)
    assert (video.status, video.deliveries, video.attempts) == (Status.UPLOADED, 0, 0)
    assert objects(Settings()) == [video.object_key]
    query = "select id from videos where status = 'uploaded' and uploaded_at < clock_timestamp()"
    with engine.connect() as connection:
        assert connection.execute(text(query)).scalars().all() == [video.id]
    engine.dispose()


def test_a_stop_does_not_wait_for_a_silent_queue(start: Start, gate: Gate) -> None:
    url, process = start(stop_s=1)
    gate.silent = True
    with connected(url, whole_upload()):
        await_that(lambda: bool(gate.asked), DEADLINE_S)
        os.kill(process.pid, signal.SIGTERM)
        assert process._process is not None
        assert process._process.wait(DEADLINE_S) == -signal.SIGTERM
    assert "Traceback" not in process.log.read_text()


def test_a_silent_queue_frees_the_slot_and_leaves_a_failed_row(start: Start, gate: Gate) -> None:
    url, _ = start(upload_slots=1)
    gate.silent = True
    with connected(url, whole_upload()) as [client]:
        answer = answered(client)
    assert answer.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 5" in answer
    gate.silent = False
    assert upload(url, 1) == 201
    engine = make_engine(Settings())
    failed, uploaded = rows(engine)
    assert (failed.status, uploaded.status) == (Status.FAILED, Status.UPLOADED)
    assert objects(Settings()) == [uploaded.object_key]
    engine.dispose()


def whole_upload() -> bytes:
    body = HEAD + b"x\r\n--XyZ--\r\n"
    return LONG_POST.replace(b"99999999", str(len(body)).encode()) + body
