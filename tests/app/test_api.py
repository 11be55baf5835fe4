"""The routes over real parts: PostgreSQL, and moto for SQS and S3."""

import base64
import json
import uuid
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.aws import s3_client, sqs_client
from app.main import make_app
from app.model import Status, Video
from app.queue import EnqueueError, TaskQueue
from app.settings import Settings
from app.storage import ObjectStream, StorageUnavailableError

DISK_FULL = """
create function full_disk() returns trigger language plpgsql
as $$ begin raise 'full' using errcode = '53100'; end $$;
create trigger full_disk before insert on videos for each row execute function full_disk();
"""
CONTENT = bytes(range(256)) * 100


def send(client: TestClient, content: bytes = CONTENT, name: str = "a.mp4", kind: str = "video/mp4") -> Any:
    return client.post("/api/videos", files={"file": (name, content, kind)})


def rows(engine: Engine) -> list[Video]:
    with Session(engine) as session:
        return list(session.query(Video).order_by(Video.uploaded_at))


def objects(settings: Settings) -> list[str]:
    listing = s3_client(settings.aws_region).list_objects_v2(Bucket=settings.aws_s3_bucket)
    return [entry["Key"] for entry in listing.get("Contents", [])]


def tasks(settings: Settings) -> list[str]:
    sqs = sqs_client(settings.aws_region)
    url = sqs.get_queue_url(QueueName=settings.sqs_queue_name)["QueueUrl"]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
    return [json.loads(base64.b64decode(message["Body"]))["headers"]["id"] for message in messages]


def seed(engine: Engine, **columns: Any) -> str:
    with Session(engine) as session, session.begin():
        video = Video(object_key="uploads/x.mp4", **columns)
        session.add(video)
        session.flush()
        return video.id


def test_an_upload_is_stored_written_down_and_enqueued(
    client: TestClient, engine: Engine, settings: Settings
) -> None:
    answer = send(client, name="Holiday.MP4")
    assert answer.status_code == 201
    video_id = answer.json()["id"]
    assert answer.headers["Location"] == f"/api/videos/{video_id}"
    key = f"uploads/{video_id}.mp4"
    body = s3_client(settings.aws_region).get_object(Bucket=settings.aws_s3_bucket, Key=key)["Body"]
    assert body.read() == CONTENT
    [video] = rows(engine)
    assert (video.id, video.object_key, video.status) == (video_id, key, Status.UPLOADED)
    assert tasks(settings) == [video_id]
    assert client.get(f"/api/videos/{video_id}").json() == answer.json()


@pytest.mark.parametrize(
    ("content", "name", "kind", "status"),
    [
        (b"", "a.mp4", "video/mp4", 400),
        (bytes(200_001), "a.mp4", "video/mp4", 413),
        (bytes(300_000), "a.mp4", "video/mp4", 413),
        (b"x", "a.txt", "video/mp4", 415),
        (b"x", "a.mp4", "text/plain", 415),
        (b"x", "noname", "application/octet-stream", 415),
    ],
)
def test_what_is_refused_leaves_nothing(
    client: TestClient, engine: Engine, settings: Settings, content: bytes, name: str, kind: str, status: int
) -> None:
    answer = send(client, content, name, kind)
    assert answer.status_code == status
    assert isinstance(answer.json()["detail"], str)
    assert (rows(engine), objects(settings), tasks(settings)) == ([], [], [])


@pytest.mark.parametrize(("name", "kind"), [("a.mov", "application/octet-stream"), ("bare", "video/webm")])
def test_either_name_or_type_may_say_that_it_is_a_video(client: TestClient, name: str, kind: str) -> None:
    assert send(client, name=name, kind=kind).status_code == 201


def test_exactly_the_limit_is_allowed(client: TestClient) -> None:
    assert send(client, bytes(200_000)).status_code == 201


def test_an_upload_that_cannot_be_enqueued_is_failed_with_the_reason(
    settings: Settings, pipeline_env: dict[str, str]
) -> None:
    lost = settings.model_copy(update={"sqs_queue_name": "no-such-queue"})
    app = make_app(lost)
    with TestClient(app) as client:
        answer = send(client)
        [video] = rows(app.state.services.engine)
        assert client.get("/api/videos?status=failed").json()["videos"][0]["id"] == video.id
    assert answer.status_code == 503
    assert "could not be enqueued" in answer.json()["detail"]
    assert answer.headers["Retry-After"] == "5"
    assert objects(settings) == []  # the client sends it again
    assert video.status == Status.FAILED
    assert "no-such-queue" in (video.error or "")
    assert video.finished_at == video.updated_at
    assert video.finished_at is not None
    assert video.finished_at > video.uploaded_at


def test_an_upload_whose_message_came_through_all_the_same_is_accepted(
    settings: Settings, pipeline_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(settings)
    engine = app.state.services.engine

    def send_and_lose_the_answer(_: TaskQueue, video_id: str) -> None:
        with engine.begin() as connection:  # a worker was quick
            connection.execute(text("update videos set status = 'processing', attempts = 1"))
        raise EnqueueError(video_id)

    monkeypatch.setattr(TaskQueue, "enqueue", send_and_lose_the_answer)
    with TestClient(app) as client:
        assert send(client).status_code == 201
        [video] = rows(engine)
    assert video.status == Status.PROCESSING
    assert objects(settings) == [video.object_key]


def test_an_upload_that_cannot_be_written_down_leaves_no_object(
    client: TestClient, engine: Engine, settings: Settings
) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(DISK_FULL)
    answer = send(client)
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the database did not answer: try again later"}
    assert (rows(engine), objects(settings), tasks(settings)) == ([], [], [])


def test_an_upload_without_storage_leaves_no_row(settings: Settings) -> None:
    app = make_app(settings.model_copy(update={"aws_s3_bucket": "no-such-bucket"}))
    with TestClient(app) as client:
        answer = send(client)
        assert rows(app.state.services.engine) == []
    assert answer.status_code == 503
    assert "storage" in answer.json()["detail"]


def test_pages_follow_one_another_without_gap_or_overlap(client: TestClient, engine: Engine) -> None:
    ids = [seed(engine, status=Status.DONE if n % 2 else Status.UPLOADED) for n in range(7)]

    def walk(query: str) -> list[list[str]]:
        pages: list[list[str]] = []
        after = ""
        while True:
            page = client.get(f"/api/videos?{query}{after}").json()
            pages.append([video["id"] for video in page["videos"]])
            if page["next"] is None:
                return pages
            after = f"&after={page['next']}"

    assert walk("limit=3") == [ids[0:3], ids[3:6], ids[6:]]
    assert walk("limit=7") == [ids]
    assert walk("limit=2&status=done") == [ids[1:5:2], ids[5:6]]
    assert walk("status=failed") == [[]]


def test_videos_of_one_instant_are_paged_by_id(client: TestClient, engine: Engine) -> None:
    ids = sorted(seed(engine) for _ in range(5))
    with engine.begin() as connection:
        connection.execute(text("update videos set uploaded_at = now()"))
    first = client.get("/api/videos?limit=3").json()
    second = client.get("/api/videos", params={"limit": 3, "after": first["next"]}).json()
    assert [video["id"] for video in first["videos"] + second["videos"]] == ids


_UUID = str(uuid.UUID(int=1))


@pytest.mark.parametrize(
    "path",
    [
        "/api/videos/nonsense",
        "/api/videos/%00",
        "/api/videos/nonsense/download",
        "/api/videos?limit=0",
        "/api/videos?limit=1001",
        "/api/videos?limit=99999999999999999999",
        "/api/videos?status=%00",
        "/api/videos?after=",
        "/api/videos?after=%00",
        "/api/videos?after=%F0%9F%98%80",
        "/api/videos?after=" + base64.urlsafe_b64encode(f"2026-01-01T00:00:00 {_UUID}".encode()).decode(),
        "/api/videos?after=" + base64.urlsafe_b64encode(b"2026-01-01T00:00:00+00:00 x").decode(),
        "/api/videos?after=" + "a" * 201,
    ],
)
def test_nonsense_is_the_clients_error(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["msg"]


@pytest.mark.parametrize("instant", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_time_are_cursors_too(client: TestClient, instant: str) -> None:
    after = base64.urlsafe_b64encode(f"{instant} {_UUID}".encode()).decode()
    assert client.get("/api/videos", params={"after": after}).status_code == 200


def test_the_result_of_a_done_video_can_be_downloaded(
    client: TestClient, engine: Engine, settings: Settings
) -> None:
    content = bytes(700_000)
    s3_client(settings.aws_region).put_object(
        Bucket=settings.aws_s3_bucket, Key="processed/a.mp4", Body=content
    )
    video_id = seed(engine, status=Status.DONE, processed_key="processed/a.mp4")
    answer = client.get(f"/api/videos/{video_id}/download")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == "700000"
    assert answer.content == content


def test_a_download_that_the_storage_breaks_is_cut_short_and_one_line(
    client: TestClient,
    engine: Engine,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    s3_client(settings.aws_region).put_object(
        Bucket=settings.aws_s3_bucket, Key="processed/a.mp4", Body=bytes(700_000)
    )
    video_id = seed(engine, status=Status.DONE, processed_key="processed/a.mp4")
    whole = ObjectStream.__next__
    left = [b"one chunk"]

    def breaks(stream: ObjectStream) -> bytes:
        if not left:
            raise StorageUnavailableError("the storage went away")
        left.pop()
        return whole(stream)

    monkeypatch.setattr(ObjectStream, "__next__", breaks)
    answer = client.get(f"/api/videos/{video_id}/download")
    assert 0 < len(answer.content) < 700_000
    [record] = [each for each in caplog.records if each.name == "app.main"]
    assert record.getMessage().endswith("/download was cut off: the storage went away")
    assert record.exc_info is None


def test_what_cannot_be_downloaded_says_why(client: TestClient, engine: Engine) -> None:
    failed = seed(engine, status=Status.FAILED, error="ffmpeg: no video stream")
    lost = seed(engine, status=Status.DONE, processed_key="processed/lost.mp4")
    answers = [
        client.get(f"/api/videos/{video_id}/download")
        for video_id in (seed(engine), failed, lost, uuid.UUID(int=1))
    ]
    assert [answer.status_code for answer in answers] == [409, 409, 410, 404]
    assert "uploaded" in answers[0].json()["detail"]
    assert "no video stream" in answers[1].json()["detail"]
    assert "removed" in answers[2].json()["detail"]
    assert client.get(f"/api/videos/{uuid.UUID(int=1)}").status_code == 404


def test_a_token_guards_everything_but_health(settings: Settings) -> None:
    guarded = make_app(Settings(api_token="s3cret-ü"))
    with TestClient(guarded) as client:
        assert client.get("/api/health").status_code == 200
        for path in ("/api/videos", f"/api/videos/{_UUID}", f"/api/videos/{_UUID}/download", "/openapi.json"):
            answer = client.get(path)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert "token" in answer.json()["detail"]
        assert send(client).status_code == 401
        for wrong in (b"Bearer wrong", b"s3cret-\xc3\xbc", b"Bearer ", b"\xff"):
            assert client.get("/api/videos", headers={b"Authorization": wrong}).status_code == 401
        right = {b"Authorization": "Bearer s3cret-ü".encode()}
        assert client.get("/api/videos", headers=right).status_code == 200


def test_an_empty_token_is_none(settings: Settings) -> None:
    with TestClient(make_app(Settings(api_token=""))) as client:
        assert client.get("/api/videos").status_code == 200


def test_openapi_says_what_the_api_does(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    assert set(paths) == {
        "/api/health",
        "/api/videos",
        "/api/videos/{video_id}",
        "/api/videos/{video_id}/download",
    }
    upload = paths["/api/videos"]["post"]
    assert "multipart/form-data" in upload["requestBody"]["content"]
    assert set(upload["responses"]) >= {"201", "400", "408", "413", "415", "503"}
    download = paths["/api/videos/{video_id}/download"]["get"]["responses"]
    assert set(download) >= {"200", "404", "409", "410", "422", "503"}
    assert set(download["200"]["content"]) == {"video/mp4"}


def test_everything_but_sqs_works_from_a_folder(settings: Settings, api: FastAPI, tmp_path: Any) -> None:
    local = settings.model_copy(update={"storage_backend": "local", "local_storage_dir": tmp_path / "files"})
    with TestClient(make_app(local)) as client:
        video_id = send(client).json()["id"]
        assert client.get("/api/health").json()["storage"] == "ok"
    assert (tmp_path / "files" / "uploads" / f"{video_id}.mp4").read_bytes() == CONTENT
    assert objects(settings) == []
