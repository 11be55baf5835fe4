"""How long the web tier waits, and for how many: what it reads from the environment for itself alone."""

from __future__ import annotations

from functools import lru_cache

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WebLimits(BaseSettings):
    """The web tier's bounds, each as ``WEB_...`` in the environment; parsed once, then frozen.

    The defaults hold together: who is too slow gives its place up (15 s) before those who wait for one
    give up (20 s), and a stop is over (20 s) before an orchestrator kills (ECS: 30 s).
    """

    model_config = SettingsConfigDict(
        env_prefix="web_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    #: Uploads in progress at once in one process.
    upload_slots: int = Field(default=16, ge=1, le=256)
    #: How long an upload waits for one of them before it is answered 503.
    upload_wait_s: float = Field(default=20, gt=0, le=600)
    #: How long the client of an upload may owe bytes. Bytes at the rate below earn the time back.
    upload_patience_s: float = Field(default=15, gt=0, le=600)
    #: The least rate; 64 kbit/s, what the slowest of today's links carry.
    upload_min_bytes_per_s: int = Field(default=8192, ge=1)
    #: How long a client may take for the head of a request, and for the rest of a body nobody wants.
    head_timeout_s: float = Field(default=10, gt=0, le=600)
    #: How long a client may leave an answer unread.
    read_timeout_s: float = Field(default=60, gt=0, le=3600)
    #: How long a process goes on after SIGTERM; uploads may use half of it to come to their end.
    stop_s: int = Field(default=20, ge=1, le=600)
    #: How long a starting process goes on asking for its database.
    startup_timeout_s: float = Field(default=15, gt=0, le=600)


@lru_cache
def get_limits() -> WebLimits:
    """The process's limits.

    Raises:
        pydantic.ValidationError: naming each variable that makes no sense.
    """
    return WebLimits()
