"""What a load leaves in the deployment, and its removal: rows, objects, messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select

from app.model import CLOCK, Status, Video, new_id
from perf.load.request_log import Request

if TYPE_CHECKING:
    from fixtures.deployment import Deployment

_REMOVERS = 8


class Uploads:
    """The uploads of a case in its deployment.

    On this machine, where the database is the run's alone, whatever was uploaded since the case began is
    removed, also what no answer was seen of. Elsewhere what was answered is removed, by its id; the
    messages of both are dropped by the workers, who find no row.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        with deployment.engine.connect() as connection:
            self._since = connection.scalar(select(CLOCK))
        self._known: set[str] = set()

    @contextmanager
    def removed(self) -> Iterator[None]:
        """Whatever is left at the end of the block is removed, however it ends."""
        try:
            yield
        finally:
            self._remove(self._left())

    def remove(self, requests: Iterable[Request]) -> int:
        """Remove the uploads of a load; how many of those acknowledged the database does not know."""
        acknowledged = {request.video_id for request in requests if request.video_id}
        self._known |= acknowledged
        found = self._left()
        self._remove(found)
        self._known -= acknowledged
        return len(acknowledged - {video_id for video_id, _ in found})

    def _left(self) -> Sequence[tuple[str, str]]:
        """Id and key of each upload that is still there."""
        query = select(Video.id, Video.object_key)
        if self._deployment.is_here:
            query = query.where(Video.uploaded_at >= self._since, Video.processed_key.is_(None))
        else:
            query = query.where(Video.id.in_(self._known))
        with self._deployment.engine.connect() as connection:
            return [(row.id, row.object_key) for row in connection.execute(query)]

    def _remove(self, found: Sequence[tuple[str, str]]) -> None:
        with self._deployment.engine.begin() as connection:
            connection.execute(delete(Video).where(Video.id.in_([video_id for video_id, _ in found])))
        with ThreadPoolExecutor(_REMOVERS, "remove") as removers:
            list(removers.map(self._deployment.storage.delete, [key for _, key in found]))
        self._deployment.empty_queue()


@contextmanager
def done_video(deployment: Deployment, key: str) -> Iterator[str]:
    """The id of a video that is done, so that there is something to download while nothing processes.

    Its result is the object *key*, which stays.
    """
    video_id = new_id()
    row = {
        "id": video_id,
        "object_key": key,
        "processed_key": key,
        "status": Status.DONE,
        "finished_at": func.clock_timestamp(),
    }
    with deployment.engine.begin() as connection:
        connection.execute(insert(Video).values(**row))
    try:
        yield video_id
    finally:
        with deployment.engine.begin() as connection:
            connection.execute(delete(Video).where(Video.id == video_id))
