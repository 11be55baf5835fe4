"""`python -m tests.deploy.guarded_moto PORT POLICIES LOG`: moto, which lets each caller do what it may.

POLICIES is a JSON file with a policy for each access key id; whoever has none may do all. Each call of the
others is a line of LOG.
"""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

from perf.deploy.loopback import REGION
from perf.deploy.processes import LOOPBACK
from tests.deploy.iam import Call, cloudwatch_call, s3_call, sqs_call

_CREDENTIAL = re.compile(r"Credential=([^/]+)/\d+/[^/]+/(\w+)/")


class Guard:
    """A WSGI app in front of moto's."""

    def __init__(self, policies: dict[str, Any], log: Path) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._policies = policies
        self._log = log

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        found = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
        caller, service = found.groups() if found else ("", "")
        if caller in self._policies:
            call = _call(service, environ)
            allowed = call.allowed_by(self._policies[caller])
            with self._log.open("a") as log:
                log.write(json.dumps([caller, call.action, call.resource, allowed]) + "\n")
            if not allowed:
                return _refuse(service, start_response)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


def _call(service: str, environ: dict[str, Any]) -> Call:
    if service == "s3":
        return s3_call(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ["QUERY_STRING"])
    if service == "monitoring":
        return cloudwatch_call(environ.get("HTTP_X_AMZ_TARGET", ""))
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    return sqs_call(environ.get("HTTP_X_AMZ_TARGET", ""), body, REGION, DEFAULT_ACCOUNT_ID)


def _refuse(service: str, start_response: Any) -> list[bytes]:
    xml = "<Error><Code>AccessDenied</Code><Message>not in its policy</Message></Error>"
    body = xml if service == "s3" else json.dumps({"__type": "AccessDenied", "message": "not in its policy"})
    start_response("403 Forbidden", [("Content-Length", str(len(body)))])
    return [body.encode()]


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    port, policies, log = sys.argv[1:]
    guard = Guard(json.loads(Path(policies).read_text()), Path(log))
    run_simple(LOOPBACK, int(port), guard, threaded=True)  # type: ignore[arg-type]
