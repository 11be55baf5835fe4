"""The API's routes: each reads the request, calls one function and shapes the answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from typing import Annotated
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from starlette.concurrency import iterate_in_threadpool

from app.health import Health
from app.intake import Intake
from app.model import Status, Video
from app.schemas import HealthOut, VideoOut, VideoPage, problems
from app.storage import ObjectMissingError, ObjectStream, Storage, StorageError
from app.upload_body import MAX_OTHER_BYTES, BlockingReader, FilePart, UploadRefusedError
from app.uploads import Uploads, video_suffix
from app.videos import Cursor, CursorError, get_video, list_videos

_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


class CutShortError(Exception):
    """An answer that has begun cannot be ended; its connection is closed, which tells the client."""


@dataclass(frozen=True)
class Services:
    """What the routes call; made once for the app."""

    engine: Engine
    storage: Storage
    uploads: Uploads
    health: Health
    max_upload_bytes: int
    intake: Intake
    #: The threads of uploads, as many as there are slots; those of the other routes are not theirs to take.
    upload_threads: CapacityLimiter


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


#: So much of a file comes before its upload takes a slot: a client that is too slow for that never gets one.
HEAD_START_BYTES = 64 * 1024

InServices = Annotated[Services, Depends(_services)]

health_router = APIRouter(prefix="/api", tags=["health"])
videos_router = APIRouter(prefix="/api/videos", tags=["videos"], responses=problems(503))


@health_router.get("/health", responses={503: {"model": HealthOut}})
async def health(services: InServices, response: Response) -> HealthOut:
    """Whether database, storage and queue answer; at most a second old."""
    parts = await services.health.answer()
    well = all(state == "ok" for state in parts.values())
    response.status_code = 200 if well else 503
    return HealthOut(status="ok" if well else "unavailable", **parts)


@videos_router.post("", status_code=201, responses=problems(400, 408, 413, 415), openapi_extra=_FORM)
async def upload_video(request: Request, response: Response, services: InServices) -> VideoOut:
    """Store a video, sent as the part ``file`` of a form, and enqueue its task."""
    _refuse_announced_length(request, services.max_upload_bytes)
    part = FilePart(request.headers.get("content-type", ""), services.intake.body(request.stream()))
    await part.open()
    suffix = video_suffix(part.filename, part.content_type)
    await part.fill(HEAD_START_BYTES)
    async with services.intake.slot():
        reader = BlockingReader(part.read, asyncio.get_running_loop())
        accept = partial(services.uploads.accept, reader, suffix)
        video = await to_thread.run_sync(accept, limiter=services.upload_threads)
    response.headers["Location"] = f"/api/videos/{video.id}"
    return VideoOut.model_validate(video)


def _refuse_announced_length(request: Request, limit_bytes: int) -> None:
    """A body whose length gives it away need not be sent; others are counted as they come."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit_bytes + MAX_OTHER_BYTES:
        raise UploadRefusedError(413, f"the file is longer than the limit of {limit_bytes} bytes")


@videos_router.get("")
def read_videos(
    services: InServices,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[str | None, Query(max_length=200)] = None,
) -> VideoPage:
    """A page of videos by upload, oldest first."""
    cursor = _cursor(after)
    with Session(services.engine) as session:
        # One more than asked for: it tells whether there is a page after this one.
        videos = list_videos(session, limit=limit + 1, status=status, after=cursor)
    page = videos[:limit]
    following = Cursor.after(page[-1]).encode() if len(videos) > limit else None
    return VideoPage(videos=[VideoOut.model_validate(video) for video in page], next=following)


def _cursor(after: str | None) -> Cursor | None:
    try:
        return Cursor.decode(after) if after is not None else None
    except CursorError as error:
        problem = {"type": "cursor", "loc": ("query", "after"), "msg": str(error), "input": after}
        raise HTTPException(422, [problem]) from error


@videos_router.get("/{video_id}", responses=problems(404))
def read_video(video_id: UUID, services: InServices) -> VideoOut:
    """One video and the state of its task."""
    return VideoOut.model_validate(_existing(services, video_id))


@videos_router.get(
    "/{video_id}/download",
    response_class=StreamingResponse,
    responses=problems(404, 409, 410) | {200: {"content": {"video/mp4": {}}, "description": "The result"}},
)
def download_video(video_id: UUID, services: InServices) -> StreamingResponse:
    """The processed video."""
    video = _existing(services, video_id)
    if video.status != Status.DONE or video.processed_key is None:
        reason = f" ({video.error})" if video.error else ""
        raise HTTPException(409, f"video {video.id} is {video.status}{reason}: only a done one has a result")
    try:
        stream = services.storage.open_read(video.processed_key)
    except ObjectMissingError as error:
        raise HTTPException(410, f"the result of video {video.id} was removed from the storage") from error
    headers = {
        "Content-Length": str(stream.size_bytes),
        "Content-Disposition": f'attachment; filename="{video.id}.mp4"',
    }
    return StreamingResponse(_chunks(stream), media_type="video/mp4", headers=headers)


def _existing(services: Services, video_id: UUID) -> Video:
    with Session(services.engine) as session:
        video = get_video(session, str(video_id))
    if video is None:
        raise HTTPException(404, f"there is no video {video_id}")
    return video


async def _chunks(stream: ObjectStream) -> AsyncIterator[bytes]:
    """The chunks, read in threads; the connection goes back also when the client leaves.

    Raises:
        CutShortError: the storage failed; it is too late for another status.
    """
    try:
        async for chunk in iterate_in_threadpool(stream):
            yield chunk
    except StorageError as error:
        raise CutShortError(str(error)) from error
    finally:
        stream.close()
