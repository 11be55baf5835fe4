"""The servers that a pipeline on this machine stands on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from perf.deploy.loopback import require_local_shell
from perf.deploy.moto import MotoServer
from perf.deploy.postgres import PostgresServer


@dataclass(frozen=True)
class Servers:
    """What a pipeline on this machine stands on."""

    postgres: PostgresServer
    sqs: MotoServer
    s3: MotoServer


@contextmanager
def running_servers(shell: Mapping[str, str], folder: Path) -> Iterator[Servers]:
    """PostgreSQL and both moto servers, their logs in *folder*; DATABASE_URL may stand in for the first.

    Raises:
        NotLoopbackError: DATABASE_URL or PGHOSTADDR names another machine.
    """
    with ExitStack() as stack:
        require_local_shell(shell)
        if given := shell.get("DATABASE_URL"):
            postgres = PostgresServer.given(given)
        else:
            postgres = PostgresServer().start()
            stack.callback(postgres.stop)
        moto = {service: MotoServer(service, folder).start() for service in ("sqs", "s3")}
        for server in moto.values():
            stack.callback(server.stop)
        yield Servers(postgres, **moto)
