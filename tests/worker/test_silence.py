"""Database connections that die without a word, on a real PostgreSQL behind a proxy that falls silent."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import OperationalError

from app.database import make_engine
from app.model import Status
from app.settings import Settings
from tests.worker.rig import SLOW, Rig, eventually
from tests.worker.silent_proxy import SilentProxy
from worker import state
from worker.state import Outcome

ONE = text("select 1")


@pytest.fixture
def proxy(shared_rig: Rig) -> Iterator[SilentProxy]:
    url = make_url(shared_rig.settings.sqlalchemy_url)
    with SilentProxy(str(url.host), url.port or 5432).serve() as proxy:
        yield proxy


def _url(rig: Rig, proxy: SilentProxy) -> str:
    url = make_url(rig.settings.sqlalchemy_url).set(host="127.0.0.1", port=proxy.port)
    return url.render_as_string(hide_password=False)


def _engine(settings: Settings, url: str, answer_within_s: float) -> Engine:
    return make_engine(
        settings.model_copy(update={"database_url": SecretStr(url)}), 2, "silenced", answer_within_s
    )


@pytest.fixture
def engine(shared_rig: Rig, proxy: SilentProxy) -> Iterator[Engine]:
    engine = _engine(shared_rig.settings, _url(shared_rig, proxy), 0.5)
    yield engine.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()


def test_a_silent_connection_is_given_up_and_the_next_one_is_a_new_one(
    engine: Engine, proxy: SilentProxy
) -> None:
    with engine.connect() as connection:
        connection.execute(ONE)
        proxy.silence()
        begun_s = time.monotonic()
        with pytest.raises(OperationalError, match=r"the database was silent for 1\.5 s"):
            connection.execute(ONE)
        assert time.monotonic() - begun_s < 30
    with engine.connect() as connection:
        assert connection.scalar(ONE) == 1


def test_a_silent_connection_in_the_pool_costs_nobody_an_error(engine: Engine, proxy: SilentProxy) -> None:
    with engine.connect() as connection:
        connection.execute(ONE)
    proxy.silence()
    with engine.connect() as connection:
        assert connection.scalar(ONE) == 1


def test_a_database_that_accepts_and_says_nothing_is_given_up(
    shared_rig: Rig, server_that_says_nothing: int
) -> None:
    url = make_url(shared_rig.settings.sqlalchemy_url).set(host="127.0.0.1", port=server_that_says_nothing)
    engine = _engine(shared_rig.settings, url.render_as_string(hide_password=False), 0.5)
    with pytest.raises(OperationalError, match="silent"), engine.connect():
        pass


@pytest.fixture
def server_that_says_nothing() -> Iterator[int]:
    import socket  # noqa: PLC0415 - for this one alone

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_a_statement_has_a_deadline_and_both_kernels_look_after_the_connection(
    shared_rig: Rig, engine: Engine
) -> None:
    with engine.connect() as connection, pytest.raises(OperationalError, match="statement timeout"):
        connection.execute(text("select pg_sleep(300)"))
    names = ("statement_timeout", "tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count")
    with engine.connect() as connection:
        shown = [connection.scalar(text(f"show {name}")) for name in (*names, "tcp_user_timeout")]
    assert shown == ["500ms", "5", "3", "3", "10000"]
    with shared_rig.engine.begin() as connection:
        assert connection.scalar(text("show statement_timeout")) == "10s"
        process = connection.connection.driver_connection
        assert process is not None
        given = process.info.dsn_parameters
    assert (given["keepalives_idle"], given["tcp_user_timeout"]) == ("5", "10000")


def test_what_the_url_says_is_kept(shared_rig: Rig) -> None:
    url = shared_rig.settings.database_url.get_secret_value() + "?application_name=mine&keepalives_idle=77"
    engine = _engine(shared_rig.settings, url, 1)
    with engine.connect() as connection:
        process = connection.connection.driver_connection
        assert process is not None
        assert process.info.dsn_parameters["keepalives_idle"] == "77"
        assert connection.scalar(text("show application_name")) == "mine"
    engine.dispose()


def test_the_lock_of_a_silent_session_is_freed(shared_rig: Rig, engine: Engine, proxy: SilentProxy) -> None:
    """The server would hold it as long as the proxy holds the connection."""
    video_id = shared_rig.add(None)
    with state.claim(engine, video_id, "first", 3) as first:
        proxy.silence()
        assert state.release(engine, first, "why", excused=True)
    direct = shared_rig.engine.execution_options(isolation_level="AUTOCOMMIT")

    def free() -> bool:
        with state.claim(direct, video_id, "second", 9) as second:
            return second.outcome is Outcome.CLAIMED

    eventually(free, "the video is free")


def test_a_worker_goes_on_when_its_connections_fall_silent(
    shared_rig: Rig, proxy: SilentProxy, clip: Path, long_clip: Path
) -> None:
    with shared_rig.worker(concurrency=2, **SLOW, DATABASE_URL=_url(shared_rig, proxy)) as worker:
        running = [shared_rig.submit(long_clip) for _ in range(2)]
        for video_id in running:
            shared_rig.wait_for(video_id, Status.PROCESSING)
        proxy.silence()
        waiting = [shared_rig.submit(clip) for _ in range(4)]
        videos = [shared_rig.wait_for(video_id, Status.DONE) for video_id in (*running, *waiting)]
        assert [(video.attempts, video.error) for video in videos] == [(1, None)] * 6
        shared_rig.wait_until_empty()
        assert worker.alive
