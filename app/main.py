"""The web tier: ``uvicorn app.main:create_app --factory``."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from anyio import CapacityLimiter
from fastapi import FastAPI, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from app.database import create_schema, make_engine
from app.health import Health
from app.queue import EnqueueError, TaskQueue
from app.routes import Services, health_router, videos_router
from app.schemas import problems
from app.settings import Settings, get_settings
from app.storage import StorageError, make_storage
from app.upload_body import UploadRefusedError
from app.uploads import Uploads

#: Uploads in progress at once in one process.
UPLOAD_SLOTS = 16
#: Connections kept; as many again may be opened under load.
DATABASE_POOL = 10

_log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> FastAPI:
    """The API over the parts that *settings*, or else the environment, name.

    Raises:
        pydantic.ValidationError, StorageConfigError: a setting is missing or makes no sense.
    """
    settings = settings or get_settings()
    engine = make_engine(settings, pool_size=DATABASE_POOL, application="video-pipeline-web")
    app = FastAPI(title="Video pipeline", version="0.1.0", lifespan=_lifespan(engine))
    app.state.services = _make_services(settings, engine)
    app.include_router(health_router)
    if not settings.api_token:  # an empty one is none, as compose files write it
        app.include_router(videos_router)
    else:
        # The router only declares the scheme for OpenAPI; the guard below covers every path there is.
        bearer = [Security(HTTPBearer(auto_error=False))]
        app.include_router(videos_router, dependencies=bearer, responses=problems(401))
        app.add_middleware(_TokenGuard, token=settings.api_token.get_secret_value())
    _handle_errors(app)
    return app


def _make_services(settings: Settings, engine: Engine) -> Services:
    storage = make_storage(settings)
    queue = TaskQueue(settings)

    def check_database() -> None:
        with engine.connect() as connection:
            connection.execute(text("select 1"))

    return Services(
        engine=engine,
        storage=storage,
        uploads=Uploads(settings, engine, storage, queue),
        health=Health({"database": check_database, "storage": storage.check, "queue": queue.check}),
        max_upload_bytes=settings.max_upload_bytes,
        upload_slots=CapacityLimiter(UPLOAD_SLOTS),
    )


def _lifespan(engine: Engine) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        create_schema(engine)
        yield
        engine.dispose()

    return lifespan


class _TokenGuard:
    """Answers 401 to what carries no valid token, before anything of its body is read."""

    OPEN_PATH = "/api/health"

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == self.OPEN_PATH or self._allows(scope):
            await self._app(scope, receive, send)
            return
        answer = JSONResponse(
            {"detail": "send the API's token as 'Authorization: Bearer ...'"},
            status_code=401,
            headers={"WWW-Authenticate": "Bearer"},
        )
        await answer(scope, receive, send)

    def _allows(self, scope: Scope) -> bool:
        given = dict(scope["headers"]).get(b"authorization", b"")
        return secrets.compare_digest(given, self._expected)


def _handle_errors(app: FastAPI) -> None:
    """Every error that a route lets through becomes one clear JSON body; details go to the log alone."""

    @app.exception_handler(UploadRefusedError)
    async def refused(_: Request, error: UploadRefusedError) -> JSONResponse:
        return JSONResponse({"detail": error.detail}, status_code=error.status_code)

    @app.exception_handler(ClientDisconnect)
    async def left(request: Request, _: ClientDisconnect) -> JSONResponse:
        _log.info("%s %s: the client left", request.method, request.url.path)
        return JSONResponse({"detail": "the client left"}, status_code=400)

    _unavailable(app, "the storage did not answer: try again later", StorageError)
    _unavailable(
        app, "the video is stored and could not be enqueued, so it is failed: send it again", EnqueueError
    )
    _unavailable(
        app,
        "the database did not answer: try again later",
        OperationalError,
        InterfaceError,
        InternalError,
        PoolTimeoutError,
    )


def _unavailable(app: FastAPI, detail: str, *kinds: type[Exception]) -> None:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        _log.warning("%s %s: %s", request.method, request.url.path, error)
        return JSONResponse({"detail": detail}, status_code=503, headers={"Retry-After": "5"})

    for kind in kinds:
        app.add_exception_handler(kind, answer)
