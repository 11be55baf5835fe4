"""Where the files are: S3 or a local folder, behind one interface that the web tier and the worker share.

StorageError
├── ObjectMissingError        there is no object of that key; trying again will not help
├── ObjectTooLargeError       a stream went past its limit; nothing of it was kept
├── StorageUnavailableError   a passing fault: network, endpoint, bucket or disk; trying again may help
└── StorageConfigError        the settings or a key make no sense
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Protocol, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from s3transfer.exceptions import S3DownloadFailedError

from app.aws import Waits, s3_client
from app.pace import Pace
from app.settings import MIB, Settings

CHUNK_BYTES = MIB // 4

#: The last but one: an object that was replaced while it was read.
_FAULTS = (BotoCoreError, Boto3Error, ResponseParserError, S3DownloadFailedError, OSError)


class StorageError(Exception):
    """The root of what a storage raises on purpose."""


class ObjectMissingError(StorageError):
    """There is no object of that key."""


class ObjectTooLargeError(StorageError):
    """The stream is longer than its limit."""


class StorageUnavailableError(StorageError):
    """The storage did not answer, or refused; the same call may succeed later."""


class StorageConfigError(StorageError, ValueError):
    """A setting or a key that no storage could serve."""


class Readable(Protocol):
    """All that an upload asks of its source; it need not be seekable."""

    def read(self, size: int = -1, /) -> bytes:
        """At most *size* bytes; empty at the end."""
        ...


class _Body(Readable, Protocol):
    def close(self) -> None: ...


class ObjectStream(Iterator[bytes]):
    """An object being read: chunks of at most CHUNK_BYTES, and its size when it was opened."""

    def __init__(self, source: _Body, size_bytes: int, key: str) -> None:
        self.size_bytes = size_bytes
        self._source = source
        self._key = key

    def __next__(self) -> bytes:
        with _faults("read", self._key):
            chunk = self._source.read(CHUNK_BYTES)
        if not chunk:
            self.close()
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Give the connection or the file back; may be called more than once."""
        self._source.close()


class Storage(Protocol):
    """Objects by key. Every method may raise StorageUnavailableError."""

    def download_to(self, key: str, path: Path) -> None:
        """Copy the object to *path*; a failure leaves nothing there. Raises ObjectMissingError."""

    def upload_from(self, path: Path, key: str, content_type: str) -> None:
        """Copy the file at *path* to the object, which appears whole or not at all."""

    def upload_stream(self, key: str, fileobj: Readable, max_bytes: int) -> int:
        """Copy *fileobj* to the object in bounded memory, and return its size in bytes.

        The object appears whole or not at all; what *fileobj* raises ends the upload and is raised on
        (an OSError as StorageUnavailableError).

        Raises:
            ObjectTooLargeError: there were more than *max_bytes*.
        """
        ...

    def open_read(self, key: str) -> ObjectStream:
        """Open the object for reading by chunks. Raises ObjectMissingError."""
        ...

    def delete(self, key: str) -> None:
        """Remove the object; one that is not there is removed already."""

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""
        ...

    def size(self, key: str) -> int:
        """The object's size in bytes. Raises ObjectMissingError."""
        ...

    def check(self) -> None:
        """Ask the storage for the cheapest answer it has."""


def make_storage(settings: Settings, waits: Waits | None = None) -> Storage:
    """The storage that the settings name; *waits* where somebody waits for S3's answers.

    Raises:
        StorageConfigError: S3 without a bucket, or a local folder that cannot be made.
    """
    if settings.storage_backend == "local":
        return LocalStorage(settings.local_storage_dir)
    if not settings.aws_s3_bucket:
        raise StorageConfigError("AWS_S3_BUCKET is empty: name a bucket, or set STORAGE_BACKEND=local")
    return S3Storage(settings.aws_s3_bucket, settings.aws_region, waits)


class S3Storage:
    """Objects of one bucket, by boto3's managed transfers."""

    def __init__(self, bucket: str, region: str, waits: Waits | None = None) -> None:
        self._bucket = bucket
        self._client = s3_client(region, waits)
        self._transfer = TransferConfig(max_concurrency=4, preferred_transfer_client="classic")
        self._streaming = TransferConfig(max_concurrency=2, preferred_transfer_client="classic")
        # One part of 8 MiB is sent while the next is read; the default of 10 would be 80 MiB an upload.
        self._streaming.max_in_memory_upload_chunks = 2

    def download_to(self, key: str, path: Path) -> None:
        """See Storage; the transfer writes a temporary file beside *path* and renames it."""
        with self._faults("download", key):
            self._client.download_file(self._bucket, key, str(path), Callback=Pace(), Config=self._transfer)

    def upload_from(self, path: Path, key: str, content_type: str) -> None:
        """See Storage."""
        extra = {"ContentType": content_type}
        with self._faults("upload", key):
            self._client.upload_file(
                str(path), self._bucket, key, ExtraArgs=extra, Callback=Pace(), Config=self._transfer
            )

    def upload_stream(self, key: str, fileobj: Readable, max_bytes: int) -> int:
        """See Storage; an upload that fails is aborted, so no parts of it stay."""
        source = _Limited(fileobj, max_bytes)
        with self._faults("upload", key):
            self._client.upload_fileobj(cast("IO[bytes]", source), self._bucket, key, Config=self._streaming)
        return source.total_bytes

    def open_read(self, key: str) -> ObjectStream:
        """See Storage."""
        with self._faults("open", key):
            answer = self._client.get_object(Bucket=self._bucket, Key=key)
        return ObjectStream(answer["Body"], answer["ContentLength"], key)

    def delete(self, key: str) -> None:
        """See Storage."""
        with self._faults("delete", key):
            self._client.delete_object(Bucket=self._bucket, Key=key)

    def exists(self, key: str) -> bool:
        """See Storage."""
        try:
            self.size(key)
        except ObjectMissingError:
            return False
        return True

    def size(self, key: str) -> int:
        """See Storage."""
        with self._faults("look up", key):
            return self._client.head_object(Bucket=self._bucket, Key=key)["ContentLength"]

    def check(self) -> None:
        """See Storage."""
        try:
            with _faults("reach", self._bucket):
                self._client.head_bucket(Bucket=self._bucket)
        except ObjectMissingError as error:
            raise StorageUnavailableError(f"there is no bucket {self._bucket}: create it") from error

    @contextmanager
    def _faults(self, action: str, key: str) -> Generator[None]:
        """As _faults; a missing bucket, which HEAD cannot tell from a missing object, is a passing fault."""
        try:
            with _faults(action, f"s3://{self._bucket}/{key}"):
                yield
        except ObjectMissingError:
            self.check()
            raise


class LocalStorage:
    """Objects as files under one folder, for a single machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        try:
            self._root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageConfigError(f"LOCAL_STORAGE_DIR={root} cannot be made: {error}") from error

    def download_to(self, key: str, path: Path) -> None:
        """See Storage."""
        with _faults("download", key), _whole(path) as temporary:
            shutil.copyfile(self._existing(key), temporary)

    def upload_from(self, path: Path, key: str, content_type: str) -> None:  # noqa: ARG002 - files have none
        """See Storage."""
        with _faults("upload", key), _whole(self._path(key)) as temporary:
            shutil.copyfile(path, temporary)

    def upload_stream(self, key: str, fileobj: Readable, max_bytes: int) -> int:
        """See Storage."""
        source = _Limited(fileobj, max_bytes)
        with _faults("upload", key), _whole(self._path(key)) as temporary, temporary.open("wb") as target:
            while chunk := source.read(CHUNK_BYTES):
                target.write(chunk)
        return source.total_bytes

    def open_read(self, key: str) -> ObjectStream:
        """See Storage."""
        with _faults("open", key):
            source = self._existing(key).open("rb")
            return ObjectStream(source, os.fstat(source.fileno()).st_size, key)

    def delete(self, key: str) -> None:
        """See Storage."""
        with _faults("delete", key):
            self._path(key).unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        """See Storage."""
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        """See Storage."""
        with _faults("look up", key):
            return self._existing(key).stat().st_size

    def check(self) -> None:
        """See Storage."""
        if not os.access(self._root, os.R_OK | os.W_OK | os.X_OK):
            raise StorageUnavailableError(f"{self._root} is not a folder to read and write: look at its mode")

    def _existing(self, key: str) -> Path:
        path = self._path(key)
        if not path.is_file():
            raise ObjectMissingError(f"there is no object {key} in {self._root}")
        return path

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve() if "\0" not in key else self._root
        if path == self._root or not path.is_relative_to(self._root):
            raise StorageConfigError(f"the key {key!r} names no file inside {self._root}")
        return path


class _Limited:
    """A source that counts, and refuses to go past a limit."""

    def __init__(self, source: Readable, max_bytes: int) -> None:
        self._source = source
        self._max_bytes = max_bytes
        self.total_bytes = 0

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._source.read(size)
        self.total_bytes += len(chunk)
        if self.total_bytes > self._max_bytes:
            raise ObjectTooLargeError(f"the stream is longer than the limit of {self._max_bytes} bytes")
        return chunk


@contextmanager
def _whole(path: Path) -> Generator[Path]:
    """A temporary name beside *path*, renamed to it at the end: a reader sees the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _faults(action: str, what: str) -> Generator[None]:
    """Name the faults of boto3 and of the file system in this module's own words."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in ("404", "NoSuchKey"):
            raise ObjectMissingError(f"tried to {action} {what}: there is no such object") from error
        raise StorageUnavailableError(f"tried to {action} {what}: {error}") from error
    except _FAULTS as error:
        raise StorageUnavailableError(f"tried to {action} {what}: {error}") from error
