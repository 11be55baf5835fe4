"""Both storages hold the same contract; S3 is moto's, in a process of its own."""

import gc
import io
from itertools import count
from pathlib import Path

import pytest

from app import pace
from app.aws import s3_client
from app.settings import MIB, Settings
from app.storage import (
    LocalStorage,
    ObjectMissingError,
    ObjectTooLargeError,
    S3Storage,
    Storage,
    StorageConfigError,
    StorageUnavailableError,
    make_storage,
)


@pytest.fixture(params=["s3", "local"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "local":
        return LocalStorage(tmp_path / "objects")
    env = request.getfixturevalue("pipeline_env")
    return S3Storage(env["AWS_S3_BUCKET"], "us-east-1")


class Endless:
    """Zeros, until it breaks."""

    def __init__(self, breaks_after: int) -> None:
        self.left = breaks_after

    def read(self, size: int = -1, /) -> bytes:
        if self.left <= 0:
            raise ZeroDivisionError
        self.left -= size
        return bytes(size)


def test_what_goes_in_comes_out(storage: Storage, tmp_path: Path) -> None:
    content = bytes(range(256)) * 40 * 1024  # 10 MiB: more than one part of a multipart upload
    assert storage.upload_stream("uploads/a.mp4", io.BytesIO(content), max_bytes=len(content)) == len(content)
    storage.download_to("uploads/a.mp4", tmp_path / "a.mp4")
    storage.upload_from(tmp_path / "a.mp4", "processed/a.mp4", "video/mp4")
    stream = storage.open_read("processed/a.mp4")
    assert stream.size_bytes == storage.size("processed/a.mp4") == len(content)
    assert b"".join(stream) == content


# s3transfer leaves a file open for the collector where a callback raises while it closes it.
@pytest.mark.filterwarnings("ignore:.*unclosed file:ResourceWarning")
@pytest.mark.filterwarnings("ignore:.*FileIO:pytest.PytestUnraisableExceptionWarning")
def test_a_transfer_that_crawls_is_given_up_and_leaves_nothing(
    pipeline_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = S3Storage(pipeline_env["AWS_S3_BUCKET"], "us-east-1")
    storage.upload_stream("uploads/a.mp4", io.BytesIO(bytes(MIB)), max_bytes=MIB)
    (tmp_path / "b.mp4").write_bytes(bytes(MIB))
    monkeypatch.setattr(pace, "GRACE_S", 0.0)
    monkeypatch.setattr(pace, "LEAST_BYTES_PER_S", 10**12)
    with pytest.raises(StorageUnavailableError, match="it crawls"):
        storage.download_to("uploads/a.mp4", tmp_path / "a.mp4")
    with pytest.raises(StorageUnavailableError, match="it crawls"):
        storage.upload_from(tmp_path / "b.mp4", "processed/b.mp4", "video/mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["b.mp4"]
    assert not storage.exists("processed/b.mp4")
    gc.collect()


def test_the_pace_of_a_transfer() -> None:
    """By hand: 20 kB/s after the first 30 s, on the average."""
    clock = iter([0.0, 29.9, 31.0, 50.0, 230.0, 231.0])
    transfer = pace.Pace(lambda: next(clock))
    for size in (0, 20_000, 380_000, 3_600_000):
        transfer(size)
    with pytest.raises(pace.TooSlowError, match="4000001 bytes in 231 s"):
        transfer(1)


def test_without_a_prefix_a_key_is_a_bare_name() -> None:
    """One that began with a slash would lead out of a local folder."""
    settings = Settings(
        database_url="postgresql://h/x", sqs_queue_name="q", storage_backend="local", s3_upload_prefix=""
    )  # type: ignore[arg-type]
    assert (settings.upload_key("a.mp4"), settings.processed_key("a")) == ("a.mp4", "processed/a.mp4")


def test_deleting_twice_is_deleting_once(storage: Storage) -> None:
    storage.upload_stream("a", io.BytesIO(b"x"), max_bytes=1)
    assert storage.exists("a")
    storage.delete("a")
    storage.delete("a")
    assert not storage.exists("a")


def test_a_missing_object_is_told_apart(storage: Storage, tmp_path: Path) -> None:
    for call in (
        lambda: storage.size("none"),
        lambda: storage.open_read("none"),
        lambda: storage.download_to("none", tmp_path / "none"),
    ):
        with pytest.raises(ObjectMissingError, match="none"):
            call()
    assert not (tmp_path / "none").exists()


def test_a_stream_past_its_limit_leaves_nothing(storage: Storage) -> None:
    with pytest.raises(ObjectTooLargeError, match="9437184 bytes"):
        storage.upload_stream("big", Endless(breaks_after=100 * MIB), max_bytes=9 * MIB)
    assert not storage.exists("big")


def test_a_source_that_breaks_ends_the_upload(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError):
        storage.upload_stream("broken", Endless(breaks_after=20 * MIB), max_bytes=100 * MIB)
    assert not storage.exists("broken")


def test_a_broken_upload_leaves_no_parts_in_the_bucket(pipeline_env: dict[str, str]) -> None:
    bucket = pipeline_env["AWS_S3_BUCKET"]
    with pytest.raises(ZeroDivisionError):
        S3Storage(bucket, "us-east-1").upload_stream("broken", Endless(20 * MIB), max_bytes=100 * MIB)
    assert "Uploads" not in s3_client("us-east-1").list_multipart_uploads(Bucket=bucket)


def test_an_object_that_is_replaced_while_it_is_read_is_a_passing_fault(
    pipeline_env: dict[str, str], tmp_path: Path
) -> None:
    """One part is the first one's, the next would be another's: boto3 says so in an error of no family."""
    size = 9 * MIB
    storage, another = (S3Storage(pipeline_env["AWS_S3_BUCKET"], "us-east-1") for _ in range(2))
    storage.upload_stream("uploads/a.mp4", io.BytesIO(bytes(size)), size)
    asked = count(1)

    def replace(**_: object) -> None:
        if next(asked) == 2:
            another.upload_stream("uploads/a.mp4", io.BytesIO(b"x" * size), size)

    storage._client.meta.events.register("before-call.s3.GetObject", replace)
    with pytest.raises(StorageUnavailableError, match="download s3://"):
        storage.download_to("uploads/a.mp4", tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())
    storage.download_to("uploads/a.mp4", tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"x" * size


def test_a_missing_bucket_is_a_fault_and_not_a_missing_object(pipeline_env: dict[str, str]) -> None:
    storage = S3Storage("no-such-bucket", "us-east-1")
    for call in (storage.check, lambda: storage.size("a"), lambda: storage.open_read("a")):
        with pytest.raises(StorageUnavailableError, match="no-such-bucket"):
            call()


def test_check_passes_on_what_works(storage: Storage) -> None:
    storage.check()


def test_a_lost_folder_is_unavailable(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "objects")
    (tmp_path / "objects").rmdir()
    with pytest.raises(StorageUnavailableError, match="objects"):
        storage.check()


@pytest.mark.parametrize("key", ["", ".", "../a", "a/../../b", "/etc/passwd", "a\0b"])
def test_no_key_leaves_the_folder(tmp_path: Path, key: str) -> None:
    storage = LocalStorage(tmp_path / "objects")
    with pytest.raises(StorageConfigError, match="names no file"):
        storage.upload_stream(key, io.BytesIO(b"x"), max_bytes=1)


def test_a_link_does_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "objects")
    (tmp_path / "objects" / "link").symlink_to(tmp_path)
    with pytest.raises(StorageConfigError, match="names no file"):
        storage.delete("link/a")


def test_the_settings_choose(pipeline_env: dict[str, str], tmp_path: Path) -> None:
    assert isinstance(make_storage(Settings()), S3Storage)
    local = Settings(storage_backend="local", local_storage_dir=tmp_path / "x", aws_s3_bucket="")
    assert isinstance(make_storage(local), LocalStorage)
    with pytest.raises(StorageConfigError, match="AWS_S3_BUCKET is empty"):
        make_storage(Settings(aws_s3_bucket=""))
