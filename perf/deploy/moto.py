"""moto as a server process: the SQS or S3 protocol over HTTP.

One process for each service, and none of them this one: S3 traffic in the same interpreter takes an
SQS send from 6 to 160 ms.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Self

from perf.deploy.loopback import NOWHERE, isolated_environment
from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port, listens


class MotoServer:
    """A moto server for one service; it can be killed and started again on the same port."""

    def __init__(self, service: str, folder: Path) -> None:
        self.service = service
        self.port = free_port()
        self._process = ManagedProcess(
            f"moto {service}",
            [sys.executable, "-m", "perf.deploy.moto_server", str(self.port)],
            env=isolated_environment(os.environ, sqs_url=NOWHERE, s3_url=NOWHERE),
            log=folder / f"moto-{service}.txt",
            ready=lambda: listens(self.pid, self.port),
        )

    @property
    def url(self) -> str:
        """Its endpoint."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def start(self) -> Self:
        """Start it, empty."""
        self._process.start()
        return self

    def stop(self) -> None:
        """End it; what it held is gone."""
        self._process.stop()

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
