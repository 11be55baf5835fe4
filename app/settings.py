"""What the pipeline reads from the environment, under the names its users already have."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

MIB = 1024 * 1024


class Settings(BaseSettings):
    """Settings shared by the web tier, the worker and the suite; parsed once, then frozen.

    Endpoints and credentials are not here: boto3's own variables name them
    (``AWS_ENDPOINT_URL_SQS``, ``AWS_ENDPOINT_URL_S3``, ``AWS_PROFILE`` and so on).
    """

    # Without their input: pydantic quotes the environment in its errors, and so the database's password.
    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    database_url: SecretStr
    aws_region: str = Field(default="us-east-1", min_length=1)
    aws_s3_bucket: str = ""
    s3_upload_prefix: str = "uploads"
    s3_processed_prefix: str = "processed"
    s3_delete_original: bool = False
    sqs_queue_name: str = Field(min_length=1)
    storage_backend: Literal["s3", "local"] = "s3"
    local_storage_dir: Path = Path("storage")
    api_token: SecretStr | None = None
    max_upload_bytes: int = Field(default=1024 * MIB, gt=0)

    @field_validator("s3_upload_prefix", "s3_processed_prefix")
    @classmethod
    def _bare_prefix(cls, value: str) -> str:
        return value.strip("/")

    @model_validator(mode="after")
    def _two_places(self) -> Self:
        """A result must not take the place of its original, nor be deleted for it."""
        if self.s3_upload_prefix == self.s3_processed_prefix:
            raise ValueError(
                f"S3_UPLOAD_PREFIX and S3_PROCESSED_PREFIX are both {self.s3_upload_prefix!r}: "
                "a result would overwrite its original; name two"
            )
        return self

    @property
    def sqlalchemy_url(self) -> str:
        """DATABASE_URL with the driver named; ``postgres://`` is accepted as well.

        Raises:
            ValueError: it is not the URL of a PostgreSQL database; no part of it is told.
        """
        url = self.database_url.get_secret_value()
        scheme, _, rest = url.partition("://")
        if scheme in ("postgres", "postgresql"):
            url = f"postgresql+psycopg2://{rest}"
        try:
            is_ours = make_url(url).get_backend_name() == "postgresql"
        except (ArgumentError, ValueError):  # what they say may quote the password
            is_ours = False
        if not is_ours:
            raise ValueError(
                "DATABASE_URL is not the URL of a PostgreSQL database; expected "
                "postgresql://USER:PASSWORD@HOST:PORT/NAME"
            ) from None
        return url

    def upload_key(self, name: str) -> str:
        """The storage key of an original."""
        return f"{self.s3_upload_prefix}/{name}".lstrip("/")

    def processed_key(self, video_id: str) -> str:
        """The storage key of the result; fixed by the id, so that a second run overwrites it."""
        return f"{self.s3_processed_prefix}/{video_id}.mp4".lstrip("/")


@lru_cache
def get_settings() -> Settings:
    """The process's settings.

    Raises:
        pydantic.ValidationError: naming each variable that is missing or makes no sense.
    """
    return Settings()
