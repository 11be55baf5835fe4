"""What one pool child owns: its engine, its storage client and its name; made once, not per task."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache

from billiard import current_process
from sqlalchemy import Engine

from app.aws import Waits
from app.database import make_engine
from app.settings import Settings, get_settings
from app.storage import Storage, make_storage
from worker.settings import WorkerSettings, get_worker_settings

#: Each statement changes one row; one that takes longer will not come back.
ANSWER_WITHIN_S = 5.0
#: S3 begins to answer within a second, and a transfer that stands still for ten does not go on. A call is
#: tried again for as long; what lasts longer is for worker.patience.
STORAGE_WAITS = Waits(connect_s=3.0, read_s=10.0, retry_s=10.0)


@dataclass(frozen=True)
class Resources:
    """One child's own; connections must not be shared across a fork."""

    settings: Settings
    worker_settings: WorkerSettings
    engine: Engine
    storage: Storage
    #: ``node/pool-child-index/pid``.
    name: str


@lru_cache
def get_resources() -> Resources:
    """This process's resources; each pool child calls this first in worker_process_init."""
    settings = get_settings()
    # A task uses two connections at once at most: one holds the lock, one writes.
    engine = make_engine(settings, pool_size=2, application="video-worker", answer_within_s=ANSWER_WITHIN_S)
    index = getattr(current_process(), "index", 0)
    worker_settings = get_worker_settings()
    return Resources(
        settings=settings,
        worker_settings=worker_settings,
        engine=engine.execution_options(isolation_level="AUTOCOMMIT"),
        storage=make_storage(settings, STORAGE_WAITS),
        name=f"{worker_settings.worker_node}/{index}/{os.getpid()}",
    )
