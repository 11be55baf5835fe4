"""A proxy that breaks what goes through it on demand: microburst, with AWS's and PostgreSQL's own errors.

What it does is rules of its own (https://github.com/pingedbrain/microburst), sent to its control API; what it
did, it keeps in a log.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from perf.breakable import Hit
from perf.deploy.errors import FixtureError
from perf.deploy.loopback import NOWHERE, isolated_environment
from perf.deploy.processes import LOOPBACK, ManagedProcess, free_port, listens

#: Of what it draws at random, where a rule does so.
SEED = 20261126
#: It hangs on SIGTERM while it holds a request, and has nothing to lose.
_STOP_WITHIN_S = 1.0
_CONTROL_WITHIN_S = 10.0
_MOST_HITS = 2000

Rule = Mapping[str, Any]


class FaultProxy:
    """One proxy before one server; it can be killed and started again on the same port.

    Args:
        part: what it stands before: ``sqs``, ``s3`` or ``database``.
        target: where that is, ``http://HOST:PORT`` or ``postgresql://HOST:PORT``.
        folder: where its log goes.
    """

    def __init__(self, part: str, target: str, folder: Path) -> None:
        self.part = part
        self.port = free_port()
        self._hits: list[Hit] = []
        scheme = urlsplit(target).scheme
        speaks = "postgres" if scheme == "postgresql" else "http"
        self._control_port = free_port() if speaks == "postgres" else self.port
        self._process = ManagedProcess(
            f"the fault proxy before {part}",
            [sys.executable, "-m", "perf.deploy.microburst_server", str(SEED), "--protocol", speaks,
             "--upstream", target, "--port", str(self.port), "--control-port", str(self._control_port)],
            env=isolated_environment(os.environ, sqs_url=NOWHERE, s3_url=NOWHERE),
            log=folder / f"fault-proxy-{part}.txt",
            ready=lambda: listens(self._process.pid, self.port) and self._answers(),
            stop_deadline_s=_STOP_WITHIN_S,
        )  # fmt: skip

    @property
    def version(self) -> str:
        """What it is, and its seed."""
        return f"microburst {version('microburst')}, seed {SEED},"

    @property
    def url(self) -> str:
        """Its endpoint, where it speaks HTTP."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> Self:
        """Start it; it passes everything on."""
        self._process.start()
        return self

    def stop(self) -> None:
        """End it."""
        self._process.stop()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def go_away(self) -> None:
        """Close its port, and all that is open: what connects is refused until `start`."""
        self._keep()
        self._process.kill()

    def break_by(self, rules: Sequence[Rule]) -> None:
        """From now on, go by these rules; what it did so far is forgotten."""
        self._hits.clear()
        self._control("DELETE", "fired")
        self._control("POST", "rules", list(rules))

    def mend(self) -> None:
        """Pass everything on again."""
        self._keep()
        self._control("DELETE", "rules", [])

    @property
    def hits(self) -> Sequence[Hit]:
        """What it did by the last rules."""
        return tuple(self._hits)

    def _keep(self) -> None:
        found = self._control("GET", f"fired?limit={_MOST_HITS}")
        self._hits = [Hit(each["ts"], self.part, str(each["operation"]), each["action"]) for each in found]

    def _answers(self) -> bool:
        return bool(self._control("GET", "health")["status"] == "ok")

    def _control(self, method: str, path: str, data: object = None) -> Any:
        body = None if data is None else json.dumps(data)
        try:
            with closing(HTTPConnection(LOOPBACK, self._control_port, timeout=_CONTROL_WITHIN_S)) as asked:
                asked.request(method, f"/_microburst/{path}", body, {"Content-Type": "application/json"})
                return json.load(asked.getresponse())
        except (OSError, HTTPException, ValueError) as error:
            raise FixtureError(f"tried to ask the fault proxy before {self.part}: {error!r}") from error
