"""What only the worker reads from the environment."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from worker.ffmpeg_words import length_is_kept, seconds

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

    #: What this worker calls the machine it runs on, in its reports and in the rows of its tasks. Several
    #: workers on one host may stand for several nodes.
    worker_node: str = Field(default_factory=socket.gethostname, pattern=r"^[^/\s]+$")
    worker_concurrency: int = Field(default=1, ge=1, le=256)
    #: The pause after an empty poll: it matters where an endpoint does not wait before it answers.
    worker_polling_interval_s: float = Field(default=0.05, gt=0, le=10)
    #: How long SQS may hold a ReceiveMessage open; 20 is the service's limit.
    worker_wait_time_s: int = Field(default=10, ge=1, le=20)
    #: How much longer than the long poll a silent connection is trusted.
    worker_receive_grace_s: float = Field(default=10, gt=0, le=60)
    #: How long a starting worker goes on asking for its queue.
    worker_startup_timeout_s: float = Field(default=60, gt=0)
    #: How long a received message stays hidden when its worker is gone; a worker that lives renews it.
    worker_visibility_timeout_s: int = Field(default=30, ge=1, le=43200)
    #: How long it stays hidden altogether, for a process may hang. 12 h is SQS's limit.
    worker_held_at_most_s: int = Field(default=7200, ge=1, le=43200)
    #: After SIGTERM, how long tasks may go on; then they are cut short and their messages given back. To be a
    #: little less than what whoever stops workers waits before SIGKILL: 30 s on ECS.
    worker_stop_timeout_s: float = Field(default=25, ge=0, le=3600)
    #: How often a video is tried. Faults of the storage, the disk and the database do not count.
    worker_max_attempts: int = Field(default=3, ge=1)
    #: How long a process of the pool keeps a message while storage, disk or database fail it. Ten
    #: times as long where it has but to write down how its attempt ended.
    worker_patience_s: float = Field(default=60, ge=0, le=3600)
    #: How long after its upload a video is given up when such a fault meets it.
    worker_give_up_after_s: float = Field(default=86_400, gt=0)
    #: How long nothing happened to a video that has no message before `worker.sweep` sends it again.
    worker_resend_after_s: float = Field(default=60, gt=0)
    ffmpeg: Path = Field(default_factory=find_ffmpeg)
    ffmpeg_args: Annotated[tuple[str, ...], NoDecode] = Field(default=tuple(shlex.split(DEFAULT_FFMPEG_ARGS)))
    #: ffmpeg's deadline: so many seconds for each second that it makes, but no less and no more than these.
    ffmpeg_timeout_per_s: float = Field(default=10, gt=0)
    ffmpeg_timeout_least_s: float = Field(default=60, gt=0)
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

    @property
    def cut_s(self) -> float | None:
        """Where FFMPEG_ARGS cut the result by ``-t``; None where they do not, or in a way not read here."""
        for name, value in pairwise(self.ffmpeg_args):
            if name == "-t":
                return seconds(value)
        return None

    @property
    def length_is_kept(self) -> bool:
        """Whether a result has the original's length, up to `cut_s`; else a short one tells nothing."""
        unread = "-t" in self.ffmpeg_args and self.cut_s is None
        return length_is_kept(self.ffmpeg_args) and not unread

    @property
    def end_patience_s(self) -> float:
        """How long the end of an attempt is tried to be written down.

        An attempt whose end is not known is made again, and counts as if its worker had died.
        """
        return 10 * self.worker_patience_s

    @property
    def longest_s(self) -> float:
        """What a task may last, when ffmpeg needs all its time and each of its steps all its patience."""
        patience_s = 4 * self.worker_patience_s + self.end_patience_s
        return min(self.ffmpeg_timeout_s + patience_s, self.worker_held_at_most_s)

    def ffmpeg_limit_s(self, length_s: float | None, *, opened: bool) -> float:
        """How long ffmpeg may take.

        Args:
            length_s: the original's length, None where that is not known.
            opened: ffmpeg has told what the original is; before it has, only the least time is given.
        """
        lengths = [each for each in (length_s, self.cut_s) if each is not None]
        if opened and not lengths:
            return self.ffmpeg_timeout_s
        long_s = self.ffmpeg_timeout_per_s * min(lengths) if opened else 0.0
        return min(self.ffmpeg_timeout_s, max(self.ffmpeg_timeout_least_s, long_s))

    @model_validator(mode="after")
    def _held_for_three_runs(self) -> Self:
        if self.worker_held_at_most_s < 3 * self.ffmpeg_timeout_s:
            raise ValueError(
                f"WORKER_HELD_AT_MOST_S={self.worker_held_at_most_s} is less than 3 x "
                f"FFMPEG_TIMEOUT_S={self.ffmpeg_timeout_s:g}: a slow task would be delivered twice; "
                "raise the first or lower the second"
            )
        if self.worker_held_at_most_s < self.worker_visibility_timeout_s:
            raise ValueError(
                f"WORKER_HELD_AT_MOST_S={self.worker_held_at_most_s} is less than "
                f"WORKER_VISIBILITY_TIMEOUT_S={self.worker_visibility_timeout_s}: raise the first or lower "
                "the second"
            )
        return self


@lru_cache
def get_worker_settings() -> WorkerSettings:
    """The process's settings.

    Raises:
        pydantic.ValidationError: naming each variable that makes no sense.
    """
    return WorkerSettings()
