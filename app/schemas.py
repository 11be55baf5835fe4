"""What the API says, as models."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from app.model import Status


class VideoOut(BaseModel):
    """A video and the state of its task; instants are the database's."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    status: Status
    uploaded_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    updated_at: datetime
    attempts: int
    deliveries: int
    worker: str | None
    error: str | None
    #: What is wrong with a video that is done all the same.
    warning: str | None


class VideoPage(BaseModel):
    """One page of videos, oldest first."""

    videos: list[VideoOut]
    #: Give it as ``after`` for the next page; None when this is the last.
    next: str | None


class HealthOut(BaseModel):
    """Whether each part behind the API answers: ``ok``, or the reason why not."""

    status: Literal["ok", "unavailable"]
    database: str
    storage: str
    queue: str


class Problem(BaseModel):
    """Every error but a failed validation: what is wrong and what to do."""

    detail: str


_PROBLEMS = {
    400: "The request is malformed",
    401: "API_TOKEN is set, and the request does not carry it as a bearer token",
    404: "There is no such video",
    408: "The upload came too slowly",
    409: "The video is not done",
    410: "The result was removed from the storage",
    413: "The file is longer than the limit",
    415: "Not a video, or not a multipart form",
    503: "No place for another upload, or database, storage or queue do not answer: see Retry-After",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The OpenAPI entries of these statuses."""
    return {status: {"model": Problem, "description": _PROBLEMS[status]} for status in statuses}
