"""What only the worker reads from the environment."""

from __future__ import annotations

import os
import shlex
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

#: The first 30 s as 720p H.264 with the index in front, so that playing can begin at once.
DEFAULT_FFMPEG_ARGS = (
    "-t 30 -vf scale=1280:720 -c:v libx264 -preset veryfast -crf 23 -c:a aac -movflags +faststart"
)


def find_ffmpeg() -> Path:
    """PATH's ffmpeg, else the one of the wheel.

    Raises:
        ValueError: there is neither.
    """
    if found := shutil.which("ffmpeg"):
        return Path(found)
    try:
        import imageio_ffmpeg  # noqa: PLC0415 - only where PATH has none

        return Path(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError) as error:
        raise ValueError(
            "no ffmpeg on PATH: install it, or pip install imageio-ffmpeg, or set FFMPEG"
        ) from error


class WorkerSettings(BaseSettings):
    """The worker's settings; parsed once, then frozen."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    worker_concurrency: int = Field(default=1, ge=1, le=256)
    #: The pause after an empty poll and between looks at a full prefetch. 0 would starve the event loop.
    worker_polling_interval_s: float = Field(default=0.05, gt=0, le=10)
    #: How long SQS may hold a ReceiveMessage open; 20 is the service's limit.
    worker_wait_time_s: int = Field(default=10, ge=1, le=20)
    #: How much longer than the long poll a silent connection is trusted.
    worker_receive_grace_s: float = Field(default=10, gt=0, le=60)
    #: How long a starting worker goes on asking for its queue.
    worker_startup_timeout_s: float = Field(default=60, gt=0)
    #: For whoever creates the queue. Nothing extends it while a task runs, hence the factor of 3.
    worker_visibility_timeout_s: int = Field(default=1800, ge=1, le=43200)
    worker_max_attempts: int = Field(default=3, ge=1)
    ffmpeg: Path = Field(default_factory=find_ffmpeg)
    ffmpeg_args: Annotated[tuple[str, ...], NoDecode] = Field(default=tuple(shlex.split(DEFAULT_FFMPEG_ARGS)))
    ffmpeg_timeout_s: float = Field(default=600, gt=0)

    @field_validator("ffmpeg_args", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(shlex.split(value)) if isinstance(value, str) else value

    @field_validator("ffmpeg")
    @classmethod
    def _executable(cls, value: Path) -> Path:
        found = shutil.which(value)
        if found is None or not os.access(found, os.X_OK):
            raise ValueError(f"{value} is not a program that can be run")
        return Path(found)

    @model_validator(mode="after")
    def _visible_after_three_runs(self) -> Self:
        if self.worker_visibility_timeout_s < 3 * self.ffmpeg_timeout_s:
            raise ValueError(
                f"WORKER_VISIBILITY_TIMEOUT_S={self.worker_visibility_timeout_s} is less than 3 x "
                f"FFMPEG_TIMEOUT_S={self.ffmpeg_timeout_s:g}: a slow task would be delivered twice; "
                "raise the first or lower the second"
            )
        return self


@lru_cache
def get_worker_settings() -> WorkerSettings:
    """The process's settings.

    Raises:
        pydantic.ValidationError: naming each variable that makes no sense.
    """
    return WorkerSettings()
