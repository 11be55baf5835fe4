"""Health neither hammers its parts nor hangs with them."""

import asyncio
import threading

import pytest
from fastapi.testclient import TestClient

from app import health
from app.health import Health
from app.main import make_app
from app.settings import Settings
from perf.deploy.postgres import PostgresServer


class Part:
    """A part that counts the questions, and may hang or break."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False
        self.answers = threading.Event()
        self.answers.set()

    def __call__(self) -> None:
        self.asked += 1
        assert self.answers.wait(30)
        if self.broken:
            raise ConnectionError


def test_many_questions_are_one_until_the_answer_is_old() -> None:
    now_s, part = [100.0], Part()

    async def run() -> None:
        state = Health({"part": part}, clock=lambda: now_s[0])
        await asyncio.gather(*(state.answer() for _ in range(20)))
        now_s[0] += 0.99
        assert await state.answer() == {"part": "ok"}
        assert part.asked == 1
        part.broken = True
        now_s[0] += 0.01
        assert await state.answer() == {"part": "ConnectionError"}

    asyncio.run(run())
    assert part.asked == 2


def test_a_part_that_hangs_is_told_and_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PART_TIMEOUT_S", 0.02)
    monkeypatch.setattr(health, "TTL_S", 0.0)
    hung = Part()
    hung.answers.clear()

    async def run() -> None:
        state = Health({"hung": hung})
        for _ in range(3):
            assert (await state.answer())["hung"] == "no answer within 0.02 s"
        assert hung.asked == 1
        monkeypatch.setattr(health, "PART_TIMEOUT_S", 30.0)
        hung.answers.set()
        assert await state.answer() == {"hung": "ok"}

    asyncio.run(run())


def test_all_well_is_200(client: TestClient) -> None:
    answer = client.get("/api/health")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "database": "ok", "storage": "ok", "queue": "ok"}


def test_a_lost_database_is_503_everywhere(
    client: TestClient, postgres: PostgresServer, pipeline_env: dict[str, str]
) -> None:
    postgres.drop_database(pipeline_env["DATABASE_URL"].rpartition("/")[2])
    answers = [client.get("/api/health"), client.get("/api/videos")]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert answers[0].json()["database"] == "OperationalError"
    assert answers[1].json() == {"detail": "the database did not answer: try again later"}
    assert answers[1].headers["Retry-After"]


def test_what_is_lost_is_named_with_503(settings: Settings) -> None:
    lost = settings.model_copy(update={"aws_s3_bucket": "no-such-bucket", "sqs_queue_name": "no-such-queue"})
    with TestClient(make_app(lost)) as client:
        answer = client.get("/api/health")
    assert answer.status_code == 503
    assert answer.json() == {
        "status": "unavailable",
        "database": "ok",
        "storage": "StorageUnavailableError",
        "queue": "EnqueueError",
    }
