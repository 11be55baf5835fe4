"""The web tier as an ASGI app; ``python -m app`` serves it."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI, Request, Security
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.aws import Waits
from app.database import create_schema, make_engine
from app.health import Health
from app.intake import RETRY_AFTER_S, Intake
from app.limits import WebLimits, get_limits
from app.queue import EnqueueError, TaskQueue
from app.routes import CutShortError, Services, health_router, videos_router
from app.schemas import problems
from app.settings import Settings, get_settings
from app.startup import or_exit, wait_for_database
from app.storage import StorageError, make_storage
from app.upload_body import UploadRefusedError
from app.uploads import Uploads

#: An upload keeps its slot meanwhile. A part of 8 MiB has as long as it is being sent.
STORAGE_WAITS = Waits(connect_s=3, read_s=10, retry_s=8)
#: Connections kept; as many again may be opened under load.
DATABASE_POOL = 10

_log = logging.getLogger(__name__)


def create_app() -> FastAPI:
    """The API over the parts that the environment names, as uvicorn's ``--factory`` wants it.

    Raises:
        SystemExit: the settings make no sense, or the database does not answer; one line says so.
    """
    with or_exit():
        settings, limits = get_settings(), get_limits()
        app = make_app(settings, limits)
        wait_for_database(app.state.services.engine, limits.startup_timeout_s)
    return app


def make_app(settings: Settings, limits: WebLimits | None = None) -> FastAPI:
    """The API over the parts that *settings* name.

    Raises:
        ValueError, StorageConfigError: a setting makes no sense.
    """
    engine = make_engine(settings, pool_size=DATABASE_POOL, application="video-pipeline-web")
    services = _make_services(settings, limits or get_limits(), engine)
    app = FastAPI(title="Video pipeline", version="0.1.0", lifespan=_lifespan(services))
    app.state.services = services
    app.include_router(health_router)
    if not settings.api_token:  # an empty one is none, as compose files write it
        app.include_router(videos_router)
    else:
        # The router only declares the scheme for OpenAPI; the guard below covers every path there is.
        bearer = [Security(HTTPBearer(auto_error=False))]
        app.include_router(videos_router, dependencies=bearer, responses=problems(401))
        app.add_middleware(_TokenGuard, token=settings.api_token.get_secret_value())
    app.add_middleware(_CutOff)
    _handle_errors(app)
    return app


def _make_services(settings: Settings, limits: WebLimits, engine: Engine) -> Services:
    storage = make_storage(settings, STORAGE_WAITS)
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
        intake=Intake(limits),
        upload_threads=CapacityLimiter(limits.upload_slots),
    )


def _lifespan(
    services: Services,
) -> Callable[[FastAPI], AbstractAsyncContextManager[Mapping[str, Any]]]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[Mapping[str, Any]]:
        create_schema(services.engine)
        yield {"intake": services.intake}  # for the protocol, which hears first that the server stops
        services.engine.dispose()

    return lifespan


class _CutOff:
    """An answer that cannot be ended is one line of the log and not a traceback; uvicorn then closes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def note(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, note)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise
            _log.warning("%s %s was cut off: the server stops", scope["method"], scope["path"])
            if not begun:
                await _unavailable("the server is being stopped: try again later")(scope, receive, send)
        except CutShortError as error:
            _log.warning("%s %s was cut off: %s", scope["method"], scope["path"], error)


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
        headers = {"Retry-After": str(error.retry_after_s)} if error.retry_after_s else None
        return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=headers)

    @app.exception_handler(ClientDisconnect)
    async def left(request: Request, _: ClientDisconnect) -> JSONResponse:
        _log.info("%s %s: the client left", request.method, request.url.path)
        return JSONResponse({"detail": "the client left"}, status_code=400)

    _answer_503(app, "the storage did not answer: try again later", StorageError)
    _answer_503(
        app, "the video could not be enqueued, so it is failed and not kept: send it again", EnqueueError
    )
    _answer_503(
        app,
        "the database did not answer: try again later",
        OperationalError,
        InterfaceError,
        InternalError,
        PoolTimeoutError,
    )


def _answer_503(app: FastAPI, detail: str, *kinds: type[Exception]) -> None:
    async def answer(request: Request, error: Exception) -> JSONResponse:
        _log.warning("%s %s: %s", request.method, request.url.path, error)
        return _unavailable(detail)

    for kind in kinds:
        app.add_exception_handler(kind, answer)


def _unavailable(detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=503, headers={"Retry-After": str(RETRY_AFTER_S)})
